using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>A session as its gateway works with it: what is stored, and what only this process knows.</summary>
public sealed record GatewaySession
{
    /// <summary>As the store has it.</summary>
    public required Session Session { get; init; }

    /// <summary>Null after a restart, until the client has shown a ticket.</summary>
    public SessionSecrets? Secrets { get; init; }

    /// <summary>Prepared reattaches, lowest nonce first; at most <see cref="ProtocolConstants.MaxPendingReattaches"/>.</summary>
    public ImmutableArray<PreparedReattach> Prepared { get; init; } = [];

    /// <summary>What is bound in the data plane; null if nothing is.</summary>
    public BoundEpoch? Epoch { get; init; }

    /// <summary>Where the client was bound last; it is told there when the session ends.</summary>
    public TransportAddress? LastTransport { get; init; }

    /// <summary>True while the data plane has an entry for the session.</summary>
    public bool IsOpen { get; init; }

    /// <summary>The append that the store has not answered: one at a time per session.</summary>
    public long? Append { get; init; }

    /// <summary>A withdrawal that waits for the append in flight, or for the store to come back.</summary>
    public Withdrawal? Wanted { get; init; }

    /// <summary>
    /// The store refused an append because the stream was not where this node left it: what is true is not known, so the
    /// session is served no more until a new start has read the store (REQ-SAFETY-2).
    /// </summary>
    public bool IsDistrusted { get; init; }

    /// <summary>Not before then is <see cref="Wanted"/> tried again.</summary>
    public Instant RetryAt { get; init; } = Instant.Zero;

    /// <summary>When the bound transport was last known to deliver.</summary>
    public required Instant HeardAt { get; init; }

    /// <summary>The data plane has been asked for its counters, because no report has come for long; its answer decides.</summary>
    public bool AwaitsCounters { get; init; }

    /// <summary>In a cluster: a confirmed request that waits until the owner has let go or is known to be gone.</summary>
    public HeldConfirm? Held { get; init; }

    /// <summary>When the owner was last asked for the session.</summary>
    public Instant? AskedAt { get; init; }

    /// <summary>The entry of <see cref="GatewayState.Deadlines"/>.</summary>
    public required Instant Deadline { get; init; }

    public PathQuality Quality { get; init; } = PathQuality.Unknown;

    public TokenBucket Requests { get; init; } = TokenBucket.Full;

    public TokenBucket Probes { get; init; } = TokenBucket.Full;

    public TokenBucket Challenges { get; init; } = TokenBucket.Full;
}

/// <summary>A CONFIRM whose token and keys were right, and which cannot be granted yet.</summary>
/// <param name="Index">The receiver index of the prepared reattach.</param>
public sealed record HeldConfirm(uint Index, TransportAddress Source, ReadOnlyMemory<byte> Bytes);

/// <summary>What waits for a session to be read.</summary>
public abstract record WaitingForLoad
{
    private WaitingForLoad()
    {
    }

    /// <summary>A PREPARE or END, proven already.</summary>
    public sealed record Request(TransportAddress Source, ReadOnlyMemory<byte> Bytes) : WaitingForLoad;

    /// <summary>An operator who ends the session.</summary>
    public sealed record Terminate(long Number) : WaitingForLoad;

    /// <summary>Another node, which wants it.</summary>
    public sealed record Release : WaitingForLoad;

    /// <summary>A deadline that no owner will see to.</summary>
    public sealed record Orphan : WaitingForLoad;

    /// <summary>Nothing but what waits in the session itself.</summary>
    public sealed record Nothing : WaitingForLoad;
}

/// <summary>A handshake that the client has not confirmed. Nothing acts on it, nothing of it is stored.</summary>
/// <param name="Index">Our receiver index.</param>
/// <param name="RemoteIndex">The client's.</param>
/// <param name="Source">The first message's source: the only one from which the CONFIRM counts.</param>
public sealed record HalfOpenHandshake(
    uint Index, uint RemoteIndex, RegisteredClient Client, SessionId Session, InstanceId Instance, uint Path, CipherSuite Suite,
    SecretHandle Root, EpochSecrets Keys, TransportAddress Source, Instant ExpiresAt, long? Append)
{
    /// <summary>In a cluster: the CONFIRM, while the client's live session is being read.</summary>
    public ReadOnlyMemory<byte>? Held { get; init; }
}

/// <summary>A reattach that was prepared and not confirmed.</summary>
/// <param name="PrepareHash">Of the PREPARE without its cookie MAC: a repeated one is recognised by it.</param>
/// <param name="Answer">The PREPARED without token and MAC.</param>
public sealed record PreparedReattach(
    Prepare Request, Hash256 PrepareHash, uint Index, CipherSuite Suite, EpochSecrets Keys, ReadOnlyMemory<byte> Answer, Instant ExpiresAt);

/// <summary>The epoch that is bound in the data plane, and what is needed to repeat its BOUND.</summary>
/// <param name="Confirm">The CONFIRM that was granted; only the same bytes get the BOUND again.</param>
/// <param name="Bound">The BOUND; empty until the data plane has bound the transport.</param>
/// <param name="Previous">Our receiver index of the epoch before, for the client's EPOCH END; 0 if none.</param>
public sealed record BoundEpoch(
    uint Index, uint RemoteIndex, TransportAddress Transport, SecretHandle Control, ReadOnlyMemory<byte> Confirm, ReadOnlyMemory<byte> Bound, uint Previous)
{
    /// <summary>One more than the highest counter of a report about this epoch: what lies below is a copy or late, and proves nothing.</summary>
    public ulong NextReport { get; init; }
}

/// <summary>Something that withdraws: traffic stops at once, the append follows as soon as the store allows.</summary>
/// <param name="Reason">For an end: why. None for a lost transport or a release.</param>
/// <param name="Requests">Operators who wait for the answer.</param>
/// <param name="Ends">Clients' END requests that wait for it.</param>
public sealed record Withdrawal(WithdrawalKind Kind, ReasonCode Reason, ImmutableArray<long> Requests, ImmutableArray<EndRequest> Ends)
{
    public static Withdrawal Of(WithdrawalKind kind, ReasonCode reason = ReasonCode.None) => new(kind, reason, [], []);

    /// <summary>The stronger of two wishes, with everybody who waits for either.</summary>
    public Withdrawal And(Withdrawal other) =>
        (Kind >= other.Kind ? this : other) with { Requests = Requests.AddRange(other.Requests), Ends = Ends.AddRange(other.Ends) };
}

/// <summary>In ascending strength.</summary>
public enum WithdrawalKind
{
    /// <summary>A deadline of the session has passed.</summary>
    Tick,

    /// <summary>The bound transport delivers no more.</summary>
    TransportLost,

    /// <summary>The node hands the session over.</summary>
    Release,

    /// <summary>The session ends.</summary>
    End,
}

/// <summary>A client's END that waits for its append.</summary>
/// <param name="RequestHash">Of the END without its cookie MAC; the answer's MAC covers it.</param>
public readonly record struct EndRequest(TransportAddress Source, Hash256 RequestHash);

/// <summary>An append that the store has not answered, and what its commit brings about.</summary>
public abstract record PendingAppend
{
    private PendingAppend()
    {
    }

    /// <summary>A handshake's session begins.</summary>
    public sealed record Establishing(int Slot, StreamAppend Stream, StreamAppend? Superseded, ReadOnlyMemory<byte> Confirm) : PendingAppend;

    /// <summary>A reattach is granted.</summary>
    public sealed record Binding(PreparedReattach Reattach, StreamAppend Stream, TransportAddress Source, ReadOnlyMemory<byte> Confirm) : PendingAppend;

    /// <summary>Nothing but the session's state changes.</summary>
    public sealed record Changing(StreamAppend Stream) : PendingAppend;

    /// <summary>Traffic has already stopped.</summary>
    public sealed record Withdrawing(StreamAppend Stream, Withdrawal Withdrawal) : PendingAppend;
}
