using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Plan;
using Xunit.Abstractions;

namespace JumpingVpn.Simulation.Tests;

/// <summary>Scenarios from seeds. SEED runs one, SEEDS says how many, FIRST_SEED where they begin; see docs/SIMULATION.md.</summary>
public sealed class SeedTests(ITestOutputHelper output)
{
    private const ulong DefaultSeeds = 1_500;

    /// <summary>So many seeds bring every reason that one gateway can store.</summary>
    private const ulong SeedsForAll = 1_000;

    private static readonly ReasonCode[] Expected =
    [
        ReasonCode.HandshakeOk, ReasonCode.VolatilitySignal, ReasonCode.TransportDead, ReasonCode.TransportSwitched, ReasonCode.KeysRotated,
        ReasonCode.OwnershipReleased, ReasonCode.OwnershipClaimed, ReasonCode.Superseded, ReasonCode.RecoveryWindowExceeded, ReasonCode.TtlExpired,
        ReasonCode.Explicit, ReasonCode.ClientRemoved,
    ];

    [Fact]
    public void Whatever_a_seed_brings_all_invariants_hold_and_everybody_comes_back()
    {
        SeedRange range = SeedRange.FromEnvironment("SEED", "SEEDS", "FIRST_SEED", DefaultSeeds);
        SeedBatch.Run(range, Scenario.From, output, range.Count >= SeedsForAll ? Expected : []);
    }

    [Theory]
    [MemberData(nameof(KeptSeeds))]
    public void A_seed_that_once_failed_holds(ulong seed)
    {
        if (SimulationRun.Execute(seed).Failure is not null) Assert.Fail(SimulationRun.Explain(Scenario.From(seed)));
    }

    [Fact]
    public void The_same_seed_is_the_same_run()
    {
        for (ulong seed = 1; seed <= 20; seed++)
            Assert.Equal(SimulationRun.Execute(seed).Checksum, SimulationRun.Execute(seed).Checksum);
        Assert.NotEqual(SimulationRun.Execute(1).Checksum, SimulationRun.Execute(2).Checksum);
    }

    [Fact]
    public void The_shipped_cryptography_holds_as_well()
    {
        ulong count = SeedRange.Number("REAL_SEEDS") ?? 40;
        Parallel.For(1L, (long)count + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            if (SimulationRun.Execute((ulong)seed, isReal: true).Failure is not null) Assert.Fail(SimulationRun.Explain(Scenario.From((ulong)seed), isReal: true));
        });
    }

    public static TheoryData<ulong> KeptSeeds() => SeedBatch.Kept("failed-seeds.txt");
}
