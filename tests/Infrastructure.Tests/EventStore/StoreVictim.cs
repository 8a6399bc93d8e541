using System.Collections.Immutable;
using System.Diagnostics;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>
/// A process that appends, compacts, supersedes and retires as fast as it can until it is killed. It prints a line for each
/// append after the store has acknowledged it: `SESSION VERSION`. Whatever else the store says ends it.
/// </summary>
internal static class StoreVictim
{
    public const int Clients = 4;

    /// <summary>Small bounds, so that compaction and retirement happen all the time.</summary>
    private static readonly StorePolicy Policy = new(MaxLiveEvents: 8, EventsPerClientDay: int.MaxValue, SessionsPerClientDay: int.MaxValue, TimeSpan.Zero);

    private static readonly Lock Output = new();

    public static string Archive(string directory) => Path.Combine(directory, "audit");

    public static (SqliteEventStore Store, SegmentArchive Archive) Open(string directory, StorePolicy? policy = null)
    {
        SegmentArchive archive = SegmentArchive.Open(SegmentArchiveOptions.Default(Archive(directory), "gw-a", static () => new(1_790_000_000_000_000)))
            .Match(Right: static opened => opened, Left: static reason => throw new InvalidOperationException(reason));
        SqliteEventStore store = SqliteEventStore.Open(new(Path.Combine(directory, "events.db"), "gw-a", policy ?? Policy, archive, static () => default))
            .Match(Right: static opened => opened, Left: static reason => throw new InvalidOperationException(reason));
        return (store, archive);
    }

    /// <summary>Appends that must be acknowledged after a failed one.</summary>
    public const int After = 20;

    /// <param name="mode">`go-on`: appends one after the other; when one fails, the limit of this process's files is lifted, and it goes on.</param>
    public static async Task Run(string directory, int seed, string mode)
    {
        bool onlyAppend = mode != "everything";
        (SqliteEventStore store, _) = Open(directory, onlyAppend ? Policy with { MaxLiveEvents = 1_000_000 } : Policy);
        var rows = (ImmutableArray<StoredStream>)await store.ListAsync();
        if (mode == "go-on")
        {
            await GoOn(store);
            return;
        }
        IEnumerable<Task> tasks = Enumerable.Range(1, Clients).Select(client => Task.Run(() => Serve(store, client, new Random(seed * Clients + client), rows)));
        await Task.WhenAll(onlyAppend ? tasks : tasks.Append(Task.Run(() => RetireForEver(store))));
    }

    private static async Task GoOn(SqliteEventStore store)
    {
        long version = 0;
        for (int after = -1; after < After;)
        {
            AppendResult result = await store.AppendAsync(One(1, version, 1, 1));
            if (result is AppendResult.Committed)
            {
                Print($"1 {++version}");
                if (after >= 0) after++;
                continue;
            }
            if (after >= 0) throw new InvalidOperationException(result.ToString());
            after = 0;
            await Console.Error.WriteLineAsync(result.ToString());
            using (Process lift = Process.Start("prlimit", [$"--pid={Environment.ProcessId}", "--fsize=unlimited:unlimited"])) await lift.WaitForExitAsync();
            LoadResult read;
            while ((read = await store.ResolveAsync(Id(1))) is LoadResult.Unavailable) await Task.Delay(50);
            version = ((LoadResult.Found)read).History.Head.Version;
        }
        if (store.Status.Failure is { } failure) throw new InvalidOperationException(failure);
        await store.DisposeAsync();
    }

    private static async Task Serve(SqliteEventStore store, int client, Random random, ImmutableArray<StoredStream> rows)
    {
        StoredStream? live = rows.FirstOrDefault(row => !row.Summary.Ended && row.Summary.Client == Client(client));
        // A client's sessions are numbered client, client + Clients, ...; those that left the store are behind the latest one.
        int session = live is null ? client : Number(live.Head.Stream);
        long version = live?.Head.Version ?? 0;
        while (true)
        {
            bool supersede = version > 0 && random.Next(25) == 0;
            int next = session + Clients;
            int count = random.Next(1, 4);
            AppendRequest request = supersede
                ? new AppendRequest(Append(session, version, 1, client, end: true), Append(next, 0, count, client))
                : One(session, version, count, client);
            AppendResult result = await store.AppendAsync(request);
            if (result is not AppendResult.Committed committed)
            {
                await Console.Error.WriteLineAsync(result.ToString());
                throw new InvalidOperationException(result.ToString());
            }
            foreach (StreamPosition position in committed.Positions) Print($"{Number(position.Head.Stream)} {position.Head.Version}");
            (session, version) = supersede ? (next, count) : (session, version + count);
            StreamPosition last = committed.Positions[^1];
            if (last.CompactionDue && await store.CompactAsync(Id(session), version - random.Next(3), SnapshotDraft(1)) is var compacted and not CompactResult.Done)
                throw new InvalidOperationException(compacted.ToString());
        }
    }

    private static async Task RetireForEver(SqliteEventStore store)
    {
        while (true)
        {
            if (await store.RetireAsync(Instant.FromMilliseconds(int.MaxValue)) is { Failure: { } failure }) throw new InvalidOperationException(failure);
            await Task.Delay(5);
        }
    }

    public static int Number(SessionId id) => (int)(ulong)id.Value;

    private static void Print(string line)
    {
        lock (Output)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
