using System.Buffers.Binary;
using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>
/// The other end, as far as a client can tell: it answers by the protocol's rules, and tests turn its knobs. It keeps one session and
/// no store; a commit takes <see cref="CommitTime"/>.
/// </summary>
internal sealed class ScriptedGateway : IDisposable
{
    private readonly SecretArena _arena = new(65536);
    private readonly Dictionary<uint, HalfOpen> _halfOpen = [];
    private readonly Dictionary<uint, PreparedPeer> _prepared = [];
    private readonly SodiumCryptography _crypto;
    private readonly SecretHandle _tokenSecret, _cookieSecret;
    private readonly AddressKeys _addressKeys;
    private uint _nextIndex = 0x1000;

    public ScriptedGateway(PublicKey client)
    {
        _crypto = new(_arena);
        Client = client;
        Identity = NoiseKeyPair.From(_crypto, _crypto.GenerateSecret());
        Cluster = ClusterKeys.Derive(_crypto, [_crypto.GenerateSecret()]);
        _tokenSecret = _crypto.GenerateSecret();
        _cookieSecret = _crypto.GenerateSecret();
        _addressKeys = AddressKeys.Derive(_crypto, Identity.Public);
    }

    public NoiseKeyPair Identity { get; }

    public PublicKey Client { get; }

    public ClusterKeys Cluster { get; }

    public required Action<TransportAddress, byte[]> Send { get; init; }

    public required Action<TimeSpan, Action> After { get; init; }

    public required Func<Instant> Now { get; init; }

    // What tests set.

    public TimeSpan CommitTime { get; set; } = TimeSpan.FromMilliseconds(1);

    public bool WantsCookies { get; set; }

    public SessionPolicy Policy { get; set; } = SessionPolicy.Default;

    public ushort InnerMtu { get; set; } = 1420;

    public ReasonCode RefuseReattachWith { get; set; }

    public uint RefuseWait { get; set; }

    /// <summary>A predicate over message type and source: what is not even looked at.</summary>
    public Func<MessageType, TransportAddress, bool> Ignores { get; set; } = (_, _) => false;

    /// <summary>Answers of these types are lost.</summary>
    public Func<MessageType, TransportAddress, bool> Loses { get; set; } = (_, _) => false;

    public bool IsServing { get; set; } = true;

    /// <summary>The process is not there: it receives and sends nothing.</summary>
    public bool IsAway { get; set; }

    /// <summary>The node has lost its memory of the bound epoch, as after a restart.</summary>
    public void Restart()
    {
        IsServing = false;
        _halfOpen.Clear();
        _prepared.Clear();
        Epoch = null;
        OldEpochs.Clear();
    }

    // What tests look at.

    public PeerSession? Session { get; private set; }

    public PeerEpoch? Epoch { get; private set; }

    public List<PeerEpoch> OldEpochs { get; } = [];

    public List<(Instant At, MessageType Type, TransportAddress Source)> Received { get; } = [];

    public List<Prepare> Prepares { get; } = [];

    public List<Probe> Probes { get; } = [];

    public List<End> Ends { get; } = [];

    public int Sessions { get; private set; }

    public int Bindings { get; private set; }

    public void Dispose() => _arena.Dispose();

    public int Count(MessageType type) => Received.Count(received => received.Type == type);

    public void Receive(TransportAddress source, byte[] datagram)
    {
        var type = (MessageType)datagram[0];
        if (IsAway || Ignores(type, source)) return;
        Received.Add((Now(), type, source));
        if (WantsCookies && type is MessageType.Initiation or MessageType.Prepare or MessageType.End && !HasCookie(source, datagram))
        {
            SendCookie(source, datagram);
            return;
        }
        switch (type)
        {
            case MessageType.Initiation: Initiate(source, datagram); break;
            case MessageType.Confirm: ReceiveConfirm(source, datagram); break;
            case MessageType.Prepare: ReceivePrepare(source, datagram); break;
            case MessageType.Probe: Answer(source, datagram); break;
            case MessageType.End: ReceiveEnd(source, datagram); break;
            default: throw new InvalidOperationException("the client sent " + type);
        }
    }

    /// <summary>Ends the session at the gateway, as an operator does; the client is not told.</summary>
    public void Terminate() => Session!.IsGone = true;

    /// <summary>Sends a CHALLENGE for a packet of the current epoch.</summary>
    public void SendChallenge(TransportAddress to, ulong counter)
    {
        byte[] datagram = new byte[Challenge.Size];
        new Challenge(Epoch!.RemoteIndex, counter).Write(datagram);
        _crypto.Mac(Session!.Secrets.Probe, datagram.AsSpan(0, Challenge.MacOffset), datagram.AsSpan(Challenge.MacOffset));
        Reply(to, datagram);
    }

    /// <summary>Ends the session and tells the bound transport by a datagram, as where no epoch is left to send a frame under.</summary>
    public void TerminateByDatagram(ReasonCode reason)
    {
        Session!.IsGone = true;
        byte[] datagram = new byte[Ended.Size];
        new Ended(Session.Id, (ushort)reason, Session.Version + 1).Write(datagram);
        Authenticate(Session.Secrets.Answer, default, datagram, Ended.MacOffset);
        Reply(Epoch!.Transport, datagram);
    }

    private void Initiate(TransportAddress source, byte[] datagram)
    {
        Assert.Equal(Initiation.Size, datagram.Length);
        Span<byte> mac = stackalloc byte[16];
        _crypto.Mac(_addressKeys.Mac1, datagram.AsSpan(0, Initiation.Mac1Offset), mac);
        Assert.Equal(mac.ToArray(), datagram.AsSpan(Initiation.Mac1Offset, 16).ToArray());
        byte[] payload = new byte[InitiationPayload.Size];
        NoiseResponder responder = NoiseResponder.Read(_crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, Identity, Initiation.Noise(datagram), payload)
            .IfLeft(() => throw new InvalidOperationException("the initiation does not open"));
        Assert.Equal(Client, responder.RemoteStatic);
        Assert.True(InitiationPayload.TryRead(payload, out InitiationPayload request));
        SecretHandle seed = _crypto.GenerateSecret();
        SessionId id = Cluster.NewSessionId(_crypto, seed);
        byte[] answer = new byte[ResponsePayload.Size];
        uint index = _nextIndex++;
        new ResponsePayload(id, CipherSuite.ChaCha20Poly1305, index).Write(answer);
        byte[] noise = new byte[Response.NoiseSize];
        NoiseResult result = responder.Write(_crypto, _crypto.GenerateSecret(), SecretHandle.None, answer, noise)
            .IfLeft(() => throw new InvalidOperationException("the response cannot be written"));
        (EpochSecrets keys, SecretHandle root) = EpochSecrets.FromHandshake(_crypto, result.ChainingKey, result.HandshakeHash);
        _halfOpen[index] = new(id, keys, root, source, Initiation.SenderIndex(datagram), request.Instance);
        byte[] response = new byte[Response.Size];
        Response.Write(response, Initiation.SenderIndex(datagram), index, noise);
        Reply(source, response);
    }

    private void ReceiveConfirm(TransportAddress source, byte[] datagram)
    {
        uint index = Confirm.ReceiverIndex(datagram);
        if (Epoch is { } epoch && epoch.LocalIndex == index)
        {
            if (epoch.Transport == source) Reply(source, epoch.Bound);
            return;
        }
        ReadOnlySpan<byte> token = Confirm.TokenOf(datagram);
        if (_halfOpen.TryGetValue(index, out HalfOpen? half) && half.Source == source && Confirm.IsAuthentic(_crypto, half.Keys.Confirmation, datagram))
        {
            Assert.False(token.ContainsAnyExcept((byte)0));
            _halfOpen.Remove(index);
            After(CommitTime, () => Establish(half, index));
            return;
        }
        if (!_prepared.TryGetValue(index, out PreparedPeer? prepared) || !Confirm.IsAuthentic(_crypto, prepared.Keys.Confirmation, datagram)) return;
        Span<byte> expected = stackalloc byte[16];
        AddressMacs.Token(_crypto, _tokenSecret, Session!.Id, prepared.Hash, source, expected);
        if (!token.SequenceEqual(expected)) return;
        _prepared.Remove(index);
        After(CommitTime, () => Bind(prepared, index, source));
    }

    private void Establish(HalfOpen half, uint index)
    {
        Sessions++;
        Bindings++;
        Session = new() { Id = half.Session, Secrets = SessionSecrets.Derive(_crypto, half.Root), Instance = half.Instance, Version = 1, BindingVersion = 1, KeyEpoch = 1 };
        IsServing = true;
        Commit(half.Keys, index, half.RemoteIndex, half.Source, 0, 0);
    }

    private void Bind(PreparedPeer prepared, uint index, TransportAddress source)
    {
        // As the decider does: a nonce that has been passed, or a version that has moved, refuses at CONFIRM too.
        if (Session!.IsGone || prepared.Request.Nonce <= Session.LastNonce || prepared.Request.BindingVersion != Session.BindingVersion) return;
        Bindings++;
        Session.LastNonce = prepared.Request.Nonce;
        Session.Instance = prepared.Request.Instance;
        Session.Version++;
        Session.KeyEpoch++;
        if (prepared.Request.Kind != ReattachKind.Rekey) Session.BindingVersion = Session.Version;
        if (!IsServing) Session.OwnershipEpoch++;
        IsServing = true;
        _prepared.Clear();
        ulong oldEnd = Epoch?.Sent ?? 0;
        if (Epoch is { } old) OldEpochs.Add(old);
        Commit(prepared.Keys, index, prepared.Request.SenderIndex, source, oldEnd, prepared.Request.Nonce);
    }

    private void Commit(EpochSecrets keys, uint index, uint remoteIndex, TransportAddress source, ulong oldEnd, ulong nonce)
    {
        byte[] ticket = new Ticket(Session!.Id, Client, Session.Secrets.Root).Seal(_crypto, Cluster, _crypto.GenerateSecret());
        var bound = new Bound(
            Session.Version, Session.BindingVersion, Session.OwnershipEpoch, Session.KeyEpoch, (byte)SessionState.Attached, oldEnd, nonce, Session.Instance,
            (ulong)TimeSpan.FromHours(24).TotalMilliseconds, InnerMtu, [new IpPrefix(Endpoint.FromIPv4(0x0A4D0002, 0).Address, 32, true)], Policy, ticket);
        byte[] plaintext = new byte[Bound.PlaintextSize], datagram = new byte[Bound.Size];
        bound.WritePlaintext(plaintext);
        Bound.WriteHeader(datagram, remoteIndex);
        _crypto.Seal(keys.GatewayControl, 0, datagram.AsSpan(0, Bound.HeaderSize), plaintext, datagram.AsSpan(Bound.HeaderSize));
        Epoch = new() { LocalIndex = index, RemoteIndex = remoteIndex, Transport = source, Bound = datagram, Mark = EpochMark.Of(_crypto, keys.GatewayData, keys.ClientData) };
        Reply(source, datagram);
    }

    private void ReceivePrepare(TransportAddress source, byte[] datagram)
    {
        Assert.True(Prepare.TryRead(datagram, out Prepare request));
        Assert.True(Ticket.TryOpen(_crypto, Cluster, Prepare.TicketOf(datagram), out Ticket ticket));
        Assert.Equal(request.Session, ticket.Session);
        SessionSecrets secrets = SessionSecrets.Derive(_crypto, ticket.Root);
        Assert.True(_crypto.VerifyMac(secrets.Proof, Prepare.Proven(datagram), Prepare.ProofOf(datagram)));
        Prepares.Add(request);
        AnswerPrepare(source, request, secrets, datagram);
        secrets.Release(_crypto);
    }

    private void AnswerPrepare(TransportAddress source, Prepare request, SessionSecrets secrets, byte[] datagram)
    {
        Hash256 hash = _crypto.Sha256(Prepare.Hashed(datagram));
        ReasonCode reason = Session is null || Session.Id != request.Session || Session.IsGone ? ReasonCode.Gone
            : RefuseReattachWith != ReasonCode.None ? RefuseReattachWith
            : request.Kind != ReattachKind.Resume && request.Instance != Session.Instance ? ReasonCode.WrongInstance
            : request.Nonce <= Session.LastNonce ? ReasonCode.ReplayDetected
            : request.BindingVersion != Session.BindingVersion ? ReasonCode.VersionMismatch
            : ReasonCode.None;
        if (reason != ReasonCode.None)
        {
            Refuse(source, secrets, hash, reason);
            return;
        }
        PreparedPeer? prepared = _prepared.Values.FirstOrDefault(prepared => prepared.Hash == hash);
        if (prepared is null)
        {
            SecretHandle ephemeral = _crypto.GenerateSecret();
            Assert.True(_crypto.TryAgree(ephemeral, request.Ephemeral, out SecretHandle shared));
            uint index = _nextIndex++;
            byte[] answer = new byte[Prepared.Size];
            new Prepared(request.SenderIndex, index, CipherSuite.ChaCha20Poly1305, _crypto.PublicKeyOf(ephemeral)).Write(answer);
            EpochSecrets keys = EpochSecrets.FromReattach(_crypto, secrets.Root, shared, hash, _crypto.Sha256(Prepared.Hashed(answer)));
            prepared = new(request, hash, keys, answer);
            if (_prepared.Count >= ProtocolConstants.MaxPendingReattaches) _prepared.Remove(_prepared.MinBy(pending => pending.Value.Request.Nonce).Key);
            _prepared[index] = prepared;
        }
        byte[] reply = [.. prepared.Answer];
        AddressMacs.Token(_crypto, _tokenSecret, request.Session, hash, source, reply.AsSpan(Prepared.TokenOffset, 16));
        Authenticate(secrets.Answer, hash, reply, Prepared.MacOffset);
        Reply(source, reply);
    }

    public void Refuse(TransportAddress source, SessionSecrets secrets, Hash256 hash, ReasonCode reason)
    {
        byte[] datagram = new byte[Refused.Size];
        Span<byte> bytes = stackalloc byte[32];
        hash.Write(bytes);
        bool isGone = reason == ReasonCode.Gone;
        new Refused(SessionIdOf(), (ushort)reason, isGone ? 0 : Session!.BindingVersion, RefuseWait, BinaryPrimitives.ReadUInt32LittleEndian(bytes), isGone ? default : Session!.Instance)
            .Write(datagram);
        Authenticate(secrets.Answer, hash, datagram, Refused.MacOffset);
        Reply(source, datagram);

        SessionId SessionIdOf() => Prepares[^1].Session;
    }

    private void Answer(TransportAddress source, byte[] datagram)
    {
        Assert.True(Probe.TryRead(datagram, out Probe probe));
        Probes.Add(probe);
        SessionSecrets secrets;
        if (Probe.HasTicket(datagram) && Ticket.TryOpen(_crypto, Cluster, Probe.TicketOf(datagram), out Ticket ticket)) secrets = SessionSecrets.Derive(_crypto, ticket.Root);
        else if (Session is { } known && IsServing) secrets = known.Secrets;
        else return;
        byte[] covered = [.. datagram.AsSpan(0, Probe.MacOffset), .. datagram.AsSpan(Probe.Size)];
        Assert.True(_crypto.VerifyMac(secrets.Probe, covered, Probe.MacOf(datagram)));
        bool isServing = IsServing && Session is { IsGone: false } && Epoch is not null && probe.Session == Session.Id;
        ProbeReplyFlags flags = isServing ? ProbeReplyFlags.Serving | (Epoch!.Transport == source ? ProbeReplyFlags.FromBoundSource : 0) : 0;
        var reply = new ProbeReply(
            flags, probe.Path, probe.Counter, isServing ? Session!.Version : 0, isServing ? Session!.BindingVersion : 0,
            isServing ? Epoch!.HighestReceived : 0, isServing ? Epoch!.Received : 0, isServing ? Epoch!.Sent : 0,
            isServing ? Epoch!.RemoteIndex : 0, (ushort)datagram.Length, isServing ? Session!.Instance : default);
        byte[] bytes = new byte[ProbeReply.Size];
        reply.Write(bytes);
        byte[] prefixed = [.. Probe.MacOf(datagram), .. bytes.AsSpan(0, ProbeReply.MacOffset)];
        _crypto.Mac(secrets.Probe, prefixed, bytes.AsSpan(ProbeReply.MacOffset));
        Reply(source, bytes);
    }

    private void ReceiveEnd(TransportAddress source, byte[] datagram)
    {
        Assert.True(End.TryRead(datagram, out End end));
        Assert.True(_crypto.VerifyMac(Session!.Secrets.Proof, datagram.AsSpan(0, End.ProofOffset), datagram.AsSpan(End.ProofOffset, 32)));
        Ends.Add(end);
        Session.IsGone = true;
        byte[] answer = new byte[Ended.Size];
        new Ended(end.Session, (ushort)ReasonCode.Explicit, Session.Version + 1).Write(answer);
        Authenticate(Session.Secrets.Answer, _crypto.Sha256(datagram.AsSpan(0, End.CookieMacOffset)), answer, Ended.MacOffset);
        Reply(source, answer);
    }

    private bool HasCookie(TransportAddress source, byte[] datagram)
    {
        int offset = datagram.Length - 16;
        byte[] cookie = new byte[16], mac = new byte[16];
        AddressMacs.Cookie(_crypto, _cookieSecret, source.Remote, cookie);
        ControlFilter.CookieMac(_crypto, cookie, datagram.AsSpan(0, offset), mac);
        return datagram.AsSpan(offset).SequenceEqual(mac);
    }

    private void SendCookie(TransportAddress source, byte[] datagram)
    {
        byte[] cookie = new byte[16];
        AddressMacs.Cookie(_crypto, _cookieSecret, source.Remote, cookie);
        uint index = (MessageType)datagram[0] switch
        {
            MessageType.Initiation => Initiation.SenderIndex(datagram),
            MessageType.Prepare => BinaryPrimitives.ReadUInt32LittleEndian(datagram.AsSpan(20)),
            _ => 0,
        };
        byte[] answer = new byte[Cookie.Size];
        AddressMacs.SealCookie(_crypto, _addressKeys.Cookie, _crypto.GenerateSecret(), index, ControlFilter.RequestMac(datagram), cookie, answer);
        Reply(source, answer);
    }

    private void Authenticate(SecretHandle key, Hash256 hash, byte[] datagram, int macOffset)
    {
        byte[] covered = new byte[32 + macOffset];
        hash.Write(covered);
        datagram.AsSpan(0, macOffset).CopyTo(covered.AsSpan(32));
        _crypto.Mac(key, covered, datagram.AsSpan(macOffset, 16));
    }

    private void Reply(TransportAddress to, byte[] datagram)
    {
        if (!Loses((MessageType)datagram[0], to)) Send(to, datagram);
    }

    private sealed record HalfOpen(SessionId Session, EpochSecrets Keys, SecretHandle Root, TransportAddress Source, uint RemoteIndex, InstanceId Instance);

    private sealed record PreparedPeer(Prepare Request, Hash256 Hash, EpochSecrets Keys, byte[] Answer);
}
