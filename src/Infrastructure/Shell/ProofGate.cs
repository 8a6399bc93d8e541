using System.Buffers.Binary;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>What the gate says of a control datagram.</summary>
public enum GateVerdict
{
    /// <summary>Whoever made it holds the session's secrets, and it was not seen before; to the core.</summary>
    Proven,

    /// <summary>Proven, and seen before: whoever sends it may have copied it. To the core, which answers it as before.</summary>
    Repeated,

    /// <summary>Nothing in memory can prove it: a first message, or one that brings a ticket. It needs a cookie under load.</summary>
    Unproven,

    /// <summary>Drop it in silence; count the reason.</summary>
    Drop,
}

/// <summary>
/// Stands behind <see cref="ControlFilter"/>, on the receiving thread: proves what the core would have to prove, against the core's last
/// state, so that no wrong proof takes a place in the core's queue from an honest client (REQ-FLOOD-6). What is proven is metered by
/// session, and what was seen before is metered apart, so that copies, which anybody can send, cannot use up what the session's holder
/// may send (REQ-FLOOD-7). One thread; allocates nothing; all its tables have fixed sizes.
/// </summary>
/// <param name="tokenSecret">The node's; lives as long as the gate.</param>
/// <param name="mix">Secret: nobody outside can aim at another's meter.</param>
/// <param name="meters">How many there are of each kind; a power of two.</param>
public sealed class ProofGate(ICryptography crypto, IProofCheck proofs, SecretHandle tokenSecret, KeyedMix mix, int meters = ProofGate.Meters)
{
    /// <summary>Meters by session. Two sessions may share one, which costs either some patience; which two do is keyed.</summary>
    public const int Meters = 1 << 15;

    /// <summary>Highest numbers seen for each meter, by session and path. One that is pushed out lets its copies count as new once more.</summary>
    public const int Numbers = 2;

    /// <summary>Proven requests of a session with a number that was not seen before: what the core takes.</summary>
    public static readonly TokenRate Requests = GatewayLimits.Requests;

    /// <summary>Requests of a session that were seen before: half of what the core takes, so that half is left whoever copies.</summary>
    public static readonly TokenRate RepeatedRequests = TokenRate.PerSecond(50, burst: 25);

    /// <summary>New probes of a session: what the core takes.</summary>
    public static readonly TokenRate Probes = GatewayLimits.Probes;

    /// <summary>Probes of a session that were seen before, or came late.</summary>
    public static readonly TokenRate RepeatedProbes = TokenRate.PerSecond(100, burst: 50);

    /// <summary>Requests with an id of which nothing in memory knows the secrets, for each id: a client of a restarted node comes back with a few.</summary>
    public static readonly TokenRate Unproven = TokenRate.PerSecond(20, burst: 20);

    /// <summary>Probes with such an id, apart: a client that fears for its path probes often, and must not refuse itself the move.</summary>
    public static readonly TokenRate UnprovenProbes = TokenRate.PerSecond(20, burst: 20);

    /// <summary>Control frames of a session; a client says one for each move.</summary>
    public static readonly TokenRate Frames = TokenRate.PerSecond(20, burst: 20);

    private readonly TokenBucket[] _frames = new TokenBucket[meters];
    private readonly TokenBucket[] _requests = new TokenBucket[meters];
    private readonly TokenBucket[] _repeatedRequests = new TokenBucket[meters];
    private readonly TokenBucket[] _probes = new TokenBucket[meters];
    private readonly TokenBucket[] _repeatedProbes = new TokenBucket[meters];
    private readonly TokenBucket[] _unproven = new TokenBucket[meters];
    private readonly TokenBucket[] _unprovenProbes = new TokenBucket[meters];
    private readonly (ulong Tag, ulong Highest)[] _numbers = new (ulong, ulong)[Numbers * meters];

    /// <summary>None unless the datagram is a CONFIRM for an index that nobody was given: what costs nothing to know.</summary>
    public static ReasonCode CheckReceiver(GatewayState state, ReadOnlySpan<byte> datagram) =>
        (MessageType)datagram[0] == MessageType.Confirm && !state.ByIndex.ContainsKey(Confirm.ReceiverIndex(datagram)) ? ReasonCode.UnknownReceiver : ReasonCode.None;

    /// <summary>Judges a datagram whose form and mark the filter has found right.</summary>
    /// <param name="state">The core's state after its last step. It may be a little old; what it does not know yet is repeated by its sender.</param>
    public GateVerdict Check(GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, out ReasonCode reason)
    {
        reason = ReasonCode.None;
        return (MessageType)datagram[0] switch
        {
            MessageType.Prepare => Request(state, datagram, now, Prepare.ProofOffset, Field(datagram, 24), out reason),
            MessageType.End => Request(state, datagram, now, End.ProofOffset, Field(datagram, 20), out reason),
            MessageType.Probe => Probing(state, datagram, now, out reason),
            MessageType.Confirm => Confirmation(state, source, datagram, now, out reason),
            _ => GateVerdict.Unproven,
        };
    }

    /// <summary>False if the session has said more control frames than any client needs.</summary>
    public bool AllowsFrame(SessionId session, Instant now)
    {
        Span<byte> id = stackalloc byte[SessionId.Size];
        session.Write(id);
        return Pass(GateVerdict.Proven, ref _frames[MeterOf(Field(id, 0), Field(id, 8))], Frames, now, out _) == GateVerdict.Proven;
    }

    private GateVerdict Request(GatewayState state, ReadOnlySpan<byte> datagram, Instant now, int proofOffset, ulong nonce, out ReasonCode reason)
    {
        if (!TryFindSecrets(state, datagram, out SessionSecrets secrets)) return Unknown(datagram, now, out reason);
        bool isProven = proofs.VerifyMac(
            secrets.Proof, datagram[..proofOffset], datagram.Slice(proofOffset, ProtocolConstants.ProofSize), out bool isLive);
        if (!isLive) return Unknown(datagram, now, out reason);
        if (!isProven) return Drop(ReasonCode.BadProof, out reason);
        return Metered(mix.Of(Field(datagram, 4), Field(datagram, 12)), nonce, MeterOf(datagram), now, out reason);
    }

    private GateVerdict Probing(GatewayState state, ReadOnlySpan<byte> datagram, Instant now, out ReasonCode reason)
    {
        if (!TryFindSecrets(state, datagram, out SessionSecrets secrets)) return Unknown(datagram, now, out reason);
        Span<byte> covered = stackalloc byte[datagram.Length - ProtocolConstants.MacSize];
        datagram[..Probe.MacOffset].CopyTo(covered);
        datagram[Probe.Size..].CopyTo(covered[Probe.MacOffset..]);
        bool isProven = proofs.VerifyMac(secrets.Probe, covered, Probe.MacOf(datagram), out bool isLive);
        if (!isLive) return Unknown(datagram, now, out reason);
        if (!isProven) return Drop(ReasonCode.BadProof, out reason);
        // Each path of each instance of the client counts its own.
        ulong path = mix.Of(mix.Of(Field(datagram, 4), Field(datagram, 12)), mix.Of(Field(datagram, 32), BinaryPrimitives.ReadUInt32LittleEndian(datagram[20..])));
        int meter = MeterOf(datagram);
        return IsNew(path, Field(datagram, 24))
            ? Pass(GateVerdict.Proven, ref _probes[meter], Probes, now, out reason)
            : Pass(GateVerdict.Repeated, ref _repeatedProbes[meter], RepeatedProbes, now, out reason);
    }

    /// <summary>CONFIRM: an index of ours, from the source that it was given to, under its keys.</summary>
    private GateVerdict Confirmation(GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, out ReasonCode reason)
    {
        uint index = Confirm.ReceiverIndex(datagram);
        if (!state.ByIndex.TryGetValue(index, out ReceiverIndex target)) return Drop(ReasonCode.UnknownReceiver, out reason);
        bool isLive = false;
        if (target.HalfOpenSlot is { } slot)
            reason = state.HalfOpen.TryGetValue(slot, out HalfOpenHandshake? handshake) ? Judge(handshake, source, datagram, out isLive) : ReasonCode.UnknownReceiver;
        else
            reason = state.Sessions.TryGetValue(target.Session!.Value, out GatewaySession? session) ? Judge(session, index, source, datagram, out isLive) : ReasonCode.UnknownSession;
        if (reason != ReasonCode.None) return GateVerdict.Drop;
        ulong key = mix.Of(index, 7);
        GateVerdict verdict = Metered(key, 1, (int)(key % (ulong)_requests.Length), now, out reason);
        // The core knows better, and until it does the source has proven nothing.
        return verdict == GateVerdict.Proven && !isLive ? GateVerdict.Repeated : verdict;
    }

    /// <summary>What is proven and has a number: new ones and copies have meters of their own.</summary>
    private GateVerdict Metered(ulong key, ulong number, int meter, Instant now, out ReasonCode reason) =>
        IsNew(key, number)
            ? Pass(GateVerdict.Proven, ref _requests[meter], Requests, now, out reason)
            : Pass(GateVerdict.Repeated, ref _repeatedRequests[meter], RepeatedRequests, now, out reason);

    private ReasonCode Judge(HalfOpenHandshake handshake, TransportAddress source, ReadOnlySpan<byte> datagram, out bool isLive)
    {
        isLive = false;
        if (handshake.Source != source) return ReasonCode.TokenMismatch;
        return IsAuthentic(handshake.Keys.Confirmation, datagram, out isLive) ? ReasonCode.None : ReasonCode.BadMac;
    }

    /// <summary>None as well where nothing is left by which to judge: then <paramref name="isLive"/> is false.</summary>
    private ReasonCode Judge(GatewaySession session, uint index, TransportAddress source, ReadOnlySpan<byte> datagram, out bool isLive)
    {
        isLive = true;
        if (session.Epoch is { } epoch && epoch.Index == index)
            return epoch.Transport == source && ConstantTime.Equal(epoch.Confirm.Span, datagram) ? ReasonCode.None : ReasonCode.TokenMismatch;
        foreach (PreparedReattach prepared in session.Prepared)
        {
            if (prepared.Index != index) continue;
            if (!IsAuthentic(prepared.Keys.Confirmation, datagram, out isLive)) return ReasonCode.BadMac;
            Span<byte> expected = stackalloc byte[ProtocolConstants.MacSize];
            AddressMacs.Token(crypto, tokenSecret, session.Session.Id, prepared.PrepareHash, source, expected);
            return ConstantTime.Equal(Confirm.TokenOf(datagram), expected) ? ReasonCode.None : ReasonCode.TokenMismatch;
        }
        // Confirmed already, and the store has not answered.
        isLive = false;
        return ReasonCode.None;
    }

    /// <summary>True as well if the key has just been released: the core knows better.</summary>
    private bool IsAuthentic(SecretHandle key, ReadOnlySpan<byte> datagram, out bool isLive) =>
        proofs.VerifyMac(key, datagram[..Confirm.MacOffset], datagram.Slice(Confirm.MacOffset, ProtocolConstants.MacSize), out isLive) || !isLive;

    private static bool TryFindSecrets(GatewayState state, ReadOnlySpan<byte> datagram, out SessionSecrets secrets)
    {
        bool found = state.Sessions.TryGetValue(SessionId.Read(datagram[Prepare.SessionOffset..]), out GatewaySession? session) && session.Secrets is not null;
        secrets = found ? session!.Secrets!.Value : default;
        return found;
    }

    private GateVerdict Unknown(ReadOnlySpan<byte> datagram, Instant now, out ReasonCode reason) =>
        (MessageType)datagram[0] == MessageType.Probe
            ? Pass(GateVerdict.Unproven, ref _unprovenProbes[MeterOf(datagram)], UnprovenProbes, now, out reason)
            : Pass(GateVerdict.Unproven, ref _unproven[MeterOf(datagram)], Unproven, now, out reason);

    /// <summary>The verdict, if the meter has a token for it.</summary>
    private static GateVerdict Pass(GateVerdict verdict, ref TokenBucket bucket, in TokenRate rate, Instant now, out ReasonCode reason)
    {
        bool isTaken = bucket.TryTake(now, rate, out TokenBucket after);
        bucket = after;
        reason = isTaken ? ReasonCode.None : ReasonCode.RateLimited;
        return isTaken ? verdict : GateVerdict.Drop;
    }

    private static GateVerdict Drop(ReasonCode why, out ReasonCode reason)
    {
        reason = why;
        return GateVerdict.Drop;
    }

    /// <summary>True if the number is above all that were seen under this key; remembers it then.</summary>
    private bool IsNew(ulong key, ulong number)
    {
        ref (ulong Tag, ulong Highest) entry = ref _numbers[key % (ulong)_numbers.Length];
        if (entry.Tag == key && number <= entry.Highest) return false;
        entry = (key, number);
        return true;
    }

    /// <summary>The meter of the session that a request names.</summary>
    private int MeterOf(ReadOnlySpan<byte> datagram) => MeterOf(Field(datagram, Prepare.SessionOffset), Field(datagram, Prepare.SessionOffset + 8));

    private int MeterOf(ulong first, ulong second) => (int)(mix.Of(first, second) >> 32) & (_requests.Length - 1);

    private static ulong Field(ReadOnlySpan<byte> datagram, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(datagram[offset..]);
}
