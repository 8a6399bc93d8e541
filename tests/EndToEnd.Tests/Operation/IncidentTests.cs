using System.Text;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Incidents;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Operation;

/// <summary>What real nodes export can be verified by their own keys.</summary>
public sealed class IncidentTests
{
    [PrivilegedFact]
    public void A_jump_is_exported_by_both_ends_while_they_run_and_from_the_gateways_files_afterwards()
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { State = true });
        string session = tunnel.Session().Id;
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        tunnel.Topology.Client.Execute("ip", ["link", "set", "wan1", "down"]);
        tunnel.Await("the jump", () => tunnel.Session() is { State: "Attached", Version: > 1 });
        Thread.Sleep(TimeSpan.FromSeconds(2.5));

        string gateway = tunnel.Nodes.PathOf("gateway.jvi"), client = tunnel.Nodes.PathOf("client.jvi"), both = tunnel.Nodes.PathOf("both.jvi");
        Export(session, gateway, "--control", tunnel.Nodes.Gateway.ControlPath);
        Export(session, client, "--control", tunnel.Nodes.Client.ControlPath);
        TrustedKeys keys = TrustedKeys.Parse(Key(tunnel.Nodes.PathOf("gateway.yaml")) + Key(tunnel.Nodes.PathOf("client.yaml"))).IfLeft(problem => throw new InvalidOperationException(problem));
        using (FileStream joined = File.Create(both)) Assert.Equal(2, (int)IncidentJoining.Join([gateway, client], joined));
        IncidentSummary summary = Verify(both, keys);
        Assert.Equal(2, summary.Parts);
        Assert.True(summary.Events >= 2);

        using (var reader = (IncidentFileReader)IncidentFileReader.Open(both))
        {
            var incident = (Incident)reader.ReadAll();
            Assert.Contains(incident.Evidence, static seen => seen is Evidence.PathSample { IsBound: true, RttMicros: > 0 } sample && sample.Path.StartsWith("wan", StringComparison.Ordinal));
            Assert.Contains(incident.Evidence, static seen => seen is Evidence.Probes { Sent: > 0, Received: > 0 });
            Assert.Contains(incident.Evidence, static seen => seen is Evidence.Mirrored { To: SessionState.Attached });
            Assert.Contains(incident.Evidence, static seen => seen is Evidence.Link { Subject: "uplinks" });
            Assert.Equal(incident.Steps[^1].Version, incident.Evidence.OfType<Evidence.Mirrored>().Max(static seen => seen.Version));
        }

        Assert.True(tunnel.Nodes.Gateway.Stop(), tunnel.Nodes.Logs());
        string files = tunnel.Nodes.PathOf("files.jvi");
        Export(session, files, "--config", tunnel.Nodes.PathOf("gateway.yaml"));
        Assert.True(Verify(files, keys).LastVersion > summary.LastVersion, "the gateway has let go of the session before it ended");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(files));
    }

    [PrivilegedFact]
    public void What_a_gateway_has_stored_is_verified_when_a_tunnel_ends_and_an_altered_event_is_found()
    {
        Tunnel tunnel = Tunnel.Start();
        string session = tunnel.Session().Id;
        long before = LabAudit.Verified;
        Assert.Null(LabAudit.OfRunning([new(tunnel.Nodes.PathOf("gateway.yaml"), tunnel.Nodes.Gateway), new(tunnel.Nodes.PathOf("client.yaml"), tunnel.Nodes.Client)]));
        Assert.Equal(before + 2, LabAudit.Verified);

        // One that ends cleanly leaves no log of writes beside its database.
        Assert.True(tunnel.Nodes.Gateway.Stop(), tunnel.Nodes.Logs());
        Replace(tunnel.Nodes.PathOf("events.db"), "HANDSHAKE_OK", "HANDSHAKE_NO");
        LabException found = Assert.Throws<LabException>(tunnel.Dispose);
        Assert.Contains(session, found.Message.Split(Environment.NewLine)[0], StringComparison.Ordinal);
    }

    [PrivilegedFact]
    public void A_session_that_a_client_was_told_and_that_no_gateway_has_is_found_when_a_tunnel_ends()
    {
        Tunnel tunnel = Tunnel.Start();
        string session = tunnel.Session().Id;
        Thread.Sleep(TimeSpan.FromSeconds(1.5));
        tunnel.Nodes.Gateway.Kill();
        foreach (string file in Directory.GetFiles(tunnel.Topology.WorkDirectory, "events.db*")) File.Delete(file);
        LabException found = Assert.Throws<LabException>(tunnel.Dispose);
        Assert.Contains($"session {session} cannot be exported", found.Message.Split(Environment.NewLine)[0], StringComparison.Ordinal);
    }

    /// <summary>Replaces a text by one of the same length, everywhere; at least once.</summary>
    private static void Replace(string file, string text, string by)
    {
        string content = Encoding.Latin1.GetString(File.ReadAllBytes(file));
        Assert.Contains(text, content, StringComparison.Ordinal);
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes(content.Replace(text, by, StringComparison.Ordinal)));
    }

    internal static void Export(string session, string file, params string[] from)
    {
        CliResult result = NodeCli.Run(["sessions", "export", session, "--out", file, .. from]);
        Assert.True(result.ExitCode == 0, result.Error);
    }

    /// <summary>What `auditkey` prints.</summary>
    internal static string Key(string configuration)
    {
        CliResult result = NodeCli.Run("auditkey", "--config", configuration);
        Assert.True(result.ExitCode == 0, result.Error);
        return result.Output;
    }

    internal static IncidentSummary Verify(string file, TrustedKeys keys)
    {
        using var reader = (IncidentFileReader)IncidentFileReader.Open(file);
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, keys);
        while (reader.Read() && check.Take(reader.Line, reader.Digest))
        {
        }
        IncidentSummary? summary = check.Finish();
        Assert.True(summary is not null && reader.Fault is null, reader.Fault ?? check.Fault?.ToString());
        return summary;
    }
}
