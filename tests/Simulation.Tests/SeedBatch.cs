using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Plan;
using Xunit.Abstractions;

namespace JumpingVpn.Simulation.Tests;

/// <summary>Which seeds to run.</summary>
internal readonly record struct SeedRange(ulong First, ulong Count)
{
    /// <summary>One seed, or how many from which on, as variables of the environment say.</summary>
    public static SeedRange FromEnvironment(string single, string count, string first, ulong usual) =>
        Number(single) is { } seed ? new(seed, 1) : new(Number(first) ?? 1, Number(count) ?? usual);

    public static ulong? Number(string variable) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
}

/// <summary>Many seeds on all cores.</summary>
internal static class SeedBatch
{
    private const int MostFailures = 50;

    /// <summary>Runs them, says how it went, and fails with a report on the first that does not hold.</summary>
    /// <param name="expected">Reasons that must have come up: scenarios in which nothing happens would hold as well.</param>
    public static void Run(SeedRange range, Func<ulong, Scenario> scenario, ITestOutputHelper output, IReadOnlyList<ReasonCode> expected)
    {
        long started = Stopwatch.GetTimestamp();
        var failed = new ConcurrentBag<RunResult>();
        var reasons = new ConcurrentDictionary<string, int>();
        long events = 0, steps = 0, sessions = 0, proven = 0;
        ulong checksum = 0;
        Parallel.For((long)range.First, (long)(range.First + range.Count), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            if (failed.Count >= MostFailures) return;
            RunResult result = SimulationRun.Execute(scenario((ulong)seed));
            if (result.Failure is not null) failed.Add(result);
            Interlocked.Add(ref events, result.Events);
            Interlocked.Add(ref steps, result.Steps);
            Interlocked.Add(ref sessions, result.Sessions);
            Interlocked.Add(ref proven, result.Proven);
            Interlocked.Add(ref checksum, result.Checksum);
            foreach ((string reason, int times) in result.Reasons) reasons.AddOrUpdate(reason, times, (_, before) => before + times);
        });
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        output.WriteLine($"{range.Count} seeds in {seconds:0.0} s, {range.Count / seconds:0} a second; {steps} steps, {events} events stored, checksum {checksum:x16}; {sessions} sessions with {proven} events exported and verified");
        output.WriteLine(string.Join(", ", reasons.OrderBy(reason => reason.Key, StringComparer.Ordinal).Select(reason => $"{reason.Key} {reason.Value}")));
        if (failed.IsEmpty)
        {
            string missing = string.Join(", ", expected.Select(reason => reason.Name()).Where(reason => !reasons.ContainsKey(reason)));
            Assert.True(missing.Length == 0, $"no seed brought {missing}");
            Assert.True(sessions >= (long)range.Count && proven > 0, $"only {sessions} sessions were exported and verified");
            return;
        }
        RunResult[] inOrder = [.. failed.OrderBy(result => result.Seed)];
        string list = string.Join('\n', inOrder.Select(result => $"seed {result.Seed}: {result.Failure!.Split('\n')[0]}"));
        Assert.Fail($"{SimulationRun.Explain(scenario(inOrder[0].Seed))}\n{failed.Count} seeds failed:\n{list}");
    }

    /// <summary>The seeds of a file, one a line, with a word about what each has found.</summary>
    public static TheoryData<ulong> Kept(string file)
    {
        var seeds = new TheoryData<ulong>();
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, file)))
        {
            string number = line.Split('#')[0].Trim();
            if (number.Length > 0) seeds.Add(ulong.Parse(number, CultureInfo.InvariantCulture));
        }
        return seeds;
    }
}
