using System.Globalization;
using JumpingVpn.Fuzz.Tests.Kernel;
using Xunit.Abstractions;

namespace JumpingVpn.Fuzz.Tests;

/// <summary>
/// All targets for a few seconds each, from number 1 on. FUZZ_HOURS makes it hours, from a number of its own; FUZZ_INPUT is one input;
/// FUZZ_CORPUS names a directory into which the corpus is written anew. See docs/FUZZING.md.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Least = 300;
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(60);
    private static readonly Lock Writing = new();
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(Number("FUZZ_SECONDS", 4));

    public static TheoryData<string> Names => [.. FuzzTargets.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void No_input_crashes_hangs_allocates_without_bound_or_changes_what_it_may_not(string name)
    {
        using FuzzTarget target = FuzzTargets.Make(name);
        FuzzReport report = FuzzRun.Execute(target, 1, Time, Least);
        output.WriteLine(report.ToString());
        Assert.True(report.Inputs > Least / 4, "next to nothing was tried: " + report);
        if (!target.RefusesAll) Assert.InRange(report.Accepted, 1, report.Inputs - 1);
    }

    /// <summary>Every seed of the corpus whose target reads it as it is must be read: a corpus of refusals would find nothing.</summary>
    [Theory]
    [InlineData("wire", "wire", false)]
    [InlineData("payloads", "payloads", false)]
    [InlineData("envelopes", "envelopes", true)]
    [InlineData("sessions", "sessions", true)]
    [InlineData("configuration", "configuration", false)]
    [InlineData("control-replies", "control-replies", true)]
    [InlineData("netlink", "netlink", false)]
    [InlineData("tun", "tun", false)]
    public void The_corpus_is_read(string name, string folder, bool isLines)
    {
        using FuzzTarget target = FuzzTargets.Make(name);
        IReadOnlyList<byte[]> seeds = isLines ? Corpus.Lines(folder) : Corpus.Files(folder);
        int read = seeds.Count(seed => Enumerable.Range(0, 10).Any(way => target.Take(new(seed, 0, way))));
        // Messages that are opaque but for their cores, and packets that are no superpackets, are taken by other targets.
        int others = name switch { "wire" => 5, "tun" => 3, _ => 0 };
        Assert.Equal(seeds.Count - others, read);
    }

    [Fact]
    public void For_hours_if_that_is_asked_for()
    {
        double hours = Number("FUZZ_HOURS", 0);
        if (hours <= 0) return;
        ulong first = (ulong)Number("FUZZ_FIRST", Environment.TickCount64 * 1_000_003.0);
        DateTime end = DateTime.UtcNow + TimeSpan.FromHours(hours);
        Say($"from number {first} on, until {end:u}");
        for (ulong at = first; DateTime.UtcNow < end; at += 1UL << 40)
        {
            Parallel.ForEach(FuzzTargets.All.Keys, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, name =>
            {
                if (DateTime.UtcNow >= end) return;
                using FuzzTarget target = FuzzTargets.Make(name);
                Say(FuzzRun.Execute(target, at, Slice, Least).ToString());
            });
        }
    }

    [Fact]
    public void One_input_if_that_is_asked_for()
    {
        if (Environment.GetEnvironmentVariable("FUZZ_INPUT") is not { Length: > 0 } asked) return;
        string[] parts = asked.Split(':');
        using FuzzTarget target = FuzzTargets.Make(parts[0]);
        ulong number = ulong.Parse(parts[1], CultureInfo.InvariantCulture);
        FuzzInput? input = FuzzRun.Draw(target, number);
        Say(input is null ? $"{asked} draws nothing" : $"{asked}: situation {input.Situation}, way {input.Way}, {Convert.ToHexString(input.Bytes)}");
        using var watchdog = new Watchdog();
        (bool isTaken, bool isAccepted, TimeSpan took, long allocated) = FuzzRun.Once(target, number, watchdog);
        Say(isTaken ? $"{(isAccepted ? "accepted" : "refused")} in {took.TotalMilliseconds:0.0} ms with {allocated} bytes" : "not taken");
    }

    [Fact]
    public void The_corpus_can_be_made_anew()
    {
        string? root = Environment.GetEnvironmentVariable("FUZZ_CORPUS");
        string directory = root ?? Directory.CreateTempSubdirectory("jvpn-corpus-").FullName;
        new CorpusMaker(directory).Write();
        foreach (string file in Directory.GetFiles(directory, "*", SearchOption.AllDirectories))
            Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "Corpus", Path.GetRelativePath(directory, file))) || root is not null, file + " is not in the corpus");
        if (root is null) Directory.Delete(directory, recursive: true);
    }

    /// <summary>To whoever waits for hours: FUZZ_LOG is a file that grows.</summary>
    private void Say(string line)
    {
        output.WriteLine(line);
        if (Environment.GetEnvironmentVariable("FUZZ_LOG") is not { Length: > 0 } log) return;
        lock (Writing) File.AppendAllText(log, line + "\n");
    }

    private static double Number(string variable, double otherwise) =>
        double.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : otherwise;
}
