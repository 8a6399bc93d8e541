using System.Globalization;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Cases;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>
/// REQ-PARTITION-1: whatever happens to the node that owns a session, the session goes on at one node and is never delivered for by two.
/// Real processes, a real PostgreSQL server, network namespaces. `bench/run cluster` measures the table's own figures.
/// </summary>
public sealed class OwnershipTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    /// <summary>A move waits for several commits, and a test machine's disk may be slow; what must hold in every single round has no room.</summary>
    private const double Room = 4;

    /// <summary>Datagrams that one look at the deadline covers.</summary>
    private const int Batch = 32;

    private static readonly LeaseTimes Times = LeaseTimes.Default;

    public static TheoryData<string> Cases => [.. ClusterCases.All.Select(outageCase => outageCase.Name)];

    [ClusterTheory]
    [MemberData(nameof(Cases))]
    public void The_session_goes_on_at_the_other_node(string name)
    {
        OutageCase outageCase = ClusterCases.Find(name)!;
        using ClusterRun run = lab.Begin();
        OutageResult result = run.Measure(outageCase);

        Assert.NotNull(result.Before);
        string violations = string.Join("; ", result.Violations(new OutageLimits(outageCase.Limits.OutageMilliseconds * Room)));
        Assert.True(violations.Length == 0, violations + Environment.NewLine + lab.Nodes.Logs());
        run.AssertTurns(run.Owner, run.Other);
        ClusterRun.AssertOnce(result.Probes);
    }

    [ClusterFact]
    public void An_owner_that_was_frozen_for_longer_than_its_lease_lets_one_batch_out_at_most_and_comes_back_as_another()
    {
        using ClusterRun run = lab.Begin();
        run.Stream();
        string incarnation = Incarnation(run.Owner);
        long since = LabClock.Now;
        lab.Nodes.NodeAt(run.Owner).Signal(LabSignal.Stop);
        run.AwaitOwner(run.Other);
        Assert.True(IsStopped(lab.Nodes.NodeAt(run.Owner)), "the owner is not stopped");
        run.AwaitFlow();
        long woken = DeliveryWatch.Now;
        lab.Nodes.NodeAt(run.Owner).Signal(LabSignal.Continue);
        lab.Await("a new incarnation of the woken node", () => lab.Serves(run.Owner) && Incarnation(run.Owner) != incarnation);
        run.Finish(since);

        Delivery[] late = [.. run.Watch.Deliveries().Where(delivery => delivery.Node == run.Owner && delivery.At >= woken)];
        Assert.InRange(late.Count(delivery => delivery.Inside), 0, Batch);
        Assert.InRange(late.Count(delivery => !delivery.Inside), 0, Batch);
        Assert.Equal([run.Owner, run.Other], DeliveryWatch.TurnsOf(run.Watch.Deliveries().Except(late)).Select(turn => turn.Node));
    }

    [ClusterTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_owner_that_loses_the_database_stops_within_its_lease_and_the_other_takes_over_after_that(bool silently)
    {
        using ClusterRun run = lab.Begin();
        run.Stream();
        string incarnation = Incarnation(run.Owner);
        PostgresLink link = lab.Nodes.LinksOf(run.Owner)[0];
        long since = LabClock.Now, lost = DeliveryWatch.Now;
        if (silently) link.Silence();
        else link.Cut();
        run.AwaitOwner(run.Other);
        run.AwaitFlow();
        Assert.True(link.Met > 0, "nothing met the fault");
        Assert.False(lab.Serves(run.Owner));
        link.Mend();
        lab.Await("a new incarnation of the node that was cut off", () => lab.Serves(run.Owner) && Incarnation(run.Owner) != incarnation);
        run.Finish(since);

        run.AssertTurns(run.Owner, run.Other);
        double served = LabClock.ToMilliseconds(run.Watch.Turns()[0].Until - lost);
        Assert.InRange(served, 0, Times.Lease.TotalMilliseconds);
    }

    [ClusterFact]
    public void While_the_database_is_away_nothing_is_granted_or_delivered_and_then_all_goes_on()
    {
        using ClusterRun run = lab.Begin();
        run.Stream(outage: 40);
        LabSession before = lab.Nodes.ReadSession()!;
        long events = Events(), since = LabClock.Now, lost = DeliveryWatch.Now;
        foreach (int node in (int[])[1, 2]) lab.Nodes.LinksOf(node)[0].Cut();
        ProbeStreams.RunFor(TimeSpan.FromSeconds(30));
        foreach (int node in (int[])[1, 2]) Assert.False(lab.Serves(node));
        LabSession? during = lab.Nodes.ReadSession();
        long stored = Events(), mended = DeliveryWatch.Now;
        foreach (int node in (int[])[1, 2]) lab.Nodes.LinksOf(node)[0].Mend();
        run.AwaitFlow(20);
        lab.Await("an attached session", () => lab.Nodes.ReadSession() is { State: "Attached" });
        run.Finish(since);

        Assert.Equal((before.Id, before.Version), (during?.Id, during?.Version));
        Assert.Equal(events, stored);
        long end = lost + Nanoseconds(Times.Lease);
        AssertNone(run.Watch.Deliveries().Where(delivery => delivery.At >= end && delivery.At < mended), lost);
        Assert.Equal(before.Id, lab.Nodes.ReadSession()!.Id);
    }

    [ClusterFact]
    public void Both_nodes_may_be_killed_and_started_at_the_same_moment()
    {
        using ClusterRun run = lab.Begin();
        run.Stream();
        string first = Incarnation(1), second = Incarnation(2);
        long since = LabClock.Now;
        lab.Nodes.NodeAt(1).Kill();
        lab.Nodes.NodeAt(2).Kill();
        lab.Nodes.StartNode(1);
        lab.Nodes.StartNode(2);
        run.AwaitFlow(20);
        run.Finish(since);

        Assert.NotEqual(first, Incarnation(1));
        Assert.NotEqual(second, Incarnation(2));
        run.AssertTurnsBy(Claims(run));
    }

    /// <summary>REQ-KEYS: who may connect stands in the database.</summary>
    [ClusterFact]
    public void A_client_that_is_removed_is_cut_off_within_one_lease_and_comes_back_once_it_is_added_again()
    {
        using ClusterRun run = lab.Begin();
        run.Stream();
        string session = lab.Nodes.ReadSession()!.Id;
        lab.Nodes.Clients("remove", "--name", "client");
        long removed = DeliveryWatch.Now;
        Thread.Sleep(Times.Lease);
        Assert.Contains("no client", lab.Nodes.Clients("list"), StringComparison.Ordinal);
        Thread.Sleep(Times.Lease);
        AssertNone(run.Watch.Deliveries().Where(delivery => delivery.At > removed + Nanoseconds(Times.Lease)), removed);
        Assert.False(lab.Nodes.ReadSession() is { State: "Attached" }, lab.Nodes.Logs());
        Assert.Contains("CLIENT_REMOVED", lab.Nodes.Logs(), StringComparison.Ordinal);

        lab.Nodes.Register();
        lab.Await("a new session", () => lab.Nodes.ReadSession() is { State: "Attached" } now && now.Id != session, 30);
    }

    /// <summary>The incarnation of a node that is not fenced.</summary>
    private string Incarnation(int node) => lab.Database.Sql(
        lab.Nodes.Database,
        $"SELECT coalesce(max(incarnation), 'none') FROM jumping_vpn.jv_nodes WHERE node = '{lab.Nodes.NodeAt(node).Name}' AND NOT fenced");

    /// <summary>How often the session has changed its owner.</summary>
    private int Claims(ClusterRun run) => int.Parse(
        lab.Database.Sql(lab.Nodes.Database, $"SELECT ownership_epoch - 1 FROM jumping_vpn.jv_sessions WHERE stream_id = '{run.Session}'"), CultureInfo.InvariantCulture);

    private long Events() => long.Parse(lab.Database.Sql(lab.Nodes.Database, "SELECT count(*) FROM jumping_vpn.mt_events"), CultureInfo.InvariantCulture);

    private static void AssertNone(IEnumerable<Delivery> late, long since)
    {
        IEnumerable<string> found = late.Take(10).Select(delivery =>
            $"node {delivery.Node}, {(delivery.Inside ? "inside" : "outside")}, {LabClock.ToMilliseconds(delivery.At - since):0} ms");
        Assert.Empty(found);
    }

    /// <summary>State T in /proc/PID/stat (proc(5)).</summary>
    private static bool IsStopped(LabNode node)
    {
        string stat = File.ReadAllText($"/proc/{node.ProcessId}/stat");
        return stat[stat.LastIndexOf(')') + 2] == 'T';
    }

    private static long Nanoseconds(TimeSpan time) => (long)(time.TotalMilliseconds * LabClock.Millisecond);
}
