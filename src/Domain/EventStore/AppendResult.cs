using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.EventStore;

/// <summary>What became of an append. All of these are expected; none is an exception.</summary>
public abstract record AppendResult
{
    private AppendResult()
    {
    }

    /// <summary>Durable. One position for each stream, in the request's order.</summary>
    public sealed record Committed(ImmutableArray<StreamPosition> Positions) : AppendResult;

    /// <summary>The stream is at another version than expected.</summary>
    public sealed record Conflict(SessionId Stream, long ActualVersion) : AppendResult;

    /// <summary>The stream is not in the store: it never was, or it ended and was retired.</summary>
    public sealed record Missing(SessionId Stream) : AppendResult;

    /// <summary>The session has ended at that version.</summary>
    public sealed record Ended(SessionId Stream, long Version) : AppendResult;

    /// <summary>The client has another live session, which this request does not end.</summary>
    public sealed record ClientBusy(PublicKey Client, SessionId Live) : AppendResult;

    /// <summary>The client has used up what it may store on one day of service.</summary>
    public sealed record BudgetExceeded(PublicKey Client, StoreBudget Budget, int Limit) : AppendResult;

    /// <summary>The stream holds twice the events at which it should have been compacted. Ending the session is still possible.</summary>
    public sealed record Uncompacted(SessionId Stream, int LiveEvents) : AppendResult;

    /// <summary>Another node has fenced the incarnation that asks: nothing was stored, and it must drop everything.</summary>
    public sealed record Fenced : AppendResult;

    /// <summary>The owner that the request holds for gone has renewed since: nothing was stored.</summary>
    public sealed record OwnerAlive(Owner Owner) : AppendResult;

    /// <summary>Nothing was stored: the store cannot write now.</summary>
    public sealed record Unavailable(string Reason) : AppendResult;

    /// <summary>It may or may not be stored. Only a later read tells.</summary>
    public sealed record Unknown(string Reason) : AppendResult;
}

/// <summary>Where a stream stands after an append.</summary>
/// <param name="Head">The version and hash of the last event.</param>
/// <param name="LiveEvents">How many envelopes the store holds for it, a snapshot included.</param>
/// <param name="CompactionDue">True once that has reached the policy's bound.</param>
public sealed record StreamPosition(ChainHead Head, int LiveEvents, bool CompactionDue);

/// <summary>What a client may store in one day of the service clock.</summary>
public enum StoreBudget
{
    Events,
    Sessions,
}
