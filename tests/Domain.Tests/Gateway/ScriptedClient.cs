using System.Buffers.Binary;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>A client that says exactly what a test makes it say, with real keys, and reads the answers. It decides nothing.</summary>
internal sealed class ScriptedClient : IDisposable
{
    private readonly SecretArena _arena = new(32_768);
    private readonly PublicKey _gateway;
    private readonly AddressKeys _addressKeys;
    private uint _nextIndex = 0x100;
    private ulong _nextProbe;

    public ScriptedClient(PublicKey gateway, ulong instance = 1)
    {
        Crypto = new(_arena);
        _gateway = gateway;
        _addressKeys = AddressKeys.Derive(Crypto, gateway);
        Identity = NoiseKeyPair.From(Crypto, Crypto.GenerateSecret());
        Instance = new(instance);
    }

    public SodiumCryptography Crypto { get; }

    public NoiseKeyPair Identity { get; }

    public InstanceId Instance { get; set; }

    /// <summary>Of the last handshake that was confirmed.</summary>
    public SessionSecrets Secrets { get; private set; }

    /// <summary>What the last handshake left; a genuine client erases it at once.</summary>
    public NoiseResult? Handshake { get; private set; }

    public SessionId Session { get; private set; }

    /// <summary>The last BOUND that was read.</summary>
    public Bound? Bound { get; private set; }

    public ulong NextNonce { get; set; } = 1;

    /// <summary>The keys of the attempt that was confirmed last.</summary>
    public EpochSecrets Keys { get; private set; }

    /// <summary>The gateway's receiver index of the epoch that was confirmed last.</summary>
    public uint RemoteIndex { get; private set; }

    public void Dispose() => _arena.Dispose();

    public (byte[] Datagram, NoiseInitiator Noise) Initiate(ushort version = ProtocolConstants.Version)
    {
        byte[] payload = new byte[InitiationPayload.Size], message = new byte[Initiation.NoiseSize], datagram = new byte[Initiation.Size];
        new InitiationPayload(version, CipherSuites.Bit(CipherSuite.ChaCha20Poly1305), Instance, 3).Write(payload);
        NoiseInitiator noise = NoiseInitiator.Start(Crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, Identity, _gateway, Crypto.GenerateSecret(), payload, message)
            .IfLeft(() => throw new InvalidOperationException("the handshake does not start"));
        Initiation.Write(datagram, _nextIndex++, message);
        Seal(datagram);
        return (datagram, noise);
    }

    /// <summary>Writes MAC1 over whatever the initiation holds.</summary>
    public void Seal(byte[] initiation) =>
        Crypto.Mac(_addressKeys.Mac1, initiation.AsSpan(0, Initiation.Mac1Offset), initiation.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize));

    /// <summary>The CONFIRM that follows a RESPONSE.</summary>
    public byte[] Confirm(NoiseInitiator noise, byte[] response)
    {
        byte[] payload = new byte[ResponsePayload.Size];
        NoiseResult result = noise.Read(Crypto, SecretHandle.None, Response.Noise(response), payload)
            .IfLeft(() => throw new InvalidOperationException("the response does not open"));
        Handshake = result;
        Assert.True(ResponsePayload.TryRead(payload, out ResponsePayload read));
        (EpochSecrets keys, SecretHandle root) = EpochSecrets.FromHandshake(Crypto, result.ChainingKey, result.HandshakeHash);
        Session = read.Session;
        Secrets = SessionSecrets.Derive(Crypto, root);
        return Confirm(keys, Response.SenderIndex(response), new byte[ProtocolConstants.MacSize]);
    }

    /// <summary>A PREPARE under the session's proof.</summary>
    public Preparation Prepare(ReattachKind kind = ReattachKind.Dead, ulong? nonce = null, ulong? bindingVersion = null, uint path = 4, byte[]? ticket = null)
    {
        SecretHandle ephemeral = Crypto.GenerateSecret();
        var prepare = new Prepare(Session, _nextIndex++, nonce ?? NextNonce++, bindingVersion ?? Bound!.BindingVersion, Crypto.PublicKeyOf(ephemeral), Instance, path, kind,
            CipherSuites.Bit(CipherSuite.ChaCha20Poly1305));
        byte[] datagram = new byte[Domain.Protocol.Messages.Prepare.Size];
        prepare.Write(datagram, ticket ?? Bound!.Ticket.Span);
        Crypto.Mac(Secrets.Proof, datagram.AsSpan(0, Domain.Protocol.Messages.Prepare.ProofOffset),
            datagram.AsSpan(Domain.Protocol.Messages.Prepare.ProofOffset, ProtocolConstants.ProofSize));
        return new(prepare, datagram, ephemeral, Crypto.Sha256(Domain.Protocol.Messages.Prepare.Hashed(datagram)));
    }

    /// <summary>The CONFIRM that follows a PREPARED; its MAC must be right.</summary>
    public byte[] Confirm(Preparation preparation, byte[] answer)
    {
        Assert.True(Prepared.TryRead(answer, out Prepared prepared));
        Assert.True(IsAnswer(preparation.Hash, answer, Prepared.MacOffset));
        Assert.True(Crypto.TryAgree(preparation.Ephemeral, prepared.Ephemeral, out SecretHandle shared));
        EpochSecrets keys = EpochSecrets.FromReattach(Crypto, Secrets.Root, shared, preparation.Hash, Crypto.Sha256(Prepared.Hashed(answer)));
        return Confirm(keys, prepared.SenderIndex, Prepared.TokenOf(answer));
    }

    /// <summary>Opens a BOUND under the keys that were confirmed last.</summary>
    public Bound Read(byte[] datagram)
    {
        byte[] plaintext = new byte[Domain.Protocol.Messages.Bound.PlaintextSize];
        Assert.Equal(Domain.Protocol.Messages.Bound.Size, datagram.Length);
        Assert.True(Crypto.TryOpen(Keys.GatewayControl, 0, datagram.AsSpan(0, Domain.Protocol.Messages.Bound.HeaderSize), datagram.AsSpan(Domain.Protocol.Messages.Bound.HeaderSize), plaintext));
        Assert.True(Domain.Protocol.Messages.Bound.TryReadPlaintext(plaintext, out Bound bound));
        return Bound = bound;
    }

    /// <summary>Reads a REFUSED that answers this PREPARE; its MAC must be right.</summary>
    public Refused Read(Preparation preparation, byte[] datagram)
    {
        Assert.True(Refused.TryRead(datagram, out Refused refused));
        Assert.True(IsAnswer(preparation.Hash, datagram, Refused.MacOffset));
        return refused;
    }

    public byte[] End(EndKind kind, out Hash256 hash, InstanceId other = default)
    {
        byte[] datagram = new byte[Domain.Protocol.Messages.End.Size];
        new End(Session, NextNonce++, Instance, other, kind).Write(datagram, Bound!.Ticket.Span);
        Crypto.Mac(Secrets.Proof, datagram.AsSpan(0, Domain.Protocol.Messages.End.ProofOffset), datagram.AsSpan(Domain.Protocol.Messages.End.ProofOffset, ProtocolConstants.ProofSize));
        hash = Crypto.Sha256(datagram.AsSpan(0, Domain.Protocol.Messages.End.CookieMacOffset));
        return datagram;
    }

    /// <summary>Reads an ENDED that answers a request, or, with a hash of zeros, nothing.</summary>
    public Ended ReadEnded(byte[] datagram, Hash256 hash)
    {
        Assert.True(Ended.TryRead(datagram, out Ended ended));
        Assert.True(IsAnswer(hash, datagram, Ended.MacOffset));
        return ended;
    }

    /// <summary>A report about the epoch that was confirmed last.</summary>
    public byte[] Report(ulong highestReceived = 0, ulong received = 0, uint rttMicroseconds = 20_000)
    {
        byte[] datagram = new byte[Probe.Size];
        new Probe(Session, 3, ++_nextProbe, Instance, _nextProbe, highestReceived, received, 0, RemoteIndex, rttMicroseconds, Bound!.BindingVersion, Probe.Size).Write(datagram, default);
        byte[] covered = [.. datagram.AsSpan(0, Probe.MacOffset), .. datagram.AsSpan(Probe.Size)];
        Crypto.Mac(Secrets.Probe, covered, datagram.AsSpan(Probe.MacOffset, ProtocolConstants.MacSize));
        return datagram;
    }

    private byte[] Confirm(EpochSecrets keys, uint remoteIndex, ReadOnlySpan<byte> token)
    {
        Keys = keys;
        RemoteIndex = remoteIndex;
        return Domain.Protocol.Messages.Confirm.Make(Crypto, keys.Confirmation, remoteIndex, token);
    }

    private bool IsAnswer(Hash256 request, byte[] datagram, int macOffset)
    {
        byte[] covered = new byte[Hash256.Size + macOffset];
        request.Write(covered);
        datagram.AsSpan(0, macOffset).CopyTo(covered.AsSpan(Hash256.Size));
        return Crypto.VerifyMac(Secrets.Answer, covered, datagram.AsSpan(macOffset, ProtocolConstants.MacSize));
    }
}

/// <summary>A PREPARE and what its sender needs later.</summary>
internal sealed record Preparation(Prepare Request, byte[] Datagram, SecretHandle Ephemeral, Hash256 Hash);
