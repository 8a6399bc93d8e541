using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using LanguageExt;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>What every adapter of the event store must do.</summary>
public abstract class EventStoreContract
{
    private static readonly StorePolicy Policy = StorePolicy.Default;

    protected InMemoryAuditArchive Archive { get; } = new();

    /// <summary>Opens the test's store; a second call closes the first and opens the same contents again.</summary>
    protected abstract Task<IEventStore> Open(StorePolicy policy);

    private static long VersionOf(AppendResult result) => Assert.IsType<AppendResult.Committed>(result).Positions[0].Head.Version;

    private static async Task<StreamHistory> History(IEventStore store, int session) =>
        Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(session))).History;

    [StoreFact]
    public async Task Events_come_back_as_they_were_appended()
    {
        await using IEventStore store = await Open(Policy);
        AppendRequest first = One(1, 0, 3);
        Assert.Equal(3, VersionOf(await store.AppendAsync(first)));
        Assert.Equal(4, VersionOf(await store.AppendAsync(One(1, 3))));
        StreamHistory history = await History(store, 1);
        Assert.Equal([1, 2, 3, 4], history.Envelopes.Select(static envelope => envelope.Version));
        Assert.Equal(first.Streams[0].Events, history.Envelopes.Take(3).Select(static envelope => envelope.Draft));
        Assert.Equal(Summary(1), history.Summary);
        Assert.Equal(4, store.Status.LiveEvents);
    }

    [StoreFact]
    public async Task A_wrong_expected_version_is_a_conflict_that_names_the_actual_one_and_changes_nothing()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, 2));
        Assert.Equal(new AppendResult.Conflict(Id(1), 2), await store.AppendAsync(One(1, 0)));
        Assert.Equal(new AppendResult.Conflict(Id(1), 2), await store.AppendAsync(One(1, 1)));
        Assert.Equal(new AppendResult.Conflict(Id(1), 2), await store.AppendAsync(One(1, 3)));
        Assert.Equal(2, (await History(store, 1)).Envelopes.Length);
        Assert.Equal(2, store.Status.LiveEvents);
    }

    [StoreFact]
    public async Task A_stream_that_is_not_there_is_missing()
    {
        await using IEventStore store = await Open(Policy);
        Assert.Equal(new AppendResult.Missing(Id(1)), await store.AppendAsync(One(1, 5)));
        Assert.Equal(new LoadResult.Missing(Id(1)), await store.LoadAsync(Id(1)));
        Assert.Equal(new CompactResult.Missing(Id(1)), await store.CompactAsync(Id(1), 1, SnapshotDraft(1)));
    }

    [StoreFact]
    public async Task Nothing_follows_the_end_of_a_session()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, 2));
        Assert.Equal(3, VersionOf(await store.AppendAsync(One(1, 2, end: true))));
        Assert.Equal(new AppendResult.Ended(Id(1), 3), await store.AppendAsync(One(1, 3)));
        Assert.Equal(new AppendResult.Ended(Id(1), 3), await store.AppendAsync(One(1, 2)));
    }

    [StoreFact]
    public async Task Two_streams_are_appended_together_or_not_at_all()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, 2, client: 7));
        var stale = new AppendRequest(Append(2, 0, client: 7), Append(1, 1, client: 7, end: true));
        Assert.Equal(new AppendResult.Conflict(Id(1), 2), await store.AppendAsync(stale));
        Assert.IsType<LoadResult.Missing>(await store.LoadAsync(Id(2)));
        var good = new AppendRequest(Append(1, 2, client: 7, end: true), Append(2, 0, client: 7));
        var committed = Assert.IsType<AppendResult.Committed>(await store.AppendAsync(good));
        Assert.Equal([(Id(1), 3L), (Id(2), 1L)], committed.Positions.Select(static position => (position.Head.Stream, position.Head.Version)));
        Assert.True((await History(store, 1)).Summary.Ended);
        Assert.False((await History(store, 2)).Summary.Ended);
    }

    [StoreFact]
    public async Task A_client_has_at_most_one_live_session()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, client: 7));
        Assert.Equal(new AppendResult.ClientBusy(Client(7), Id(1)), await store.AppendAsync(One(2, 0, client: 7)));
        Assert.IsType<AppendResult.ClientBusy>(await store.AppendAsync(new AppendRequest(Append(1, 1, client: 7), Append(2, 0, client: 7))));
        Assert.IsType<LoadResult.Missing>(await store.LoadAsync(Id(2)));
        Assert.Equal(1, VersionOf(await store.AppendAsync(One(3, 0, client: 8))));
        Assert.Equal(2, VersionOf(await store.AppendAsync(One(1, 1, client: 7, end: true))));
        Assert.Equal(1, VersionOf(await store.AppendAsync(One(2, 0, client: 7))));
    }

    [StoreFact]
    public async Task Compaction_is_due_at_64_live_events_and_leaves_a_snapshot_on_which_the_chain_goes_on()
    {
        await using IEventStore store = await Open(Policy);
        var filled = Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 0, 63)));
        Assert.False(filled.Positions[0].CompactionDue);
        filled = Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 63)));
        Assert.True(filled.Positions[0].CompactionDue);
        ImmutableArray<EventEnvelope> before = (await History(store, 1)).Envelopes;

        Assert.Equal(64, Assert.IsType<CompactResult.Done>(await store.CompactAsync(Id(1), 64, SnapshotDraft(64))).Replaced);
        Assert.Equal(before.AsEnumerable(), Archive.Envelopes);
        StreamHistory after = await History(store, 1);
        EventEnvelope snapshot = Assert.Single(after.Envelopes);
        Assert.True(snapshot.IsSnapshot);
        Assert.Equal((64, before[^1].Hash), (snapshot.Version, snapshot.Previous));
        Assert.Equal(HashChain.After(before[^1]), after.Head);
        Assert.Equal(1, store.Status.LiveEvents);

        Assert.Equal(65, VersionOf(await store.AppendAsync(One(1, 64))));
        after = await History(store, 1);
        Assert.Equal([64, 65], after.Envelopes.Select(static envelope => envelope.Version));
        Assert.True(HashChain.Verify(Id(1), [.. before, .. after.Envelopes]).IsRight);
    }

    [StoreFact]
    public async Task Compaction_keeps_what_came_after_its_version_and_can_be_done_again()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, 10));
        Assert.Equal(6, Assert.IsType<CompactResult.Done>(await store.CompactAsync(Id(1), 6, SnapshotDraft(6))).Replaced);
        Assert.Equal([6, 7, 8, 9, 10], (await History(store, 1)).Envelopes.Select(static envelope => envelope.Version));
        Assert.Equal(new CompactResult.NotThere(Id(1), 6), await store.CompactAsync(Id(1), 6, SnapshotDraft(6)));
        Assert.Equal(new CompactResult.NotThere(Id(1), 3), await store.CompactAsync(Id(1), 3, SnapshotDraft(3)));
        Assert.Equal(new CompactResult.NotThere(Id(1), 11), await store.CompactAsync(Id(1), 11, SnapshotDraft(11)));
        Assert.Equal(4, Assert.IsType<CompactResult.Done>(await store.CompactAsync(Id(1), 9, SnapshotDraft(9))).Replaced);
        StreamHistory history = await History(store, 1);
        Assert.Equal([9, 10], history.Envelopes.Select(static envelope => envelope.Version));
        Assert.True(HashChain.Verify(Id(1), [.. Archive.Envelopes, .. history.Envelopes]).IsRight);
    }

    [StoreFact]
    public async Task Nothing_is_compacted_or_retired_while_the_archive_refuses()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, 5, end: true));
        Archive.Failure = "the disk is full";
        Assert.Equal(new CompactResult.Unavailable("the disk is full"), await store.CompactAsync(Id(1), 5, SnapshotDraft(5)));
        Assert.Equal(new RetireResult(0, "the disk is full"), await store.RetireAsync(Instant.FromMilliseconds(10_000_000)));
        Assert.Equal(5, (await History(store, 1)).Envelopes.Length);
    }

    [StoreFact]
    public async Task A_stream_that_is_never_compacted_stops_at_twice_the_bound_but_can_end()
    {
        await using IEventStore store = await Open(Policy with { MaxLiveEvents = 4 });
        await store.AppendAsync(One(1, 0, 8));
        Assert.Equal(new AppendResult.Uncompacted(Id(1), 8), await store.AppendAsync(One(1, 8)));
        Assert.Equal(9, VersionOf(await store.AppendAsync(One(1, 8, end: true))));
    }

    [StoreFact]
    public async Task Ended_sessions_leave_through_the_archive_once_their_retention_is_over()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0, 3, end: true, time: 1000));
        await store.AppendAsync(One(2, 0, 2, time: 1000));
        Instant over = Instant.FromMilliseconds(1000) + Policy.EndedRetention;
        Assert.Equal(new RetireResult(0, null), await store.RetireAsync(over - TimeSpan.FromTicks(1)));
        Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(1)));
        Assert.Equal(new RetireResult(1, null), await store.RetireAsync(over));
        Assert.IsType<LoadResult.Missing>(await store.LoadAsync(Id(1)));
        Assert.Equal(new AppendResult.Missing(Id(1)), await store.AppendAsync(One(1, 3)));
        Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(2)));
        Assert.Equal([1, 2, 3], Archive.Envelopes.Select(static envelope => envelope.Version));
        Assert.Equal(2, store.Status.LiveEvents);
    }

    [StoreFact]
    public async Task A_client_that_has_spent_its_days_events_is_refused_until_the_next_day_of_service_but_may_end()
    {
        await using IEventStore store = await Open(Policy with { EventsPerClientDay = 5 });
        await store.AppendAsync(One(1, 0, 5, time: 1));
        Assert.Equal(new AppendResult.BudgetExceeded(Client(1), StoreBudget.Events, 5), await store.AppendAsync(One(1, 5, time: 2)));
        Assert.Equal(1, VersionOf(await store.AppendAsync(One(2, 0, time: 2))));
        Assert.Equal(6, VersionOf(await store.AppendAsync(One(1, 5, time: 86_400_000))));
        Assert.IsType<AppendResult.BudgetExceeded>(await store.AppendAsync(One(1, 6, 5, time: 86_400_001)));
        Assert.Equal(11, VersionOf(await store.AppendAsync(One(1, 6, 5, end: true, time: 86_400_001))));
    }

    [StoreFact]
    public async Task A_client_that_has_spent_its_days_sessions_gets_no_further_one_and_keeps_the_one_it_has()
    {
        await using IEventStore store = await Open(Policy with { SessionsPerClientDay = 2 });
        await store.AppendAsync(One(1, 0, client: 7));
        await store.AppendAsync(new AppendRequest(Append(1, 1, client: 7, end: true), Append(2, 0, client: 7)));
        var third = new AppendRequest(Append(2, 1, client: 7, end: true), Append(3, 0, client: 7));
        Assert.Equal(new AppendResult.BudgetExceeded(Client(7), StoreBudget.Sessions, 2), await store.AppendAsync(third));
        Assert.False((await History(store, 2)).Summary.Ended);
        Assert.Equal(2, VersionOf(await store.AppendAsync(One(2, 1, client: 7))));
    }

    [StoreFact]
    public async Task Listing_shows_every_session_and_loading_all_live_ones_leaves_the_ended_out()
    {
        await using IEventStore store = await Open(Policy);
        foreach (int session in new[] { 3, 1, 2 }) await store.AppendAsync(One(session, 0, session, end: session == 2));
        var listed = (ImmutableArray<StoredStream>)await store.ListAsync();
        Assert.Equal([(Id(1), 1, false), (Id(2), 2, true), (Id(3), 3, false)], listed.Select(static row => (row.Head.Stream, row.LiveEvents, row.Summary.Ended)));
        var live = (ImmutableArray<LoadResult>)await store.LoadAllLiveAsync();
        Assert.Equal([Id(1), Id(3)], live.Select(static loaded => Assert.IsType<LoadResult.Found>(loaded).History.Stream));
    }

    [StoreFact]
    public async Task Contents_clock_and_budgets_survive_a_reopening_by_a_new_incarnation()
    {
        StorePolicy policy = Policy with { EventsPerClientDay = 9 };
        IEventStore store = await Open(policy);
        Assert.Equal(new StoreOpening(store.Opening.Incarnation, 1, Instant.Zero), store.Opening);
        await store.AppendAsync(One(1, 0, 5, time: 5_000));
        await store.CompactAsync(Id(1), 3, SnapshotDraft(3));
        StreamHistory before = await History(store, 1);
        store = await Open(policy);
        Assert.Equal((2, Instant.FromMilliseconds(5_000)), (store.Opening.Number, store.Opening.ServiceTime));
        StreamHistory after = await History(store, 1);
        Assert.Equal(before.Envelopes.AsEnumerable(), after.Envelopes);
        Assert.Equal((before.Head, before.Summary), (after.Head, after.Summary));
        Assert.IsType<AppendResult.BudgetExceeded>(await store.AppendAsync(One(1, 5, 5, time: 6_000)));
        Assert.True(await store.CheckpointAsync(Instant.FromMilliseconds(9_000)));
        Assert.True(await store.CheckpointAsync(Instant.FromMilliseconds(7_000)));
        IncarnationId former = store.Opening.Incarnation;
        store = await Open(policy);
        Assert.Equal((3, Instant.FromMilliseconds(9_000)), (store.Opening.Number, store.Opening.ServiceTime));
        Assert.NotEqual(former, store.Opening.Incarnation);
        await store.DisposeAsync();
    }

    [StoreFact]
    public async Task Of_many_that_race_for_one_version_exactly_one_wins()
    {
        await using IEventStore store = await Open(Policy);
        await store.AppendAsync(One(1, 0));
        for (int version = 1; version <= 20; version++)
        {
            int expected = version;
            AppendResult[] results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await store.AppendAsync(One(1, expected)))));
            Assert.Single(results.OfType<AppendResult.Committed>());
            Assert.Equal(7, results.OfType<AppendResult.Conflict>().Count(conflict => conflict.ActualVersion == expected + 1));
        }
        Assert.Equal(21, (await History(store, 1)).Head.Version);
    }

    [StoreFact]
    public async Task Many_sessions_append_at_once_and_none_is_lost()
    {
        await using IEventStore store = await Open(Policy);
        await Task.WhenAll(Enumerable.Range(1, 40).Select(session => Task.Run(async () =>
        {
            for (int version = 0; version < 10; version++) Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(session, version)));
        })));
        var all = (ImmutableArray<LoadResult>)await store.LoadAllLiveAsync();
        Assert.Equal(40, all.Length);
        Assert.All(all, static loaded => Assert.Equal(10, Assert.IsType<LoadResult.Found>(loaded).History.Head.Version));
    }
}
