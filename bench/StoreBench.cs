using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Postgres;
using LanguageExt;

namespace JumpingVpn.Bench;

/// <summary>How many appends and loads a second the durable stores carry out, and how long each takes.</summary>
internal static class StoreBench
{
    private static readonly StorePolicy Policy = new(int.MaxValue / 4, int.MaxValue, int.MaxValue, TimeSpan.FromHours(1));

    private const int Loads = 10_000;

    /// <summary>Events of each session that is loaded.</summary>
    private const int EventsOfLoaded = 8;

    private sealed record Row(string Store, string What, int AtOnce, double PerSecond, double Median, double P99);

    public static async Task<int> RunAsync(int seconds, bool json)
    {
        string directory = Directory.CreateTempSubdirectory("jumping-vpn-bench-").FullName;
        var rows = new List<Row>();
        try
        {
            var options = new SqliteStoreOptions(Path.Combine(directory, "events.db"), "bench", Policy, new InMemoryAuditArchive(), static () => default);
            await using (SqliteEventStore store = Opened(SqliteEventStore.Open(options))) await MeasureAsync("sqlite", store, seconds, rows);
            using PostgresServer server = PostgresServer.Start(new(IsDurable: true));
            var shared = new PostgresStoreOptions(
                server.ConnectionString("postgres"), new NodeIdentity("bench", "", "bench"), Policy, new InMemoryAuditArchive(), static () => default);
            await using (PostgresEventStore store = Opened(await PostgresEventStore.OpenAsync(shared)))
            {
                if (await store.EnterAsync(null) is not EnterResult.Entered) throw new LabException("the store could not be entered");
                await MeasureAsync("postgres", store, seconds, rows);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
        if (json) Console.WriteLine(JsonSerializer.Serialize(rows));
        else
            Table.Write(
                Console.Out, ["store", "what", "at once", "per second", "p50 ms", "p99 ms"],
                [.. rows.Select(static row => (IReadOnlyList<string>)[row.Store, row.What, Text(row.AtOnce), Text(row.PerSecond, "0"), Text(row.Median, "0.00"), Text(row.P99, "0.00")])]);
        return 0;
    }

    private static async Task MeasureAsync(string name, IEventStore store, int seconds, List<Row> rows)
    {
        int first = 1;
        foreach (int sessions in (int[])[1, 100])
        {
            // Once to make everything warm.
            await AppendAsync(store, first, sessions, TimeSpan.FromSeconds(1));
            await Console.Error.WriteLineAsync($"{name}, {sessions} at once");
            var clock = Stopwatch.StartNew();
            double[] waits = await AppendAsync(store, first + sessions, sessions, TimeSpan.FromSeconds(seconds));
            rows.Add(RowOf(name, "append", sessions, waits, clock.Elapsed));
            first += 2 * sessions;
        }
        await Console.Error.WriteLineAsync($"{name}, loads");
        rows.Add(await LoadAsync(name, store, first));
    }

    /// <summary>As many sessions as a node's death brings to another one, all asked for at once.</summary>
    private static async Task<Row> LoadAsync(string name, IEventStore store, int first)
    {
        AppendResult[] stored = await Task.WhenAll(Enumerable.Range(first, Loads).Select(async session =>
        {
            AppendResult result;
            do result = await store.AppendAsync(Request(session, 0, EventsOfLoaded));
            while (result is AppendResult.Unavailable);
            return result;
        }));
        if (stored.Any(static result => result is not AppendResult.Committed)) throw new LabException("the sessions to load were not stored");
        var clock = Stopwatch.StartNew();
        double[] waits = await Task.WhenAll(Enumerable.Range(first, Loads).Select(async session =>
        {
            LoadResult result;
            do result = await store.LoadAsync(new SessionId(new UInt128(1, (ulong)session)));
            while (result is LoadResult.Unavailable);
            return result is LoadResult.Found ? clock.Elapsed.TotalMilliseconds : throw new LabException($"a load failed: {result}");
        }));
        return RowOf(name, "load", Loads, waits, clock.Elapsed);
    }

    private static Row RowOf(string name, string what, int atOnce, double[] waits, TimeSpan elapsed)
    {
        Array.Sort(waits);
        return new(name, what, atOnce, waits.Length / elapsed.TotalSeconds, waits[waits.Length / 2], waits[(int)(waits.Length * 0.99)]);
    }

    /// <summary>Each session appends one event after the other; how long each took, in milliseconds.</summary>
    private static async Task<double[]> AppendAsync(IEventStore store, int first, int sessions, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        double[][] waits = await Task.WhenAll(Enumerable.Range(first, sessions).Select(session => Task.Run(async () =>
        {
            var own = new List<double>();
            for (long version = 0; clock.Elapsed < time; version++)
            {
                AppendRequest request = Request(session, version);
                long start = Stopwatch.GetTimestamp();
                if (await store.AppendAsync(request) is var result and not AppendResult.Committed) throw new LabException($"an append was refused: {result}");
                own.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            return own.ToArray();
        })));
        return [.. waits.SelectMany(static own => own)];
    }

    /// <summary>An event of the size that a jump causes.</summary>
    private static AppendRequest Request(int session, long version, int events = 1)
    {
        CanonicalJson text = CanonicalJson.From(JsonValue.Object(
            ("command", JsonValue.Of("reattach")), ("nonce", JsonValue.OfInt64(version)), ("remote", JsonValue.Of("192.0.2.1:51830")), ("path", JsonValue.Of(new string('p', 200)))));
        var draft = new EventDraft(
            "transport_switched", new Instant(version), new WallTime(1_790_000_000_000_000), "TRANSPORT_SWITCHED", text, new Hash256(1, 2), "bench", new IncarnationId(9), 1, text);
        var summary = new SessionSummary(
            new PublicKey(0, (UInt128)(uint)session), "Attached", false, new Owner("bench", new IncarnationId(9)), 1, Instant.Never, Instant.FromMilliseconds(86_400_000));
        return new(new StreamAppend(new SessionId(new UInt128(1, (ulong)session)), version, [.. Enumerable.Repeat(draft, events)], summary));
    }

    private static T Opened<T>(Either<string, T> opened) => opened.Match(Right: static store => store, Left: static reason => throw new LabException(reason));

    private static string Text(double value, string format = "0") => value.ToString(format, CultureInfo.InvariantCulture);
}
