using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Cases;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>One test in the cluster's lab: streams through the tunnel to the server behind the nodes, and the watch on who delivers.</summary>
internal sealed class ClusterRun : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    private readonly ClusterLab lab;
    private readonly LabSession before;
    private ProbeStreams? probes;

    public ClusterRun(ClusterLab lab)
    {
        this.lab = lab;
        before = lab.Nodes.ReadSession()!;
        Owner = ClusterTunnel.OwnerOf(before) ?? throw new LabException("no node serves the session");
        Watch = DeliveryWatch.Start(lab.Topology, ClusterTunnel.Port, ClusterTunnel.ClientAddress);
    }

    public DeliveryWatch Watch { get; }

    /// <summary>The node that served the session when all began: as a rule, the one that the client's configuration names first.</summary>
    public int Owner { get; }

    public int Other => 3 - Owner;

    /// <summary>The session that all began with.</summary>
    public string Session => before.Id;

    public ClusterTunnel Nodes => lab.Nodes;

    /// <summary>Starts the streams and lets them run for long enough that the standby paths are proven.</summary>
    /// <param name="outage">The longest that is to come, in seconds.</param>
    public void Stream(double outage = 4)
    {
        probes = ProbeStreams.Start(
            new ProbeOptions(lab.Topology.Client, lab.Topology.Server, Nodes.GatewayAddress, Longest: TimeSpan.FromMinutes(3)) { TcpRevival = TimeSpan.FromSeconds(outage) },
            Limit);
        ProbeStreams.RunFor(TimeSpan.FromSeconds(2));
        Assert.True(probes.AwaitFlow(LabClock.Now, Limit), Nodes.Logs());
    }

    /// <summary>Measures one of the outage table's cases with streams of its own.</summary>
    public OutageResult Measure(OutageCase outageCase)
    {
        try
        {
            return OutageRound.Measure(outageCase, lab.Topology, Nodes, Limit);
        }
        catch (LabException exception)
        {
            throw new LabException(exception.Message + Environment.NewLine + Nodes.Logs(), exception);
        }
    }

    /// <summary>Datagrams that were sent after this moment arrive in both directions.</summary>
    public void AwaitFlow(double seconds = 10) =>
        Assert.True(probes!.AwaitFlow(LabClock.Now, TimeSpan.FromSeconds(seconds)), "nothing flows" + Environment.NewLine + Nodes.Logs());

    /// <summary>The session is attached at this node.</summary>
    public void AwaitOwner(int node, double seconds = 10) =>
        lab.Await($"the session at node {node}", () => Nodes.ReadSession() is { State: "Attached" } session && ClusterTunnel.OwnerOf(session) == node, seconds);

    /// <summary>Ends the streams: the session and the connection inside are what they were, and no packet has arrived twice.</summary>
    public ProbeReport Finish(long since)
    {
        ProbeStreams.RunFor(Settle);
        ProbeReport report = probes!.Finish(since);
        Assert.Equal(before.Id, Nodes.ReadSession()?.Id);
        Assert.True(report.TcpAlive, "the inner connection is dead" + Environment.NewLine + Nodes.Logs());
        AssertOnce(report);
        return report;
    }

    public static void AssertOnce(ProbeReport report) => Assert.Equal((0, 0), (report.Up!.Duplicates, report.Down!.Duplicates));

    /// <summary>The nodes have delivered one after the other, in this order, and never both.</summary>
    public void AssertTurns(params int[] order)
    {
        IReadOnlyList<DeliveryTurn> turns = Watch.Turns();
        Assert.True(turns.Select(turn => turn.Node).SequenceEqual(order), "the nodes' turns:" + Environment.NewLine + Describe(turns) + Nodes.Logs());
    }

    /// <summary>The nodes have delivered one after the other: their turns are no more than the session's owners.</summary>
    public void AssertTurnsBy(int claims)
    {
        IReadOnlyList<DeliveryTurn> turns = Watch.Turns();
        Assert.True(turns.Count <= claims + 1, $"{claims} claims, and the nodes' turns:{Environment.NewLine}{Describe(turns)}{Nodes.Logs()}");
    }

    public static string Describe(IEnumerable<DeliveryTurn> turns) =>
        string.Concat(turns.Select(turn => $"node {turn.Node} from {Milliseconds(turn.From)} to {Milliseconds(turn.Until)} ms: {turn.Packets} packets{Environment.NewLine}"));

    public void Dispose()
    {
        probes?.Dispose();
        Watch.Dispose();
        Nodes.Audit();
    }

    private static double Milliseconds(long nanoseconds) => nanoseconds / LabClock.Millisecond % 1_000_000;
}
