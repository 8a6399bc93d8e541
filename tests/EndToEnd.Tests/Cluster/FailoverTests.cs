using System.Globalization;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>The database's primary dies and a synchronous standby takes its place.</summary>
public sealed class FailoverTests
{
    private const string Standby = "standby";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [ClusterFact]
    public void No_binding_that_was_acknowledged_is_lost_with_the_primary()
    {
        using PostgresServer primary = PostgresServer.Start();
        using PostgresServer standby = primary.StartStandby(Standby, new());
        primary.Sql("postgres", $"ALTER SYSTEM SET synchronous_standby_names = '{Standby}'");
        primary.Sql("postgres", "SELECT pg_reload_conf()");
        const string synchronous = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'";
        Assert.True(LabClock.WaitUntil(() => primary.Sql("postgres", synchronous) == "1", Limit), "the standby does not stream");
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
        Assert.Null(primary.ProcessId);
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
        nodes.Audit();
    }

    private static long StoredVersion(PostgresServer server, ClusterTunnel nodes, string session) =>
        long.Parse(server.Sql(nodes.Database, $"SELECT version FROM jumping_vpn.mt_streams WHERE id = '{session}'"), CultureInfo.InvariantCulture);
}
