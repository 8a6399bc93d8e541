using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>PREPARE: asks for a new binding; see docs/PROTOCOL.md, "Reattach".</summary>
/// <param name="SenderIndex">The client's receiver index for the new epoch.</param>
/// <param name="Nonce">Above every nonce that was ever committed for the session.</param>
/// <param name="BindingVersion">The binding version that the client knows.</param>
/// <param name="Ephemeral">The client's key share.</param>
/// <param name="Path">The client's number of the path.</param>
/// <param name="Suites">Offer, as in the initiation.</param>
public sealed record Prepare(
    SessionId Session, uint SenderIndex, ulong Nonce, ulong BindingVersion, PublicKey Ephemeral, InstanceId Instance, uint Path,
    ReattachKind Kind, byte Suites)
{
    public const int SessionOffset = 4;
    public const int TicketOffset = 96;
    public const int ProofOffset = TicketOffset + Ticket.Size;
    public const int CookieMacOffset = ProofOffset + ProtocolConstants.ProofSize;
    public const int Size = CookieMacOffset + ProtocolConstants.MacSize;

    /// <summary>Writes everything but proof and cookie MAC, which stay zero.</summary>
    public void Write(Span<byte> datagram, ReadOnlySpan<byte> ticket)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Prepare);
        Session.Write(writer.Next(SessionId.Size));
        writer.U32(SenderIndex);
        writer.U64(Nonce);
        writer.U64(BindingVersion);
        Ephemeral.Write(writer.Next(PublicKey.Size));
        Instance.Write(writer.Next(InstanceId.Size));
        writer.U32(Path);
        writer.U8((byte)Kind);
        writer.U8(Suites);
        writer.Zero(2);
        writer.Bytes(ticket[..Ticket.Size]);
        writer.Zero(ProtocolConstants.ProofSize + ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out Prepare prepare)
    {
        prepare = null!;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.Prepare || !reader.Zero(3)) return false;
        prepare = new(
            SessionId.Read(reader.Take(SessionId.Size)), reader.U32(), reader.U64(), reader.U64(),
            PublicKey.Read(reader.Take(PublicKey.Size)), InstanceId.Read(reader.Take(InstanceId.Size)), reader.U32(),
            (ReattachKind)reader.U8(), reader.U8());
        return reader.Zero(2) && prepare.Kind is >= ReattachKind.Dead and <= ReattachKind.Challenge;
    }

    /// <summary>The bytes that the proof covers (REQ-OFFPATH-2), and, with the proof, the bytes that later messages refer to by hash.</summary>
    public static ReadOnlySpan<byte> Proven(ReadOnlySpan<byte> datagram) => datagram[..ProofOffset];

    public static ReadOnlySpan<byte> TicketOf(ReadOnlySpan<byte> datagram) => datagram.Slice(TicketOffset, Ticket.Size);

    public static ReadOnlySpan<byte> ProofOf(ReadOnlySpan<byte> datagram) => datagram.Slice(ProofOffset, ProtocolConstants.ProofSize);

    /// <summary>Everything but the cookie MAC: what the transcript hashes.</summary>
    public static ReadOnlySpan<byte> Hashed(ReadOnlySpan<byte> datagram) => datagram[..CookieMacOffset];
}

/// <summary>PREPARED: the gateway's key share and the token that binds the CONFIRM to the PREPARE's source.</summary>
public sealed record Prepared(uint ReceiverIndex, uint SenderIndex, CipherSuite Suite, PublicKey Ephemeral)
{
    public const int TokenOffset = 48;
    public const int MacOffset = TokenOffset + ProtocolConstants.MacSize;
    public const int Size = MacOffset + ProtocolConstants.MacSize;

    /// <summary>Writes everything but token and MAC.</summary>
    public void Write(Span<byte> datagram)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Prepared);
        writer.U32(ReceiverIndex);
        writer.U32(SenderIndex);
        writer.U8((byte)Suite);
        writer.Zero(3);
        Ephemeral.Write(writer.Next(PublicKey.Size));
        writer.Zero(2 * ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out Prepared prepared)
    {
        prepared = null!;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.Prepared || !reader.Zero(3)) return false;
        uint receiver = reader.U32(), sender = reader.U32();
        var suite = (CipherSuite)reader.U8();
        if (!reader.Zero(3) || !CipherSuites.IsKnown(suite)) return false;
        prepared = new(receiver, sender, suite, PublicKey.Read(reader.Take(PublicKey.Size)));
        return true;
    }

    public static ReadOnlySpan<byte> TokenOf(ReadOnlySpan<byte> datagram) => datagram.Slice(TokenOffset, ProtocolConstants.MacSize);

    /// <summary>Everything before the token: what the transcript hashes.</summary>
    public static ReadOnlySpan<byte> Hashed(ReadOnlySpan<byte> datagram) => datagram[..TokenOffset];
}

/// <summary>
/// CONFIRM: the token, in clear as in PREPARED, and a MAC under the new epoch's confirmation key. A MAC, because one epoch may
/// confirm several tokens: when the client's PREPARE reached the gateway from several sources, each got its own.
/// </summary>
public static class Confirm
{
    public const int TokenOffset = 8;
    public const int MacOffset = TokenOffset + ProtocolConstants.MacSize;
    public const int Size = MacOffset + ProtocolConstants.MacSize;

    public static uint ReceiverIndex(ReadOnlySpan<byte> datagram) => Field.U32(datagram, 4);

    /// <param name="key">The epoch's <see cref="EpochSecrets.Confirmation"/>.</param>
    /// <param name="receiverIndex">The gateway's.</param>
    /// <param name="token">Of PREPARED; zeros for a handshake.</param>
    public static byte[] Make(ICryptography crypto, SecretHandle key, uint receiverIndex, ReadOnlySpan<byte> token)
    {
        byte[] datagram = new byte[Size];
        var writer = new WireWriter(datagram);
        writer.Prefix(MessageType.Confirm);
        writer.U32(receiverIndex);
        writer.Bytes(token[..ProtocolConstants.MacSize]);
        crypto.Mac(key, datagram.AsSpan(0, MacOffset), datagram.AsSpan(MacOffset));
        return datagram;
    }

    /// <summary>True if the datagram, of the right size, was made under this key. Compares in constant time.</summary>
    public static bool IsAuthentic(ICryptography crypto, SecretHandle key, ReadOnlySpan<byte> datagram) =>
        crypto.VerifyMac(key, datagram[..MacOffset], datagram.Slice(MacOffset, ProtocolConstants.MacSize));

    public static ReadOnlySpan<byte> TokenOf(ReadOnlySpan<byte> datagram) => datagram.Slice(TokenOffset, ProtocolConstants.MacSize);
}
