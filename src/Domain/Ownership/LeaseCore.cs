using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Ownership;

/// <summary>All that a node knows of its own lease and of the other nodes'. Times are of its own clock that counts from boot.</summary>
/// <param name="ServeUntil">From then on the node serves nothing; the past while it holds no lease.</param>
/// <param name="RenewAt">When the next renewal is due; never while one is under way.</param>
/// <param name="Watched">The other incarnations' numbers, and since when each has stood still.</param>
/// <param name="Gone">The owners that this node can prove to be gone, by incarnation.</param>
/// <param name="IsFenced">Another node has fenced this incarnation; nothing follows.</param>
public sealed record LeaseState(
    Instant ServeUntil,
    Instant RenewAt,
    ImmutableSortedDictionary<IncarnationId, WatchedNode> Watched,
    ImmutableSortedDictionary<IncarnationId, FenceEvidence> Gone,
    bool IsFenced)
{
    /// <summary>A new incarnation: it serves nothing before its first renewal.</summary>
    public static LeaseState Entered(Instant now) => new(
        new(long.MinValue), now, StateMap.Empty<IncarnationId, WatchedNode>(), StateMap.Empty<IncarnationId, FenceEvidence>(), false);

    public bool Serves(Instant now) => !IsFenced && now < ServeUntil;
}

/// <summary>A number that stands still.</summary>
/// <param name="Since">When the read that first showed it had ended: the owner cannot have renewed with it later.</param>
public sealed record WatchedNode(NodeRow Row, Instant Since);

/// <summary>
/// The lease as a state machine without I/O (DESIGN 6). It rests on three things: a node counts its own time from before it asked,
/// the others from after they saw; a claim compares the number once more; and a watch begins anew whenever the store could not be
/// read, since an old copy of it may have answered meanwhile.
/// </summary>
public static class LeaseCore
{
    /// <summary>The renewal that is due now is under way.</summary>
    public static LeaseState Renewing(LeaseState state) => state with { RenewAt = Instant.Never };

    /// <summary>A renewal has ended.</summary>
    /// <param name="started">When it was asked for.</param>
    /// <param name="ended">When the answer was there.</param>
    public static LeaseState Renewed(LeaseState state, Renewal renewal, Instant started, Instant ended, LeaseTimes times)
    {
        if (state.IsFenced) return state;
        return renewal switch
        {
            Renewal.Renewed renewed => Watch(state, renewed.Others, started, ended, times) with
            {
                ServeUntil = Instant.Max(state.ServeUntil, started + times.Lease - times.Margin),
                RenewAt = Instant.Max(ended, started + times.Interval),
            },
            Renewal.Fenced => state with
            {
                IsFenced = true,
                ServeUntil = new(long.MinValue),
                RenewAt = Instant.Never,
                Gone = StateMap.Empty<IncarnationId, FenceEvidence>(),
            },
            Renewal.Failed => state with
            {
                RenewAt = Instant.Max(ended, started + times.Interval),
                Watched = StateMap.Empty<IncarnationId, WatchedNode>(),
                Gone = StateMap.Empty<IncarnationId, FenceEvidence>(),
            },
            _ => throw new InvalidOperationException("a renewal that is none of the known ones"),
        };
    }

    private static LeaseState Watch(LeaseState state, ImmutableArray<NodeRow> others, Instant started, Instant ended, LeaseTimes times)
    {
        var watched = StateMap.Empty<IncarnationId, WatchedNode>().ToBuilder();
        var gone = StateMap.Empty<IncarnationId, FenceEvidence>().ToBuilder();
        foreach (NodeRow row in others)
        {
            IncarnationId id = row.Owner.Incarnation;
            WatchedNode seen = state.Watched.TryGetValue(id, out WatchedNode? before) && before.Row.Number == row.Number
                ? before with { Row = row }
                : new(row, ended);
            watched[id] = seen;
            if (row.IsFenced || started >= seen.Since + times.Lease + times.Margin) gone[id] = new(row.Owner, row.Number);
        }
        // The same map while nothing changes: who compares by reference then sees that nothing did.
        return state with
        {
            Watched = watched.ToImmutable(),
            Gone = state.Gone.Count == gone.Count && gone.All(pair => state.Gone.TryGetValue(pair.Key, out FenceEvidence? same) && same.Number == pair.Value.Number)
                ? state.Gone
                : gone.ToImmutable(),
        };
    }
}
