using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Infrastructure.EventStore;
using Xunit.Abstractions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>REQ-SAFETY-1: whatever was acknowledged is there after the process was killed, at any moment.</summary>
public sealed class StoreKillTests(ITestOutputHelper output) : IDisposable
{
    private const int Rounds = 36;

    private readonly StoreDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Every_acknowledged_append_survives_a_kill_at_any_moment_of_appending_compacting_and_retiring()
    {
        int seed = Environment.TickCount & 0xFFFF;
        var random = new Random(seed);
        var acknowledged = new Dictionary<int, long>();
        int total = 0, early = 0;
        for (int round = 0; round < Rounds; round++)
        {
            // Every fourth victim is killed while it starts and opens the store, the others while they work.
            bool whileOpening = round % 4 == 3;
            int heard = await KillAfter(whileOpening, random.Next(whileOpening ? 400 : 250), seed + round, acknowledged);
            total += heard;
            if (heard == 0) early++;
            await Check($"seed {seed}, round {round}", acknowledged);
        }
        output.WriteLine($"seed {seed}: {total} acknowledged appends, {acknowledged.Count} sessions, {early} kills before the first one");
        Assert.True(total > Rounds * 5, $"only {total} appends were acknowledged: the victims did not get to work");
    }

    [Fact]
    public async Task A_commit_that_fails_in_the_middle_is_unknown_and_what_was_acknowledged_before_is_there()
    {
        (int heard, string errors) = await UntilTheLogIsFull("only-append");
        Assert.Contains("Unknown { Reason = ", errors, StringComparison.Ordinal);
        Assert.True(heard > 10, $"{heard} appends were acknowledged");
    }

    [Fact]
    public async Task REQ_EXHAUST_1_a_store_whose_commit_has_failed_goes_on_in_the_same_process_once_the_disk_takes_writes_again()
    {
        (int heard, string errors) = await UntilTheLogIsFull("go-on");
        Assert.StartsWith("Unknown { Reason = ", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.True(heard > 10 + StoreVictim.After, $"{heard} appends were acknowledged");
    }

    /// <summary>No file of the victim may grow beyond 1 MiB: the log hits that inside a commit, with an error that is not "disk full".</summary>
    private async Task<(int Heard, string Errors)> UntilTheLogIsFull(string mode)
    {
        var start = new ProcessStartInfo(
            "sh", ["-c", "trap '' XFSZ; exec prlimit --fsize=1048576: \"$@\"", "sh", Environment.ProcessPath!, typeof(StoreKillTests).Assembly.Location, "store-victim", _directory.Root, "1", mode])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // The runtime's own double mapping is a file too.
            Environment = { ["DOTNET_EnableWriteXorExecute"] = "0", ["DOTNET_DbgEnableMiniDump"] = "0" },
        };
        using Process victim = Process.Start(start)!;
        Task<string> errors = victim.StandardError.ReadToEndAsync();
        var acknowledged = new Dictionary<int, long>();
        int heard = Count(await victim.StandardOutput.ReadToEndAsync(), acknowledged);
        await victim.WaitForExitAsync();
        await Check("after a failed commit", acknowledged);
        return (heard, await errors);
    }

    private async Task<int> KillAfter(bool whileOpening, int milliseconds, int seed, Dictionary<int, long> acknowledged)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [typeof(StoreKillTests).Assembly.Location, "store-victim", _directory.Root, seed.ToString(CultureInfo.InvariantCulture), "everything"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process victim = Process.Start(start)!;
        Task<string> errors = victim.StandardError.ReadToEndAsync();
        string? first = whileOpening ? null : await victim.StandardOutput.ReadLineAsync();
        Task<string> rest = victim.StandardOutput.ReadToEndAsync();
        await Task.Delay(milliseconds);
        Assert.False(victim.HasExited, "the victim ended by itself: " + (victim.HasExited ? await errors : ""));
        victim.Kill();
        await victim.WaitForExitAsync();
        string text = first is null ? await rest : first + "\n" + await rest;
        return Count(text, acknowledged);
    }

    private static int Count(string text, Dictionary<int, long> acknowledged)
    {
        int heard = 0;
        // What follows the last line's end was cut off by the kill.
        foreach (string line in text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(' ');
            int session = int.Parse(parts[0], CultureInfo.InvariantCulture);
            acknowledged[session] = Math.Max(acknowledged.GetValueOrDefault(session), long.Parse(parts[1], CultureInfo.InvariantCulture));
            heard++;
        }
        return heard;
    }

    private async Task Check(string when, Dictionary<int, long> acknowledged)
    {
        (SqliteEventStore store, SegmentArchive archive) = StoreVictim.Open(_directory.Root);
        using SegmentArchive held = archive;
        await using SqliteEventStore opened = store;
        Dictionary<int, EventEnvelope[]> archived = SegmentReader.Lines(StoreVictim.Archive(_directory.Root)).OfType<SegmentLine.Event>()
            .Select(static line => line.Envelope).GroupBy(static envelope => StoreVictim.Number(envelope.Stream))
            .ToDictionary(static group => group.Key, static group => group.ToArray());
        var rows = (ImmutableArray<StoredStream>)await store.ListAsync();
        Assert.True(rows.Count(static row => !row.Summary.Ended) <= StoreVictim.Clients, when);
        foreach (int session in acknowledged.Keys.Union(rows.Select(static row => StoreVictim.Number(row.Head.Stream))))
        {
            LoadResult loaded = await store.LoadAsync(Sessions.Id(session));
            ImmutableArray<EventEnvelope> live = loaded is LoadResult.Found found ? found.History.Envelopes : [];
            if (live.IsEmpty) Assert.True(loaded is LoadResult.Missing, $"{when}, session {session}: {loaded}");
            EventEnvelope[] history = [.. SegmentReader.History([.. archived.GetValueOrDefault(session, []), .. live])];
            string verdict = HashChain.Verify(Sessions.Id(session), history).Match(
                Right: head => head.Version >= acknowledged.GetValueOrDefault(session) ? "whole" : $"ends at {head.Version}, acknowledged {acknowledged[session]}",
                Left: static fault => fault.ToString());
            Assert.True(verdict == "whole", $"{when}, session {session}: {verdict}");
            if (history.Length > 0) Assert.Equal(1, history[0].Version);
        }
    }
}
