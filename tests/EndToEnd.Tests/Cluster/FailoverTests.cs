using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Database;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>The database's primary dies and a synchronous standby takes its place.</summary>
public sealed class FailoverTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [PrivilegedFact]
    public void No_binding_that_was_acknowledged_is_lost_with_the_primary()
    {
        using LabDatabase primary = LabDatabase.Start();
        using LabDatabase standby = primary.StartStandby();
        using LabTopology topology = LabTopology.Create(new LabOptions(Cluster: true));
        using var nodes = new ClusterTunnel(topology, new ClusterOptions([primary, standby]));
        nodes.Start();
        using DeliveryWatch watch = DeliveryWatch.Start(topology, ClusterTunnel.Port, ClusterTunnel.ClientAddress);
        using ProbeStreams probes = ProbeStreams.Start(
            new ProbeOptions(topology.Client, topology.Server, nodes.GatewayAddress) { TcpRevival = Limit }, Limit);
        LabSession before = nodes.ReadSession()!;
        ProbeStreams.RunFor(TimeSpan.FromSeconds(2));

        // The session jumps, and the primary dies in the moment in which its client says so.
        var blackhole = new BlackholeFault(topology);
        long since = LabClock.Now;
        blackhole.Apply();
        Assert.True(LabClock.WaitUntil(() => nodes.ReadSession() is { State: "Attached", Uplink: "wan2" }, Limit, 1), nodes.Logs());
        LabSession acknowledged = nodes.ReadSession()!;
        primary.Kill();
        Assert.True(primary.HasExited);
        blackhole.AssertTookHold();
        blackhole.Lift();
        standby.Promote();
        Assert.InRange(StoredVersion(standby, nodes, before.Id), (long)acknowledged.Version, long.MaxValue);

        Assert.True(probes.AwaitFlow(LabClock.Now, Limit), nodes.Logs());
        Assert.True(LabClock.WaitUntil(() => nodes.ReadSession() is { State: "Attached" }, Limit), nodes.Logs());
        // And what is bound from now on is bound in the standby.
        new LinkDownFault(topology, uplink: 2).Apply();
        Assert.True(LabClock.WaitUntil(() => nodes.ReadSession() is { State: "Attached", Uplink: "wan1" }, Limit), nodes.Logs());
        LabSession after = nodes.ReadSession()!;
        ProbeReport report = probes.Finish(since);

        Assert.Equal((before.Id, before.Id), (acknowledged.Id, after.Id));
        Assert.True(after.Version > acknowledged.Version, $"version {acknowledged.Version} became {after.Version}");
        Assert.InRange(StoredVersion(standby, nodes, before.Id), (long)after.Version, long.MaxValue);
        Assert.True(report.TcpAlive, nodes.Logs());
        ClusterRun.AssertOnce(report);
        // A lease may have lapsed meanwhile: then the other node has it, and keeps it.
        IReadOnlyList<DeliveryTurn> turns = watch.Turns();
        Assert.True(turns.Count <= 2, ClusterRun.Describe(turns));
    }

    private static long StoredVersion(LabDatabase server, ClusterTunnel nodes, string session) =>
        server.Query<long>(nodes.Database, $"SELECT version FROM jumping_vpn.mt_streams WHERE id = '{session}'");
}
