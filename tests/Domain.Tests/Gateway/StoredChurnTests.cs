using System.Collections.Concurrent;
using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using LanguageExt;
using Xunit.Abstractions;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>Memory is the whole process's: while it is measured no other test runs.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class StoredChurn
{
    public const string Name = "stored churn";
}

/// <summary>
/// REQ-EXHAUST-2, REQ-EXHAUST-3: a day, by the store's clocks, of a client that comes, jumps and goes, on a SQLite file and an audit
/// archive. What the day's first hours have made the store grow to is all that it ever takes.
/// </summary>
[Collection(StoredChurn.Name)]
public sealed class StoredChurnTests : IDisposable
{
    private const int Jumps = 20;
    private const long Quota = 256 << 10;

    /// <summary>What the scripted client keeps of its own jumps, some 9 KB an hour, and noise.</summary>
    private const long MemorySlack = 512 << 10;

    /// <summary>From one session's start to the next one's.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(8);

    private static readonly TimeSpan JumpPeriod = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Retiring = TimeSpan.FromMinutes(1);

    /// <summary>Compaction is due after each dozen of jumps, so every session goes through it.</summary>
    private static readonly StorePolicy Policy = StorePolicy.Default with { MaxLiveEvents = 16 };

    private readonly ITestOutputHelper output;
    private readonly string directory = Directory.CreateTempSubdirectory("jumping-vpn-churn-").FullName;
    private readonly BlockingCollection<GatewayInput> answers = [];
    private readonly ConcurrentQueue<string> warnings = [];
    private readonly GatewayStory story = new();

    public StoredChurnTests(ITestOutputHelper output) => this.output = output;

    private string Database => Path.Combine(directory, "events.db");

    private string Archive => Path.Combine(directory, "audit");

    private SqliteStoreOptions Options(IAuditArchive archive) => new(Database, "gw-a", Policy, archive, Wall);

    private WallTime Wall() => new(1_790_000_000_000_000 + (story.Now.Ticks / TimeSpan.TicksPerMicrosecond));

    public void Dispose()
    {
        story.Dispose();
        answers.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task REQ_EXHAUST_3_a_day_of_connecting_jumping_and_expiring_leaves_the_store_as_large_as_after_its_first_hours()
    {
        List<Level> hours = [];
        int sessions = 0, appends = 0;
        using (SegmentArchive archive = Opened())
        await using (SqliteEventStore store = Right(SqliteEventStore.Open(Options(archive))))
        {
            var pump = new StorePump(store, () => story.Environment.Self, () => story.Now, Wall, answers.Add, warnings.Enqueue);
            story.StoreOnDisk = append =>
            {
                appends++;
                pump.Start(append);
                Assert.True(answers.TryTake(out GatewayInput? answer, TimeSpan.FromSeconds(30)), "the store does not answer");
                // Compaction goes on behind the answer.
                Assert.True(SpinWait.SpinUntil(() => pump.Running == 0, TimeSpan.FromSeconds(30)), "the store does not compact");
                return Assert.IsType<GatewayInput.AppendFinished>(answer);
            };
            Instant start = story.Now, nextHour = start + TimeSpan.FromHours(1), nextRetirement = start + Retiring;
            for (Instant at = start; at < start + TimeSpan.FromHours(24); at += Period)
            {
                Connect(ref sessions);
                // The client falls silent: its transport is lost, its recovery window ends, its session is over.
                while (story.Now < at + Period)
                {
                    story.Wait(Min(Retiring, at + Period - story.Now));
                    Assert.True(await store.CheckpointAsync(story.Now));
                    if (story.Now < nextRetirement) continue;
                    nextRetirement = story.Now + Retiring;
                    Assert.Null((await store.RetireAsync(story.Now)).Failure);
                }
                Assert.Empty(story.State.Sessions);
                story.Effects.Clear();
                if (story.Now < nextHour) continue;
                nextHour += TimeSpan.FromHours(1);
                hours.Add(await LevelOf(store));
                Assert.Null(archive.PruneFailure);
            }
            Assert.Null(store.Status.Failure);
        }

        foreach ((int hour, Level level) in hours.Index()) output.WriteLine($"after {hour + 1} h: {level}");
        Assert.Equal((180, 24), (sessions, hours.Count));
        Assert.True(appends > sessions * Jumps, $"{appends} appends");
        Assert.Empty(warnings);
        // An ended session stays for an hour, so the second hour is the first whole one.
        Level settled = hours[1], last = hours[^1];
        Assert.InRange(settled.Sessions, 6, 9);
        Assert.All(hours.Skip(2), level =>
        {
            Assert.InRange(level.Sessions, 1, settled.Sessions + 1);
            Assert.InRange(level.Events, 1, settled.Events * 5 / 4);
            Assert.InRange(level.FileBytes, 1, settled.FileBytes * 5 / 4);
            Assert.InRange(level.JournalBytes, 0, settled.JournalBytes * 5 / 4);
            Assert.InRange(level.ArchiveBytes, 1, Quota);
        });
        Assert.True(hours.Max(level => level.ArchiveBytes) > Quota / 2, "the archive's quota was not reached");
        Assert.InRange(last.MemoryBytes, 0, settled.MemoryBytes + MemorySlack);
        Assert.Equal(0, story.LiveSecrets);

        // What is left is whole, and nobody lives in it.
        using SegmentArchive archiveAgain = Opened();
        await using SqliteEventStore again = Right(SqliteEventStore.Open(Options(archiveAgain)));
        Assert.Empty(Right(await again.LoadAllLiveAsync()));
        foreach (StoredStream stream in Right(await again.ListAsync()))
            Assert.True(SessionRecords.Restore(Assert.IsType<LoadResult.Found>(await again.LoadAsync(stream.Head.Stream)).History).IsRight, "a stored session does not hold");
    }

    /// <summary>A session that jumps to and fro between two sources.</summary>
    private void Connect(ref int sessions)
    {
        story.Connected();
        sessions++;
        ulong bound = story.Session.Session.BindingVersion;
        for (int jump = 0; jump < Jumps; jump++)
        {
            story.Wait(JumpPeriod);
            TransportAddress source = jump % 2 == 0 ? GatewayStory.Cafe : GatewayStory.Home;
            Preparation preparation = story.Client.Prepare();
            byte[] answer = story.Receive(source, preparation.Datagram).Last(sent => sent.Bytes[0] == (byte)MessageType.Prepared).Bytes;
            story.Client.Read(story.Receive(source, story.Client.Confirm(preparation, answer)).Last(sent => sent.Bytes[0] == (byte)MessageType.Bound).Bytes);
            Assert.True(story.Session.Session.BindingVersion > bound, "the jump was not granted");
            bound = story.Session.Session.BindingVersion;
        }
    }

    private SegmentArchive Opened() => Right(SegmentArchive.Open(new(Archive, "gw-a", TimeSpan.FromDays(90), Quota, Quota / 8, Wall)));

    private async Task<Level> LevelOf(SqliteEventStore store)
    {
        ImmutableArray<StoredStream> streams = Right(await store.ListAsync());
        long archive = Directory.GetFiles(Archive).Sum(path => new FileInfo(path).Length);
        return new(streams.Length, store.Status.LiveEvents, new FileInfo(Database).Length, new FileInfo(Database + "-wal").Length, archive, GC.GetTotalMemory(forceFullCollection: true));
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static T Right<T>(Either<string, T> result) => result.Match(value => value, problem => throw new InvalidOperationException(problem));

    /// <param name="Events">Rows of events, snapshots among them.</param>
    /// <param name="JournalBytes">The write-ahead log.</param>
    private sealed record Level(int Sessions, long Events, long FileBytes, long JournalBytes, long ArchiveBytes, long MemoryBytes);
}
