using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>All that a gateway core asks of its shell, carried out in order. Closed.</summary>
public abstract record GatewayEffect
{
    private GatewayEffect()
    {
    }

    /// <summary>Send a control datagram from the address that was asked.</summary>
    public sealed record Send(TransportAddress To, ReadOnlyMemory<byte> Bytes) : GatewayEffect;

    /// <summary>Send a control frame under the session's bound epoch.</summary>
    public sealed record SendFrame(SessionId Session, ControlFrame Frame) : GatewayEffect;

    /// <summary>Append to one stream or, atomically, to two; answered by AppendFinished.</summary>
    /// <param name="Number">Counts the appends.</param>
    /// <param name="Fence">The owner that must be gone for it, if another node's session is touched.</param>
    public sealed record Append(long Number, ImmutableArray<StreamAppend> Streams, FenceEvidence? Fence = null) : GatewayEffect;

    public sealed record OpenSession(SessionId Session, ImmutableArray<IpPrefix> Prefixes) : GatewayEffect;

    public sealed record InstallEpoch(SessionId Session, TrafficKeys Keys, TransportAddress Source, bool Held) : GatewayEffect;

    /// <summary>Send under this epoch from now on; answered by TransportBound.</summary>
    public sealed record Bind(SessionId Session, uint LocalIndex, TransportAddress Transport, Instant OldUntil) : GatewayEffect;

    public sealed record LimitEpoch(SessionId Session, uint LocalIndex, ulong End) : GatewayEffect;

    public sealed record RemoveEpoch(SessionId Session, uint LocalIndex) : GatewayEffect;

    public sealed record Unbind(SessionId Session) : GatewayEffect;

    public sealed record CloseSession(SessionId Session) : GatewayEffect;

    /// <summary>Answered by CountersRead.</summary>
    public sealed record ReadCounters(SessionId Session) : GatewayEffect;

    /// <summary>Zero a secret that an earlier effect still needed.</summary>
    public sealed record Forget(SecretHandle Secret) : GatewayEffect;

    /// <summary>A stored transition: one line in the log. Comes only after its append has committed.</summary>
    public sealed record Transitioned(Session Before, Session After, SessionEvent Event) : GatewayEffect;

    /// <summary>A refused input: counted, logged at a bounded rate. It has changed nothing.</summary>
    public sealed record Rejected(ReasonCode Reason, Endpoint Source, SessionId? Session) : GatewayEffect;

    /// <summary>Answers <see cref="GatewayInput.TerminateRequested"/>.</summary>
    /// <param name="Problem">None if it was done.</param>
    public sealed record Answer(long Request, ReasonCode Problem) : GatewayEffect;

    /// <summary>Every session has been handed over; the process may end.</summary>
    public sealed record Drained : GatewayEffect;

    /// <summary>Read a session of the shared store; answered by SessionLoaded. One read of a session is under way at most.</summary>
    public sealed record Load(SessionId Session) : GatewayEffect;

    /// <summary>Read the live session of a client; answered by ClientLoaded.</summary>
    public sealed record LoadClient(PublicKey Client) : GatewayEffect;

    /// <summary>
    /// Ask the session's owner for it, unless something has been stored since that version: an owner who has bound it anew meanwhile keeps
    /// it. Nothing answers but SessionReleased, in time.
    /// </summary>
    public sealed record Want(SessionId Session, long Version) : GatewayEffect;

    /// <summary>The store has said that this incarnation is fenced, and the core has dropped everything.</summary>
    public sealed record Fenced : GatewayEffect;
}

/// <summary>Events for one stream, with the version that they follow and the command that caused them.</summary>
/// <param name="Before">The session as it was before the first event; the state that was decided on.</param>
/// <param name="After">The session after the last.</param>
/// <param name="PolicyHash">The policy that was decided under.</param>
public sealed record StreamAppend(Session Before, SessionCommand Cause, LanguageExt.Seq<SessionEvent> Events, Session After, Hash256 PolicyHash);
