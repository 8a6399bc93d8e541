using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Plan;
using Xunit.Abstractions;

namespace JumpingVpn.Simulation.Tests;

/// <summary>Scenarios from seeds. SEED runs one, SEEDS says how many, FIRST_SEED where they begin; see docs/SIMULATION.md.</summary>
public sealed class SeedTests(ITestOutputHelper output)
{
    private const int DefaultSeeds = 1_500;
    private const int MostFailures = 50;

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
        ulong first = Number("FIRST_SEED") ?? 1;
        ulong count = Number("SEEDS") ?? DefaultSeeds;
        if (Number("SEED") is { } single) (first, count) = (single, 1);
        long started = Stopwatch.GetTimestamp();
        var failed = new ConcurrentBag<RunResult>();
        var reasons = new ConcurrentDictionary<string, int>();
        long events = 0;
        ulong checksum = 0;
        Parallel.For((long)first, (long)(first + count), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            if (failed.Count >= MostFailures) return;
            RunResult result = SimulationRun.Execute((ulong)seed);
            if (result.Failure is not null) failed.Add(result);
            Interlocked.Add(ref events, result.Events);
            Interlocked.Add(ref checksum, result.Checksum);
            foreach ((string reason, int times) in result.Reasons) reasons.AddOrUpdate(reason, times, (_, before) => before + times);
        });
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        output.WriteLine($"{count} seeds in {elapsed.TotalSeconds:0.0} s, {count / elapsed.TotalSeconds:0} a second; {events} events stored, checksum {checksum:x16}");
        output.WriteLine(string.Join(", ", reasons.OrderBy(reason => reason.Key, StringComparer.Ordinal).Select(reason => $"{reason.Key} {reason.Value}")));
        if (failed.IsEmpty)
        {
            // Scenarios in which nothing happens would hold as well.
            string missing = string.Join(", ", Expected.Select(reason => reason.Name()).Where(reason => !reasons.ContainsKey(reason)));
            Assert.True(count < SeedsForAll || missing.Length == 0, $"no seed brought {missing}");
            return;
        }
        RunResult[] inOrder = [.. failed.OrderBy(result => result.Seed)];
        string list = string.Join('\n', inOrder.Select(result => $"seed {result.Seed}: {result.Failure!.Split('\n')[0]}"));
        Assert.Fail($"{SimulationRun.Explain(Scenario.From(inOrder[0].Seed))}\n{failed.Count} seeds failed:\n{list}");
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
        ulong count = Number("REAL_SEEDS") ?? 40;
        Parallel.For(1L, (long)count + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            if (SimulationRun.Execute((ulong)seed, isReal: true).Failure is not null) Assert.Fail(SimulationRun.Explain(Scenario.From((ulong)seed), isReal: true));
        });
    }

    public static TheoryData<ulong> KeptSeeds()
    {
        var seeds = new TheoryData<ulong>();
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "failed-seeds.txt")))
        {
            string number = line.Split('#')[0].Trim();
            if (number.Length > 0) seeds.Add(ulong.Parse(number, CultureInfo.InvariantCulture));
        }
        return seeds;
    }

    private static ulong? Number(string variable) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
}
