using System.Collections.Concurrent;
using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using LanguageExt;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>What every store that several nodes share must do beside <see cref="EventStoreContract"/>.</summary>
public abstract class ClusterStoreContract : IAsyncLifetime
{
    private readonly List<IClusterStore> _stores = [];

    /// <summary>A node's port, not entered yet.</summary>
    protected abstract Task<IClusterStore> Connect(NodeIdentity identity, Action<ClusterNotice> notice);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (IClusterStore store in _stores) await store.DisposeAsync();
    }

    private async Task<IClusterStore> Join(string node, string? place = null, ConcurrentQueue<ClusterNotice>? notices = null)
    {
        IClusterStore store = await Connect(new(node, place ?? "place of " + node, "host of " + node), notice => notices?.Enqueue(notice));
        _stores.Add(store);
        return store;
    }

    private async Task<IClusterStore> Enter(string node, ConcurrentQueue<ClusterNotice>? notices = null)
    {
        IClusterStore store = await Join(node, null, notices);
        Assert.IsType<EnterResult.Entered>(await store.EnterAsync(null));
        return store;
    }

    /// <summary>One event after which the session has that owner.</summary>
    private static AppendRequest Owned(int session, long expected, Owner? owner, FenceEvidence? fence = null)
    {
        StreamAppend append = Append(session, expected);
        Option<Owner> now = owner is null ? Option<Owner>.None : owner;
        return new(append with { Summary = append.Summary with { Owner = now, State = owner is null ? "Recovering" : "Attached" } }) { Fence = fence };
    }

    private static async Task<ImmutableArray<NodeRow>> Others(IClusterStore store) =>
        Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero)).Others;

    private static async Task<FenceEvidence> Watch(IClusterStore watcher, IClusterStore owner)
    {
        NodeRow row = (await Others(watcher)).Single(row => row.Owner == owner.Self);
        return new(row.Owner, row.Number);
    }

    private static async Task<long> Version(IClusterStore store, int session) =>
        Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(session))).History.Head.Version;

    private static async Task Heard(ConcurrentQueue<ClusterNotice> notices, ClusterNotice expected)
    {
        for (int i = 0; i < 500 && !notices.Contains(expected); i++) await Task.Delay(10);
        Assert.Contains(expected, notices);
    }

    [StoreFact]
    public async Task Each_entry_is_a_new_incarnation_and_counts_an_opening()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        Assert.Equal((1, 2), (a.Opening.Number, b.Opening.Number));
        Assert.NotEqual(a.Self.Incarnation, b.Self.Incarnation);
        Assert.Equal(("gw-a", a.Opening.Incarnation), (a.Self.Node, a.Self.Incarnation));
        Owner former = a.Self;
        Assert.IsType<EnterResult.Entered>(await a.EnterAsync(null));
        Assert.NotEqual(former, a.Self);
        Assert.Equal(3, a.Opening.Number);
    }

    [StoreFact]
    public async Task A_node_id_that_is_in_use_elsewhere_is_busy_until_its_number_has_been_seen_to_stand_still()
    {
        IClusterStore a = await Enter("gw-a");
        IClusterStore twin = await Join("gw-a", "another place");
        var busy = Assert.IsType<EnterResult.Busy>(await twin.EnterAsync(null));
        Assert.Equal((a.Self, false, "host of gw-a"), (busy.Row.Owner, busy.Row.IsFenced, busy.Where));
        await a.RenewAsync(Instant.Zero);
        var moved = Assert.IsType<EnterResult.Busy>(await twin.EnterAsync(new(busy.Row.Owner, busy.Row.Number)));
        Assert.True(moved.Row.Number > busy.Row.Number);
        Assert.IsType<EnterResult.Entered>(await twin.EnterAsync(new(moved.Row.Owner, moved.Row.Number)));
        Assert.IsType<Renewal.Fenced>(await a.RenewAsync(Instant.Zero));
        Assert.IsType<AppendResult.Fenced>(await a.AppendAsync(One(1, 0)));
    }

    [StoreFact]
    public async Task A_node_that_holds_its_predecessors_lock_enters_at_once_and_fences_it()
    {
        IClusterStore a = await Enter("gw-a");
        IClusterStore again = await Join("gw-a");
        Assert.IsType<EnterResult.Entered>(await again.EnterAsync(null));
        Assert.IsType<AppendResult.Fenced>(await a.AppendAsync(One(1, 0)));
        Assert.IsType<AppendResult.Committed>(await again.AppendAsync(One(1, 0)));
    }

    [StoreFact]
    public async Task A_place_that_cannot_be_told_proves_nothing()
    {
        IClusterStore a = await Join("gw-a", "");
        Assert.IsType<EnterResult.Entered>(await a.EnterAsync(null));
        IClusterStore again = await Join("gw-a", "");
        Assert.IsType<EnterResult.Busy>(await again.EnterAsync(null));
        Assert.True(await a.LeaveAsync());
        Assert.IsType<EnterResult.Entered>(await again.EnterAsync(null));
    }

    [StoreFact]
    public async Task A_renewal_raises_the_number_that_others_watch_and_carries_the_service_clock_forward()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        FenceEvidence before = await Watch(a, b);
        var renewed = Assert.IsType<Renewal.Renewed>(await b.RenewAsync(Instant.FromMilliseconds(7_000)));
        Assert.Equal(Instant.FromMilliseconds(7_000), renewed.ServiceTime);
        Assert.DoesNotContain(renewed.Others, row => row.Owner == b.Self);
        Assert.Equal(before.Number + 1, (await Watch(a, b)).Number);
        Assert.Equal(Instant.FromMilliseconds(7_000), Assert.IsType<Renewal.Renewed>(await a.RenewAsync(Instant.FromMilliseconds(5_000))).ServiceTime);
    }

    [StoreFact]
    public async Task A_claim_with_evidence_fences_the_owner_and_appends_in_one()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        await a.AppendAsync(Owned(1, 0, a.Self));
        FenceEvidence evidence = await Watch(b, a);
        Assert.IsType<AppendResult.Committed>(await b.AppendAsync(Owned(1, 1, b.Self, evidence)));
        Assert.Equal(2, await Version(b, 1));
        Assert.IsType<AppendResult.Fenced>(await a.AppendAsync(Owned(1, 2, a.Self)));
        Assert.IsType<Renewal.Fenced>(await a.RenewAsync(Instant.Zero));
        Assert.Equal(2, await Version(b, 1));
    }

    [StoreFact]
    public async Task A_claim_whose_append_is_refused_fences_nobody()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        await a.AppendAsync(Owned(1, 0, a.Self));
        Assert.IsType<AppendResult.Conflict>(await b.AppendAsync(Owned(1, 7, b.Self, await Watch(b, a))));
        Assert.IsType<Renewal.Renewed>(await a.RenewAsync(Instant.Zero));
        Assert.IsType<AppendResult.Committed>(await a.AppendAsync(Owned(1, 1, a.Self)));
    }

    [StoreFact]
    public async Task An_owner_that_has_renewed_since_it_was_watched_is_alive_and_nothing_is_stored()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        await a.AppendAsync(Owned(1, 0, a.Self));
        FenceEvidence evidence = await Watch(b, a);
        await a.RenewAsync(Instant.Zero);
        Assert.Equal(new AppendResult.OwnerAlive(a.Self), await b.AppendAsync(Owned(1, 1, b.Self, evidence)));
        Assert.Equal(1, await Version(b, 1));
        Assert.IsType<AppendResult.Committed>(await a.AppendAsync(Owned(1, 1, a.Self)));
    }

    [StoreFact]
    public async Task An_owner_that_is_fenced_already_needs_no_standing_number()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        await a.AppendAsync(Owned(1, 0, a.Self));
        FenceEvidence old = await Watch(b, a);
        await a.RenewAsync(Instant.Zero);
        Assert.True(await a.LeaveAsync());
        NodeRow row = Assert.Single(await Others(b));
        Assert.True(row.IsFenced);
        Assert.IsType<AppendResult.Committed>(await b.AppendAsync(Owned(1, 1, b.Self, old)));
    }

    [StoreFact]
    public async Task Of_two_nodes_that_claim_at_once_one_wins()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b"), c = await Enter("gw-c");
        for (int session = 1; session <= 5; session++) await a.AppendAsync(Owned(session, 0, a.Self));
        FenceEvidence evidence = await Watch(b, a);
        for (int session = 1; session <= 5; session++)
        {
            int claimed = session;
            AppendResult[] results = await Task.WhenAll(new[] { b, c }.Select(store =>
                Task.Run(async () => await store.AppendAsync(Owned(claimed, 1, store.Self, evidence)))));
            Assert.Single(results.OfType<AppendResult.Committed>());
            Assert.Equal(new AppendResult.Conflict(Id(claimed), 2), Assert.Single(results.OfType<AppendResult.Conflict>()));
        }
    }

    [StoreFact]
    public async Task A_node_that_has_left_writes_nothing_and_wants_nothing()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        await b.AppendAsync(Owned(1, 0, b.Self));
        Assert.True(await a.LeaveAsync());
        Assert.IsType<AppendResult.Fenced>(await a.AppendAsync(Owned(2, 0, a.Self)));
        Assert.IsType<LoadResult.Missing>(await a.LoadAsync(Id(2)));
        Assert.False(await a.WantAsync(Id(1), 1));
    }

    [StoreFact]
    public async Task A_wanted_session_is_told_to_its_owner_and_its_release_to_who_asked()
    {
        ConcurrentQueue<ClusterNotice> toA = new(), toB = new();
        IClusterStore a = await Enter("gw-a", toA), b = await Enter("gw-b", toB);
        await a.AppendAsync(Owned(1, 0, a.Self));
        // A listener connects by itself; until it has, only renewals tell.
        await Ready(a, toA);
        await Ready(b, toB);
        Assert.True(await b.WantAsync(Id(1), 1));
        await Heard(toA, new ClusterNotice.Wanted(Id(1)));
        Assert.Equal([Id(1)], Assert.IsType<Renewal.Renewed>(await a.RenewAsync(Instant.Zero)).Wanted.AsEnumerable());
        Assert.Empty(Assert.IsType<Renewal.Renewed>(await b.RenewAsync(Instant.Zero)).Wanted.AsEnumerable());
        await a.AppendAsync(Owned(1, 1, null));
        await Heard(toB, new ClusterNotice.Released(Id(1)));
        await a.AppendAsync(Owned(1, 2, a.Self));
        Assert.Empty(Assert.IsType<Renewal.Renewed>(await a.RenewAsync(Instant.Zero)).Wanted.AsEnumerable());
        Assert.DoesNotContain(new ClusterNotice.Released(Id(1)), toA);
    }

    [StoreFact]
    public async Task A_mark_goes_with_the_next_append_so_that_a_late_notice_ends_no_newer_binding()
    {
        ConcurrentQueue<ClusterNotice> toB = new();
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b", toB);
        await Ready(b, toB);
        foreach (int session in new[] { 1, 2, 3 })
        {
            await a.AppendAsync(Owned(session, 0, a.Self));
            Assert.True(await b.WantAsync(Id(session), 1));
        }
        await b.AppendAsync(Owned(2, 1, b.Self));
        await a.AppendAsync(Owned(3, 1, a.Self));
        await a.AppendAsync(One(1, 1, end: true));
        foreach (IClusterStore store in (IClusterStore[])[a, b])
            Assert.Empty(Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero)).Wanted.AsEnumerable());
        // Who waits for one that has ended waits for nothing.
        await Heard(toB, new ClusterNotice.Released(Id(1)));
        Assert.Single(toB.OfType<ClusterNotice.Released>());
    }

    [StoreFact]
    public async Task An_owner_that_has_stored_something_since_is_not_asked_and_who_wanted_reads_again()
    {
        ConcurrentQueue<ClusterNotice> toA = new(), toB = new();
        IClusterStore a = await Enter("gw-a", toA), b = await Enter("gw-b", toB);
        await Ready(a, toA);
        await Ready(b, toB);
        await a.AppendAsync(Owned(1, 0, a.Self));
        await a.AppendAsync(Owned(1, 1, a.Self));
        Assert.True(await b.WantAsync(Id(1), 1));
        await Heard(toB, new ClusterNotice.Released(Id(1)));
        Assert.Empty(Assert.IsType<Renewal.Renewed>(await a.RenewAsync(Instant.Zero)).Wanted.AsEnumerable());
        Assert.True(await b.WantAsync(Id(1), 2));
        await Heard(toA, new ClusterNotice.Wanted(Id(1)));
        Assert.Single(toA.OfType<ClusterNotice.Wanted>());
    }

    [StoreFact]
    public async Task Who_wants_what_nobody_holds_is_told_so_itself()
    {
        ConcurrentQueue<ClusterNotice> toA = new(), toB = new();
        IClusterStore a = await Enter("gw-a", toA), b = await Enter("gw-b", toB);
        await Ready(a, toA);
        await Ready(b, toB);
        await a.AppendAsync(Owned(1, 0, a.Self));
        await a.AppendAsync(One(1, 1, end: true));
        await b.AppendAsync(Owned(2, 0, b.Self));
        await b.AppendAsync(Owned(3, 0, null));
        // One's own is nobody's to ask for, and nothing stands in the way of one without an owner.
        Assert.True(await b.WantAsync(Id(2), 1));
        Assert.True(await b.WantAsync(Id(3), 1));
        Assert.False(await b.WantAsync(Id(1), 2));
        Assert.False(await b.WantAsync(Id(4), 1));
        foreach (int session in new[] { 3, 1, 4 }) await Heard(toB, new ClusterNotice.Released(Id(session)));
        Assert.DoesNotContain(new ClusterNotice.Released(Id(2)), toB);
        Assert.All(toA, notice => Assert.IsType<ClusterNotice.RegistryChanged>(notice));
        Assert.Empty(Assert.IsType<Renewal.Renewed>(await b.RenewAsync(Instant.Zero)).Wanted.AsEnumerable());
    }

    [StoreFact]
    public async Task Orphans_are_what_is_due_and_has_no_living_owner()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        Instant now = Instant.FromMilliseconds(1_000), later = Instant.FromMilliseconds(2_000);
        await a.AppendAsync(With(1, a.Self, Instant.Never, later));
        await b.AppendAsync(With(2, b.Self, Instant.Never, now));
        await b.AppendAsync(With(3, null, now, later));
        await b.AppendAsync(With(4, null, later, later));
        await b.AppendAsync(With(5, null, later, now));
        await a.AppendAsync(With(6, a.Self, later, later));
        await a.AppendAsync(One(7, 0, end: true));
        Assert.Equal([Id(3), Id(5)], (await Orphans()).AsEnumerable());
        Assert.Equal([Id(1), Id(3), Id(5)], (await Orphans(a.Self.Incarnation)).AsEnumerable());
        Assert.Equal([Id(1), Id(2), Id(3), Id(5)], (await Orphans(a.Self.Incarnation, b.Self.Incarnation)).AsEnumerable());
        Assert.Equal([Id(2), Id(3)], ((ImmutableArray<SessionId>)await a.OrphansAsync(now, [a.Self.Incarnation, b.Self.Incarnation], Id(1), 2)).AsEnumerable());

        async Task<ImmutableArray<SessionId>> Orphans(params ImmutableArray<IncarnationId> gone) =>
            (ImmutableArray<SessionId>)await a.OrphansAsync(now, gone, default, 100);

        static AppendRequest With(int session, Owner? owner, Instant recoverBy, Instant expiresAt)
        {
            StreamAppend append = Owned(session, 0, owner).Streams[0];
            return new(append with { Summary = append.Summary with { RecoverBy = recoverBy, ExpiresAt = expiresAt } });
        }
    }

    [StoreFact]
    public async Task The_registry_is_the_same_for_all_and_a_change_of_it_is_told_to_all()
    {
        ConcurrentQueue<ClusterNotice> toA = new(), toB = new();
        IClusterStore a = await Enter("gw-a", toA), b = await Enter("gw-b", toB);
        await Ready(a, toA);
        await Ready(b, toB);
        toA.Clear();
        toB.Clear();
        RegistryEntry laptop = Entry("laptop", 1, "10.77.0.2/32", "fd77::2/128"), phone = Entry("phone", 2, "10.77.0.3/32"), none = Entry("none", 3);
        foreach (RegistryEntry client in new[] { phone, laptop, none }) Assert.Null(await a.AddClientAsync(client));
        var known = (StoredRegistry)await b.LoadRegistryAsync();
        Assert.Equal([laptop, none, phone], known.Clients.AsEnumerable());
        Assert.Equal(known.Revision, Assert.IsType<Renewal.Renewed>(await b.RenewAsync(Instant.Zero)).RegistryRevision);
        await Heard(toA, new ClusterNotice.RegistryChanged());
        await Heard(toB, new ClusterNotice.RegistryChanged());

        Assert.Contains("laptop", await b.AddClientAsync(Entry("laptop", 9, "10.77.0.9/32")), StringComparison.Ordinal);
        Assert.Contains("phone", await b.AddClientAsync(Entry("other", 2, "10.77.0.9/32")), StringComparison.Ordinal);
        Assert.Contains("10.77.0.3", await b.AddClientAsync(Entry("other", 9, "10.77.0.3/32")), StringComparison.Ordinal);
        Assert.Contains("nobody", await b.RemoveClientAsync("nobody"), StringComparison.Ordinal);
        Assert.Equal(known.Revision, ((StoredRegistry)await b.LoadRegistryAsync()).Revision);

        Assert.Null(await b.RemoveClientAsync("phone"));
        var after = (StoredRegistry)await a.LoadRegistryAsync();
        Assert.Equal([laptop, none], after.Clients.AsEnumerable());
        Assert.True(after.Revision > known.Revision);
    }

    [StoreFact]
    public async Task A_clients_live_session_is_found_by_its_key()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        Assert.IsType<LoadResult.Missing>(await b.LoadClientAsync(Client(7)));
        await a.AppendAsync(One(1, 0, 2, client: 7));
        Assert.Equal(Id(1), Assert.IsType<LoadResult.Found>(await b.LoadClientAsync(Client(7))).History.Stream);
        await a.AppendAsync(new AppendRequest(Append(1, 2, client: 7, end: true), Append(2, 0, client: 7)));
        Assert.Equal(Id(2), Assert.IsType<LoadResult.Found>(await b.LoadClientAsync(Client(7))).History.Stream);
        await a.AppendAsync(One(2, 1, client: 7, end: true));
        Assert.IsType<LoadResult.Missing>(await b.LoadClientAsync(Client(7)));
    }

    [StoreFact]
    public async Task A_resolving_read_shows_what_was_appended_before_it_and_a_fenced_node_may_ask_too()
    {
        IClusterStore a = await Enter("gw-a"), b = await Enter("gw-b");
        for (int version = 0; version < 5; version++)
        {
            Task<AppendResult> append = a.AppendAsync(Owned(1, version, a.Self)).AsTask();
            LoadResult resolved = await a.ResolveAsync(Id(1));
            Assert.Equal(version + 1, Assert.IsType<LoadResult.Found>(resolved).History.Head.Version);
            Assert.IsType<AppendResult.Committed>(await append);
        }
        Assert.IsType<LoadResult.Missing>(await a.ResolveAsync(Id(2)));
        await b.AppendAsync(Owned(1, 5, b.Self, await Watch(b, a)));
        Assert.Equal(6, Assert.IsType<LoadResult.Found>(await a.ResolveAsync(Id(1))).History.Head.Version);
        await b.RetireAsync(Instant.FromMilliseconds(1));
        Assert.Equal(6, Assert.IsType<LoadResult.Found>(await a.ResolveAsync(Id(1))).History.Head.Version);
    }

    private static RegistryEntry Entry(string name, int key, params string[] addresses)
    {
        AddressSet.TryCreate(addresses.Select(static text => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text)), out AddressSet set);
        return new(name, Client(key), set);
    }

    /// <summary>Waits until a node hears what is told to all.</summary>
    private static async Task Ready(IClusterStore store, ConcurrentQueue<ClusterNotice> notices)
    {
        for (int i = 0; i < 100 && notices.IsEmpty; i++)
        {
            await store.AddClientAsync(Entry("probe", 99));
            await store.RemoveClientAsync("probe");
            await Task.Delay(10);
        }
        Assert.NotEmpty(notices);
    }
}
