using JumpingVpn.Node.Control;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Sessions;

/// <summary>REQ-HIJACK-6: who is no longer registered has no session, whatever it holds of one.</summary>
public sealed class RegistrationTests
{
    private const string Client4 = "10.77.0.2";

    [PrivilegedFact]
    public void REQ_HIJACK_6_a_client_that_was_removed_loses_its_session_and_the_others_go_on()
    {
        using Tunnel tunnel = Started();
        LabSession removed = tunnel.Session(0), other = tunnel.Session(1);
        Change(tunnel, line => null);

        AssertEnded(tunnel, removed);
        AssertGoesOn(tunnel, other);
        AssertNothingPasses(tunnel);

        // Its state file brings it no further, nor does a handshake.
        tunnel.Nodes.StartClient(0);
        Assert.False(LabClock.WaitUntil(() => tunnel.Nodes.Client.ReadSession() is { State: "Attached" }, TimeSpan.FromSeconds(2)), tunnel.Nodes.Logs());
        AssertNothingPasses(tunnel);
        AssertGoesOn(tunnel, other);
    }

    [PrivilegedFact]
    public void REQ_HIJACK_6_of_a_key_that_was_replaced_only_the_new_one_attaches()
    {
        using Tunnel tunnel = Started();
        LabSession old = tunnel.Session(0), other = tunnel.Session(1);
        NodeKeys keys = NodeKeys.Create();
        Change(tunnel, line =>
        {
            string[] parts = line.Split('"');
            parts[1] = keys.Public;
            return string.Join('"', parts);
        });

        AssertEnded(tunnel, old);
        AssertGoesOn(tunnel, other);
        AssertNothingPasses(tunnel);

        Assert.True(tunnel.Nodes.Client.Stop(), tunnel.Nodes.Logs());
        File.Delete(tunnel.Nodes.PathOf("client.key"));
        File.Delete(tunnel.Nodes.PathOf("client.state"));
        keys.WritePrivate(tunnel.Nodes.PathOf("client.key"));
        tunnel.Nodes.StartClient(0);
        tunnel.Nodes.Client.AwaitAttached();
        Assert.NotEqual(old.Id, tunnel.Session(0).Id);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4, 0), tunnel.Nodes.Logs());
        Assert.Equal("client", tunnel.Nodes.Gateway.ReadStatus()!.Sessions.Single(session => session.Id == tunnel.Session(0).Id).Client);
        AssertGoesOn(tunnel, other);
    }

    private static Tunnel Started()
    {
        Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { Clients = 2, State = true });
        foreach (int client in new[] { 0, 1 })
        {
            Assert.Equal("Attached", tunnel.Session(client).State);
            Assert.True(tunnel.Pings(NodeAddresses.Gateway4, client), tunnel.Nodes.Logs());
        }

        return tunnel;
    }

    /// <summary>Ends the gateway, changes or drops the line of its configuration that registers the first client, and starts it again.</summary>
    private static void Change(Tunnel tunnel, Func<string, string?> change)
    {
        Assert.True(tunnel.Nodes.Gateway.Stop(), tunnel.Nodes.Logs());
        string file = tunnel.Nodes.PathOf("gateway.yaml");
        string[] lines = File.ReadAllLines(file);
        string registered = Assert.Single(lines, line => line.StartsWith("  - { name: client,", StringComparison.Ordinal));
        File.WriteAllLines(file, lines.Select(line => line == registered ? change(line) : line).OfType<string>());
        tunnel.Nodes.StartGateway();
        tunnel.Nodes.Gateway.AwaitReady();
    }

    private static void AssertEnded(Tunnel tunnel, LabSession session)
    {
        tunnel.Await("the session's end in the log", () => tunnel.Nodes.Gateway.Output().Split('\n').Any(line =>
            line.Contains(session.Id, StringComparison.Ordinal) && line.Contains("-> Terminated CLIENT_REMOVED", StringComparison.Ordinal)));
        SessionStatus[] left = [.. tunnel.Nodes.Gateway.ReadStatus()!.Sessions.Where(known => known.Id == session.Id)];
        Assert.All(left, known => Assert.Equal(("Terminated", "CLIENT_REMOVED"), (known.State, known.LastReason)));
        tunnel.Await("the client's notice of it", () => tunnel.Nodes.Client.ReadSession() is not { State: "Attached" });
    }

    private static void AssertGoesOn(Tunnel tunnel, LabSession other)
    {
        tunnel.Await("the other client's return", () => tunnel.Nodes.ClientAt(1).ReadSession() is { State: "Attached" });
        Assert.Equal(other.Id, tunnel.Session(1).Id);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4, 1), tunnel.Nodes.Logs());
    }

    /// <summary>Neither from the client to the gateway nor back, though the client tries.</summary>
    private static void AssertNothingPasses(Tunnel tunnel)
    {
        tunnel.Await("a refused handshake of the old key", () => tunnel.Nodes.Gateway.ReadStatus()!.Rejections.GetValueOrDefault("UNKNOWN_CLIENT") > 0, 20);
        Assert.False(tunnel.Pings(NodeAddresses.Gateway4, 0, seconds: 1.5), tunnel.Nodes.Logs());
        Assert.Throws<LabException>(() => tunnel.Topology.Gateway.Execute("ping", ["-c", "2", "-i", "0.2", "-W", "0.5", Client4]));
        Assert.True(tunnel.Nodes.Client.ReadSession() is not { State: "Attached" }, tunnel.Nodes.Logs());
    }
}
