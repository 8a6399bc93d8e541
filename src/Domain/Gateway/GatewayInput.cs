using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>All that can happen to a gateway core. Closed: an input that is none of these does not exist.</summary>
public abstract record GatewayInput
{
    private GatewayInput()
    {
    }

    /// <summary>A datagram that is no data packet and that admission let through.</summary>
    /// <param name="Counters">For a PROBE: the data plane's counters of the session that it names, if it serves it.</param>
    public sealed record DatagramReceived(TransportAddress Source, ReadOnlyMemory<byte> Bytes, TrafficCounters? Counters = null) : GatewayInput;

    /// <summary>An authentic control frame from the bound source.</summary>
    public sealed record FrameReceived(SessionId Session, uint LocalIndex, ReadOnlyMemory<byte> Bytes) : GatewayInput;

    /// <summary>An authentic data packet from another source than the bound one.</summary>
    public sealed record UnboundSourceSeen(SessionId Session, uint LocalIndex, ulong Counter, TransportAddress Source) : GatewayInput;

    /// <summary>The store's answer to <see cref="GatewayEffect.Append"/>.</summary>
    public sealed record AppendFinished(long Append, AppendOutcome Outcome) : GatewayInput;

    /// <summary>The data plane did <see cref="GatewayEffect.Bind"/>.</summary>
    /// <param name="OldEnd">One more than the last counter sent under the epoch before.</param>
    public sealed record TransportBound(SessionId Session, uint LocalIndex, ulong OldEnd) : GatewayInput;

    /// <summary>Answers <see cref="GatewayEffect.ReadCounters"/>; null if the data plane does not know the session.</summary>
    public sealed record CountersRead(SessionId Session, TrafficCounters? Counters) : GatewayInput;

    /// <summary>The deadline of <see cref="GatewayState.NextDeadline"/> has passed.</summary>
    public sealed record TimerFired : GatewayInput;

    /// <summary>An operator ends a session.</summary>
    /// <param name="Request">Comes back in <see cref="GatewayEffect.Answer"/>.</param>
    public sealed record TerminateRequested(SessionId Session, long Request) : GatewayInput;

    /// <summary>The node stops: hand the sessions over and tell the clients.</summary>
    public sealed record Drain : GatewayInput;

    // What follows happens only where several nodes share the store.

    /// <summary>Answers <see cref="GatewayEffect.Load"/>.</summary>
    public sealed record SessionLoaded(SessionId Session, LoadedSession Loaded) : GatewayInput;

    /// <summary>Answers <see cref="GatewayEffect.LoadClient"/>: the client's live session.</summary>
    public sealed record ClientLoaded(PublicKey Client, LoadedSession Loaded) : GatewayInput;

    /// <summary>The owners that this node can prove to be gone, by incarnation: all of them, whenever they change.</summary>
    public sealed record NodesGone(ImmutableSortedDictionary<IncarnationId, FenceEvidence> Gone) : GatewayInput;

    /// <summary>Another node wants a session of this one.</summary>
    public sealed record SessionWanted(SessionId Session) : GatewayInput;

    /// <summary>A session that this node wants has been released.</summary>
    public sealed record SessionReleased(SessionId Session) : GatewayInput;

    /// <summary>Something is due for live sessions that have no living owner.</summary>
    public sealed record SessionsOrphaned(ImmutableArray<SessionId> Sessions) : GatewayInput;

    /// <summary>The environment has another registry now.</summary>
    public sealed record RegistryChanged : GatewayInput;

    /// <summary>This incarnation is fenced: everything goes, and nothing is appended. The environment gets another one before it serves again.</summary>
    public sealed record Fenced : GatewayInput;
}

/// <summary>What a read of one session gave.</summary>
public abstract record LoadedSession
{
    private LoadedSession()
    {
    }

    public sealed record Found(Session Session) : LoadedSession;

    /// <summary>A node that has read the primary knows that there is none: it never was, or it has ended and been retired.</summary>
    public sealed record Missing : LoadedSession;

    /// <summary>It is there and cannot be trusted.</summary>
    public sealed record Corrupt : LoadedSession;

    /// <summary>The store could not be read.</summary>
    public sealed record Unavailable : LoadedSession;
}

/// <summary>What became of an append. Unknown is no outcome: the shell resolves it by reading before it answers.</summary>
public enum AppendOutcome
{
    /// <summary>Durable: what it grants may take effect.</summary>
    Committed = 1,

    /// <summary>The stream was at another version; nothing was appended.</summary>
    Conflict = 2,

    /// <summary>The store could not be written; nothing was appended.</summary>
    Unavailable = 3,

    /// <summary>A budget of the store refused it; nothing was appended.</summary>
    BudgetExceeded = 4,

    /// <summary>This incarnation is fenced; nothing was appended and nothing ever will be.</summary>
    Fenced = 5,

    /// <summary>The owner that was held for gone lives; nothing was appended.</summary>
    OwnerAlive = 6,
}
