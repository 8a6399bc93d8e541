using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Plan;
using Xunit.Abstractions;

namespace JumpingVpn.Simulation.Tests;

/// <summary>
/// Scenarios with several gateways on one store. CLUSTER_SEED runs one, CLUSTER_SEEDS says how many, FIRST_SEED where they begin; see
/// docs/SIMULATION.md.
/// </summary>
public sealed class ClusterSeedTests(ITestOutputHelper output)
{
    private const ulong DefaultSeeds = 2_000;

    /// <summary>So many seeds bring every reason that can be stored in so short a time.</summary>
    private const ulong SeedsForAll = 1_000;

    private static readonly ReasonCode[] Expected =
    [
        ReasonCode.HandshakeOk, ReasonCode.VolatilitySignal, ReasonCode.TransportDead, ReasonCode.TransportSwitched,
        ReasonCode.OwnershipReleased, ReasonCode.OwnershipClaimed, ReasonCode.Superseded, ReasonCode.Explicit, ReasonCode.ClientRemoved,
    ];

    [Fact]
    public void Whatever_a_seed_brings_no_two_nodes_deliver_and_everybody_comes_back()
    {
        SeedRange range = SeedRange.FromEnvironment("CLUSTER_SEED", "CLUSTER_SEEDS", "FIRST_SEED", DefaultSeeds);
        SeedBatch.Run(range, Scenario.OfCluster, output, range.Count >= SeedsForAll ? Expected : []);
    }

    [Theory]
    [MemberData(nameof(KeptSeeds))]
    public void A_cluster_seed_that_once_failed_holds(ulong seed)
    {
        Scenario scenario = Scenario.OfCluster(seed);
        if (SimulationRun.Execute(scenario).Failure is not null) Assert.Fail(SimulationRun.Explain(scenario));
    }

    [Fact]
    public void The_same_seed_is_the_same_run()
    {
        for (ulong seed = 1; seed <= 20; seed++)
            Assert.Equal(SimulationRun.Execute(Scenario.OfCluster(seed)).Checksum, SimulationRun.Execute(Scenario.OfCluster(seed)).Checksum);
    }

    public static TheoryData<ulong> KeptSeeds() => SeedBatch.Kept("failed-cluster-seeds.txt");
}
