using System.Collections.Concurrent;
using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Simulation.Tests.Plan;
using Xunit.Abstractions;

namespace JumpingVpn.Simulation.Tests;

/// <summary>
/// What keeps two nodes from serving one session, broken piece by piece. Where chance comes by it often enough the seeds that hold while
/// nothing is broken must notice; where it takes a rare order of things, scenarios that bring that order about.
/// </summary>
public sealed class ClusterMutationTests(ITestOutputHelper output)
{
    private const ulong Seeds = 400;
    private const ulong Scenarios = 60;

    private static readonly LeaseTimes Times = LeaseTimes.Of(Seconds(1), Seconds(0.15));

    [Fact]
    public void A_plain_write_in_place_of_the_compare_and_swap_is_found_out() =>
        Assert.True(Count(Seeds, Scenario.OfCluster, new() { StoreIgnoresVersions = true }, "was decided on another state than the stored one") > 0);

    [Fact]
    public void A_data_plane_that_does_not_look_at_its_deadline_is_found_out() =>
        Assert.True(Count(Seeds, Scenario.OfCluster, new() { DeliversWithoutLease = true }, "after the end of its lease", " owns") > 0);

    [Fact]
    public void A_lease_that_counts_from_the_answer_is_found_out() =>
        Assert.True(Count(Seeds, Scenario.OfCluster, new() { LeaseCountsFromAnswer = true }, "after the end of its lease", " owns") > 0);

    /// <summary>An append is on its way for seconds; its node dies and comes back at once, which fences it; its client is away meanwhile.</summary>
    [Fact]
    public void A_store_that_takes_appends_of_the_fenced_is_found_out() => IsFoundOut(new() { StoreIgnoresFences = true }, "which is fenced, was stored", _ =>
    [
        new(Seconds(0.3), new Transition.AppendsComeLate(100, Seconds(1))),
        new(Seconds(0.4), new Transition.NatRebinds(0, 0, true)),
        new(Seconds(0.4), new Transition.NatRebinds(0, 1, true)),
        new(Seconds(0.9), new Transition.UplinkFails(0, 0, LinkFault.Silent, Seconds(3))),
        new(Seconds(0.9), new Transition.UplinkFails(0, 1, LinkFault.Silent, Seconds(3))),
        new(Seconds(1), new Transition.GatewayDies(Seconds(0.05), 0)),
        new(Seconds(1), new Transition.GatewayDies(Seconds(0.05), 1)),
    ]);

    /// <summary>
    /// A node reaches the store again just when another, whose questions take long, has seen its number stand still for long enough. The
    /// client that has moved was asked for and let go; the one that hears nothing meanwhile is still served.
    /// </summary>
    [Fact]
    public void A_claim_that_does_not_compare_the_number_is_found_out() => IsFoundOut(new() { ClaimsCompareNoNumber = true }, "and is fenced", seed =>
    [
        new(Seconds(0.45), new Transition.UplinkFails(1, 0, LinkFault.Silent, Seconds(4))),
        new(Seconds(0.45), new Transition.UplinkFails(1, 1, LinkFault.Silent, Seconds(4))),
        new(Seconds(0.3), new Transition.StoreIsSlow(Seconds(0.3), Seconds(5))),
        new(Seconds(0.5), new Transition.NodeLosesStore((int)(seed % 2), Seconds(1 + (0.02 * (seed / 2))))),
    ]);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private void IsFoundOut(Mutation mutation, string reason, Func<ulong, ImmutableArray<Scheduled>> events)
    {
        Assert.Equal(0, Count(Scenarios, Scenario, Mutation.None, ""));
        Assert.True(Count(Scenarios, Scenario, mutation, reason) > 0, $"none of {Scenarios} scenarios notices");

        // The seed's world with two nodes, two clients with two NATed uplinks each, and only these events.
        Scenario Scenario(ulong seed)
        {
            Scenario drawn = Plan.Scenario.OfCluster(seed);
            ImmutableArray<UplinkPlan> uplinks = [new(true, Seconds(0.01), TimeSpan.Zero), new(true, Seconds(0.02), TimeSpan.Zero)];
            ClientPlan client = drawn.Clients[0] with { TrafficEvery = Seconds(0.02), Uplinks = uplinks };
            return drawn with
            {
                Clients = [client, client],
                Cluster = new(Times, drawn.Cluster!.Nodes[..2]),
                Events = events(seed),
                Length = Seconds(5),
            };
        }
    }

    /// <summary>How many fail for one of the reasons; stops at the first.</summary>
    private int Count(ulong scenarios, Func<ulong, Scenario> scenario, Mutation mutation, params string[] reasons)
    {
        var found = new ConcurrentBag<(ulong Seed, string Failure)>();
        Parallel.For(1L, (long)scenarios + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, loop) =>
        {
            string? failure = SimulationRun.Execute(scenario((ulong)seed), mutation).Failure;
            if (failure is null || !Array.Exists(reasons, reason => failure.Contains(reason, StringComparison.Ordinal))) return;
            found.Add(((ulong)seed, failure));
            loop.Stop();
        });
        foreach ((ulong seed, string failure) in found.OrderBy(each => each.Seed)) output.WriteLine($"cluster seed {seed}: {failure.Split('\n')[0]}");
        return found.Count;
    }
}
