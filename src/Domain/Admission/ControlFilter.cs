using System.Buffers.Binary;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Admission;

/// <summary>What a gateway does with a control datagram before its core sees it.</summary>
public enum AdmissionVerdict
{
    /// <summary>Hand it to the core.</summary>
    Pass,

    /// <summary>Drop it in silence; count the reason.</summary>
    Drop,

    /// <summary>Drop it and send a cookie: the gateway is under load and the source is not proven.</summary>
    SendCookie,
}

/// <summary>
/// The cheap checks that stand before the gateway core, in this order: length and type, the MAC inside the session id or
/// MAC1, then, under load, the cookie and the source's own bucket (REQ-FLOOD-1, REQ-FLOOD-3). A refused datagram allocates
/// nothing and changes nothing but counters. Deterministic; used by one thread. Before proof only handshakes have buckets,
/// so that nobody can spend another's.
/// </summary>
public sealed class ControlFilter(ICryptography crypto, AddressKeys addressKeys, ClusterKeys clusterKeys)
{
    /// <summary>Above so many requests in one <see cref="LoadWindow"/> the gateway is under load: a fifth of a core's key exchanges.</summary>
    public const int LoadThreshold = 200;

    /// <summary>Buckets by source; two sources may share one, which costs the second some patience under load.</summary>
    public const int SourceBuckets = 4096;

    /// <summary>Over which requests are counted.</summary>
    public static readonly TimeSpan LoadWindow = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the gateway stays under load after the last window above the threshold.</summary>
    public static readonly TimeSpan LoadHold = TimeSpan.FromSeconds(1);

    /// <summary>How long a cookie secret is current; a cookie works for one to two of these (WireGuard 5.4.7).</summary>
    public static readonly TimeSpan CookieLifetime = TimeSpan.FromSeconds(120);

    /// <summary>Cookies of the whole node for first messages: one costs as much as ten refusals, and the thread that sends them carries the traffic too.</summary>
    public static readonly TokenRate Answers = TokenRate.PerSecond(2500, burst: 1000);

    /// <summary>Cookies of the whole node for clients that bring a session's id: all clients of a node that has died need one at once.</summary>
    public static readonly TokenRate SessionAnswers = TokenRate.PerSecond(10_000, burst: 1000);

    private static readonly TokenRate SourceRate = TokenRate.PerSecond(5, burst: 10);

    private readonly TokenBucket[] _sources = new TokenBucket[SourceBuckets];
    private readonly SecretHandle[] _cookieSecrets = new SecretHandle[3];
    private TokenBucket _answers = TokenBucket.Full, _sessionAnswers = TokenBucket.Full;
    private Instant _windowEnd = Instant.Zero;
    private Instant _loadEnd = Instant.Zero;
    private int _requests;

    /// <summary>True while cookies are asked for.</summary>
    public bool IsUnderLoad(Instant now) => now < _loadEnd;

    /// <summary>
    /// Makes a fresh secret the current one; due every <see cref="CookieLifetime"/>. The one before still counts, and one
    /// older is only kept so that a check that runs meanwhile never meets a released secret.
    /// </summary>
    public void Rotate(SecretHandle fresh)
    {
        crypto.Release(_cookieSecrets[2]);
        _cookieSecrets[2] = _cookieSecrets[1];
        _cookieSecrets[1] = _cookieSecrets[0];
        _cookieSecrets[0] = fresh;
    }

    /// <summary>Length and type; None if both are right. Costs next to nothing.</summary>
    public static ReasonCode CheckShape(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < ProtocolConstants.PrefixSize) return ReasonCode.BadLength;
        bool fits;
        switch ((MessageType)datagram[0])
        {
            case MessageType.Initiation:
                fits = datagram.Length == Initiation.Size;
                break;
            case MessageType.Prepare:
                fits = datagram.Length == Prepare.Size;
                break;
            case MessageType.Confirm:
                fits = datagram.Length == Confirm.Size;
                break;
            case MessageType.End:
                fits = datagram.Length == End.Size;
                break;
            case MessageType.Probe:
                return datagram.Length is < Probe.Size or > ProtocolConstants.MaxControlDatagram ? ReasonCode.BadLength : ReasonCode.None;
            default:
                return ReasonCode.UnknownType;
        }
        return fits && !datagram[1..ProtocolConstants.PrefixSize].ContainsAnyExcept((byte)0) ? ReasonCode.None : ReasonCode.BadLength;
    }

    /// <summary>The MAC in the session id or MAC1, of a datagram whose shape is right; None if it is right too. Nothing is remembered.</summary>
    public ReasonCode CheckMark(ReadOnlySpan<byte> datagram)
    {
        switch ((MessageType)datagram[0])
        {
            case MessageType.Initiation:
                return crypto.VerifyMac(addressKeys.Mac1, datagram[..Initiation.Mac1Offset], datagram.Slice(Initiation.Mac1Offset, ProtocolConstants.MacSize))
                    ? ReasonCode.None
                    : ReasonCode.BadMac;
            case MessageType.Confirm:
                return ReasonCode.None;
            default:
                // PREPARE, END and PROBE have the session id at the same place.
                return clusterKeys.Recognises(crypto, datagram.Slice(Prepare.SessionOffset, SessionId.Size)) ? ReasonCode.None : ReasonCode.BadSessionId;
        }
    }

    /// <summary>Under load: the cookie and the source's bucket, for what <see cref="CheckMark"/> found right and nothing has proven. <paramref name="reason"/> says why it is not passed on.</summary>
    public AdmissionVerdict Admit(ReadOnlySpan<byte> datagram, Endpoint source, Instant now, out ReasonCode reason)
    {
        reason = ReasonCode.None;
        int cookieMac = CookieMacOffset((MessageType)datagram[0]);
        if (cookieMac < 0) return AdmissionVerdict.Pass;
        CountRequest(now);
        if (!IsUnderLoad(now)) return AdmissionVerdict.Pass;
        if (!HasCookie(datagram, cookieMac, source))
        {
            // A flood that is answered one by one would stop everybody's traffic (REQ-FLOOD-3).
            bool isAnswered = datagram[0] == (byte)MessageType.Initiation ? Take(ref _answers, Answers, now) : Take(ref _sessionAnswers, SessionAnswers, now);
            reason = isAnswered ? ReasonCode.CookieRequired : ReasonCode.RateLimited;
            return isAnswered ? AdmissionVerdict.SendCookie : AdmissionVerdict.Drop;
        }
        if (datagram[0] != (byte)MessageType.Initiation) return AdmissionVerdict.Pass;
        if (Take(ref _sources[BucketOf(source)], SourceRate, now)) return AdmissionVerdict.Pass;
        reason = ReasonCode.RateLimited;
        return AdmissionVerdict.Drop;
    }

    /// <summary>The COOKIE for a datagram that <see cref="Admit"/> answered with <see cref="AdmissionVerdict.SendCookie"/>; smaller than it.</summary>
    /// <param name="seed">Fresh.</param>
    /// <param name="answer"><see cref="Cookie.Size"/> bytes.</param>
    public void MakeCookie(ReadOnlySpan<byte> datagram, Endpoint source, SecretHandle seed, Span<byte> answer)
    {
        Span<byte> cookie = stackalloc byte[ProtocolConstants.MacSize];
        AddressMacs.Cookie(crypto, _cookieSecrets[0], source, cookie);
        AddressMacs.SealCookie(crypto, addressKeys.Cookie, seed, ReceiverIndexOf(datagram), RequestMac(datagram), cookie, answer);
    }

    /// <summary>The MAC of a request that a cookie is sealed to: MAC1 or the first half of the proof.</summary>
    public static ReadOnlySpan<byte> RequestMac(ReadOnlySpan<byte> datagram) => (MessageType)datagram[0] switch
    {
        MessageType.Initiation => datagram.Slice(Initiation.Mac1Offset, ProtocolConstants.MacSize),
        MessageType.Prepare => datagram.Slice(Prepare.ProofOffset, ProtocolConstants.MacSize),
        _ => datagram.Slice(End.ProofOffset, ProtocolConstants.MacSize),
    };

    /// <summary>The cookie MAC of a request: keyed with the cookie, over everything before it.</summary>
    public static void CookieMac(ICryptography crypto, ReadOnlySpan<byte> cookie, ReadOnlySpan<byte> covered, Span<byte> mac)
    {
        Span<byte> key = stackalloc byte[ICryptography.SecretSize];
        key.Clear();
        cookie.CopyTo(key);
        SecretHandle handle = crypto.Import(key);
        crypto.Mac(handle, covered, mac);
        crypto.Release(handle);
    }

    private static bool Take(ref TokenBucket bucket, in TokenRate rate, Instant now)
    {
        bool isTaken = bucket.TryTake(now, rate, out TokenBucket after);
        bucket = after;
        return isTaken;
    }

    private void CountRequest(Instant now)
    {
        if (now >= _windowEnd)
        {
            _windowEnd = now + LoadWindow;
            _requests = 0;
        }
        if (++_requests > LoadThreshold) _loadEnd = now + LoadHold;
    }

    private bool HasCookie(ReadOnlySpan<byte> datagram, int offset, Endpoint source)
    {
        ReadOnlySpan<byte> mac = datagram.Slice(offset, ProtocolConstants.MacSize);
        if (!mac.ContainsAnyExcept((byte)0)) return false;
        Span<byte> cookie = stackalloc byte[ProtocolConstants.MacSize];
        Span<byte> expected = stackalloc byte[ProtocolConstants.MacSize];
        bool found = false;
        for (int i = 0; i < 2; i++)
        {
            if (_cookieSecrets[i].IsNone) continue;
            AddressMacs.Cookie(crypto, _cookieSecrets[i], source, cookie);
            CookieMac(crypto, cookie, datagram[..offset], expected);
            found |= ConstantTime.Equal(expected, mac);
        }
        return found;
    }

    /// <summary>Where the cookie MAC lies; -1 for messages that need none: a CONFIRM brings a token, a PROBE makes no work.</summary>
    private static int CookieMacOffset(MessageType type) => type switch
    {
        MessageType.Initiation => Initiation.Mac2Offset,
        MessageType.Prepare => Prepare.CookieMacOffset,
        MessageType.End => End.CookieMacOffset,
        _ => -1,
    };

    private static uint ReceiverIndexOf(ReadOnlySpan<byte> datagram) => (MessageType)datagram[0] switch
    {
        MessageType.Initiation => Initiation.SenderIndex(datagram),
        MessageType.Prepare => BinaryPrimitives.ReadUInt32LittleEndian(datagram[20..]),
        _ => 0,
    };

    /// <summary>
    /// One bucket per IPv4 address and port, or per IPv6 /64 (REQ-FLOOD-4). Keyed with the cookie secret, which is there once a cookie
    /// was right and which nobody else knows: so nobody can look for a source of its own that shares another's bucket.
    /// </summary>
    private int BucketOf(Endpoint source)
    {
        // One byte more than a cookie covers: the same key makes unrelated MACs.
        Span<byte> bytes = stackalloc byte[19];
        bytes[18] = 1;
        BinaryPrimitives.WriteUInt128BigEndian(bytes, source.IsIPv4 ? source.Address : source.Address >> 64 << 64);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[16..], source.IsIPv4 ? source.Port : (ushort)0);
        Span<byte> mac = stackalloc byte[ProtocolConstants.MacSize];
        crypto.Mac(_cookieSecrets[0], bytes, mac);
        return BinaryPrimitives.ReadUInt16LittleEndian(mac) % SourceBuckets;
    }
}
