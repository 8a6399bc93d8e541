using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Simulation.Tests.Exploration;

/// <summary>
/// What tells two states apart for everything that can still happen: times and numbers count by their distances, beyond what any rule
/// looks at they are all the same. 128 bits of it; two different states fall together once in far more runs than anybody will do.
/// </summary>
internal struct StateKey
{
    private static readonly SessionId Session = new(UInt128.One);
    private static readonly long Longest = (ExploredWorld.Times.Lease + ExploredWorld.Times.Margin).Ticks;

    private ulong _low, _high;

    public static UInt128 Of(ExploredState state)
    {
        var key = new StateKey { _low = 0x6A09E667F3BCC908, _high = 0xBB67AE8584CAA73B };
        StoredStream stored = state.Store.Stream(Session)!;
        key.Add(state.Crashes);
        key.Add(state.Store, stored.Summary.Owner.Match(owner => owner.Incarnation, () => default));
        key.Add(stored.Summary.State == nameof(SessionState.Recovering) ? 1 : 0);
        key.Add(state.Store.WantedBy(Session) ?? default);
        foreach (ExploredNode node in state.Nodes) key.Add(state, stored, node);
        key.Add(state, stored, state.Stray);
        return new UInt128(key._high, key._low);
    }

    private void Add(ExploredState state, StoredStream stored, ExploredNode node)
    {
        Instant clock = node.Clock(state.Now);
        Add(node.Self?.Incarnation ?? default);
        Add((node.IsBound ? 1 : 0) + (node.Lease.IsFenced ? 2 : 0));
        Add(node.Self is null ? 0 : Ahead(node.Lease.ServeUntil, clock));
        Add(node.Self is null ? 0 : Ahead(node.Lease.RenewAt, clock));
        AddRenewal(state, node, clock);
        foreach ((IncarnationId id, WatchedNode watched) in node.Lease.Watched)
        {
            Add(id);
            Add(Behind(state.Store, id, watched.Row.Number));
            Add(watched.Row.IsFenced ? 1 : 0);
            Add(Math.Max(watched.Since.Ticks - clock.Ticks, -Longest));
        }
        Add(-1);
        foreach ((IncarnationId id, FenceEvidence evidence) in node.Lease.Gone)
        {
            Add(id);
            Add(Behind(state.Store, id, evidence.Number));
        }
        Add(-2);
        AddSession(stored, node.Memory);
        Add(state, stored, node.Append);
    }

    private void AddRenewal(ExploredState state, ExploredNode node, Instant clock)
    {
        if (node.Renewal is not { } renewal)
        {
            Add(-3);
            return;
        }
        Add(Math.Max(renewal.Started.Ticks - clock.Ticks, -2 * Longest));
        foreach (WatchedNode watched in node.Lease.Watched.Values) Add(renewal.Started >= watched.Since + ExploredWorld.Times.Lease + ExploredWorld.Times.Margin ? 1 : 0);
        Add(renewal.Carried is null ? 0 : 1 + renewal.Carried.GetType().Name.Length);
        if (renewal.Carried is not Renewal.Renewed renewed) return;
        Add(renewed.Wanted.Length);
        foreach (NodeRow row in renewed.Others)
        {
            Add(row.Owner.Incarnation);
            Add(Behind(state.Store, row.Owner.Incarnation, row.Number));
            Add(row.IsFenced ? 1 : 0);
            if (node.Lease.Watched.TryGetValue(row.Owner.Incarnation, out WatchedNode? watched)) Add(row.Number - watched.Row.Number);
        }
    }

    private void Add(ExploredState state, StoredStream stored, ExploredAppend? append)
    {
        if (append is null)
        {
            Add(-4);
            return;
        }
        Add(append.Writer.Incarnation);
        Add(stored.Head.Version - append.Request.Streams[0].ExpectedVersion);
        Add(append.Stream.Cause.GetType().Name.Length);
        AddSession(stored, append.Stream.After);
        Add(append.Carried is null ? 0 : append.Carried.GetType().Name.Length);
        if (append.Request.Fence is not { } fence) return;
        Add(fence.Owner.Incarnation);
        Add(Behind(state.Store, fence.Owner.Incarnation, fence.Number));
    }

    private void AddSession(StoredStream stored, Session? session)
    {
        if (session is null)
        {
            Add(-5);
            return;
        }
        Add(stored.Head.Version - (long)session.Version);
        Add((long)session.State);
        Add(session.Owner.Match(owner => owner.Incarnation, () => default));
    }

    private void Add(InMemoryStoreState store, IncarnationId owner)
    {
        foreach (NodeRow row in store.Nodes)
        {
            Add(row.Owner.Incarnation);
            Add((row.IsFenced ? 1 : 0) + (row.Owner.Incarnation == owner ? 2 : 0));
        }
        Add(-6);
    }

    /// <summary>How often an incarnation has renewed since a number was seen.</summary>
    private static long Behind(InMemoryStoreState store, IncarnationId id, long number) => store.Node(id)!.Number - number;

    private static long Ahead(Instant at, Instant now) => at == Instant.Never ? long.MaxValue : Math.Max(at.Ticks - now.Ticks, 0);

    private void Add(IncarnationId id) => Add((long)id.Value);

    private void Add(long value)
    {
        _low = Mix(_low ^ (ulong)value);
        _high = Mix((_high + 0x9E3779B97F4A7C15) ^ ((ulong)value * 0xD1342543DE82EF95));
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
