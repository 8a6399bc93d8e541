using JumpingVpn.Node.Control;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Operation;

/// <summary>REQ-EXHAUST-3, REQ-TELEMETRY-3: the gateway's disk is full while sessions live.</summary>
public sealed class FullDiskTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>For so long a client asks in vain: many of its attempts, and far below the recovery window of a minute.</summary>
    private static readonly TimeSpan InVain = TimeSpan.FromSeconds(4);

    [PrivilegedFact]
    public void REQ_EXHAUST_3_data_goes_on_nothing_is_bound_unstored_and_it_is_bound_when_there_is_room()
    {
        using var disk = new SmallDisk(megabytes: 8);
        string log = disk.PathOf("node.log");
        var options = new NodeTunnelOptions { GatewayLines = [$"log: {{ level: debug, file: {log} }}"] };
        using Tunnel tunnel = Tunnel.Start(options, nodes =>
        {
            string file = nodes.PathOf("gateway.yaml"), text = File.ReadAllText(file);
            Assert.Contains("sqlite: events.db", text, StringComparison.Ordinal);
            File.WriteAllText(file, text.Replace("sqlite: events.db", $"sqlite: {disk.PathOf("events.db")}", StringComparison.Ordinal));
        });
        var streams = new ProbeOptions(tunnel.Topology.Client, tunnel.Topology.Gateway, tunnel.Nodes.GatewayAddress);
        using ProbeStreams probes = ProbeStreams.Start(streams, Limit);
        Assert.Equal(("Attached", "wan1"), (tunnel.Session().State, tunnel.Session().Uplink));
        SessionStatus before = Gateway(tunnel);
        Assert.Equal(("Attached", true), (before.State, tunnel.Nodes.Gateway.ReadStatus()!.Store!.Healthy));

        // While the disk is full nothing can be exported, and a failure here must say what it is.
        tunnel.Nodes.IsAudited = false;
        disk.Fill();
        tunnel.Await("the store's failure in the status", () => !tunnel.Nodes.Gateway.ReadStatus()!.Store!.Healthy, 30);
        // Whatever was given back meanwhile is taken too, and what the log's last page has left.
        disk.Fill();
        SmallDisk.FillPage(log);
        Assert.True(probes.AwaitFlow(LabClock.Now, Limit), "data does not pass" + Environment.NewLine + tunnel.Nodes.Logs());
        Assert.Equal(before.BindingVersion, Gateway(tunnel).BindingVersion);

        long since = LabClock.Now;
        var fault = new LinkDownFault(tunnel.Topology);
        fault.Apply();
        fault.AssertTookHold();
        tunnel.Await("a refusal for want of a store", () => tunnel.Nodes.Gateway.ReadStatus()!.Rejections.GetValueOrDefault("STORE_UNAVAILABLE") > 0);
        Assert.False(LabClock.WaitUntil(() => IsMoved(tunnel, before), InVain), "bound without a stored event" + Environment.NewLine + tunnel.Nodes.Logs());
        Assert.False(probes.AwaitFlow(LabClock.Now, TimeSpan.FromSeconds(0.5)), "data passes by a way that is not bound");
        disk.AssertFull();
        // Each refused append is a line of the log.
        tunnel.Await("a warning about the log", () => tunnel.Nodes.Gateway.ReadStatus()!.Telemetry is { Dropped: > 0 } telemetry
            && telemetry.Warnings.Any(warning => warning.EndsWith($" not taken by {log}", StringComparison.Ordinal)));

        disk.MakeRoom();
        tunnel.Await("the move once there is room", () => IsMoved(tunnel, before) && tunnel.Session() is { Uplink: "wan2", State: "Attached" });
        Assert.True(probes.AwaitFlow(LabClock.Now, Limit), tunnel.Nodes.Logs());
        ProbeReport report = probes.Finish(since);

        Assert.True(report.TcpAlive, "the connection inside the tunnel has ended" + Environment.NewLine + tunnel.Nodes.Logs());
        Assert.Equal(before.Id, tunnel.Session().Id);
        Assert.True(tunnel.Nodes.Gateway.ReadStatus()!.Store!.Healthy, tunnel.Nodes.Logs());
        // What was acknowledged is stored and can be proven.
        tunnel.Nodes.IsAudited = true;
    }

    /// <summary>The gateway has bound another transport, or the client believes so.</summary>
    private static bool IsMoved(Tunnel tunnel, SessionStatus before) =>
        Gateway(tunnel).BindingVersion != before.BindingVersion || tunnel.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan2" };

    private static SessionStatus Gateway(Tunnel tunnel) => Assert.Single(tunnel.Nodes.Gateway.ReadStatus()!.Sessions);
}
