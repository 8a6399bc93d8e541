using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>Why a client ends its session. The numbers are on the wire.</summary>
public enum EndKind : byte
{
    /// <summary>The client stops and does not mean to come back.</summary>
    Explicit = 1,

    /// <summary>The gateway named a bound instance that this client never was: somebody has a copy of it.</summary>
    DualClient = 2,
}

/// <summary>END: ends the session under the same proof as a PREPARE, so that it needs no bound transport.</summary>
/// <param name="Other">For <see cref="EndKind.DualClient"/>: the foreign instance that was seen; zero otherwise.</param>
public sealed record End(SessionId Session, ulong Nonce, InstanceId Instance, InstanceId Other, EndKind Kind)
{
    public const int SessionOffset = 4;
    public const int TicketOffset = 64;
    public const int ProofOffset = TicketOffset + Ticket.Size;
    public const int CookieMacOffset = ProofOffset + ProtocolConstants.ProofSize;
    public const int Size = CookieMacOffset + ProtocolConstants.MacSize;

    /// <summary>Writes everything but proof and cookie MAC.</summary>
    public void Write(Span<byte> datagram, ReadOnlySpan<byte> ticket)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.End);
        Session.Write(writer.Next(SessionId.Size));
        writer.U64(Nonce);
        Instance.Write(writer.Next(InstanceId.Size));
        Other.Write(writer.Next(InstanceId.Size));
        writer.U8((byte)Kind);
        writer.Zero(3);
        writer.Bytes(ticket[..Ticket.Size]);
        writer.Zero(ProtocolConstants.ProofSize + ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out End end)
    {
        end = null!;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.End || !reader.Zero(3)) return false;
        end = new(SessionId.Read(reader.Take(SessionId.Size)), reader.U64(), InstanceId.Read(reader.Take(InstanceId.Size)),
            InstanceId.Read(reader.Take(InstanceId.Size)), (EndKind)reader.U8());
        return reader.Zero(3) && end.Kind is EndKind.Explicit or EndKind.DualClient;
    }
}

/// <summary>ENDED: the end has been stored (or was before). Its MAC covers the request's hash.</summary>
public sealed record Ended(SessionId Session, ushort Reason, ulong Version)
{
    public const int MacOffset = 32;
    public const int Size = MacOffset + ProtocolConstants.MacSize;

    /// <summary>Writes everything but the MAC.</summary>
    public void Write(Span<byte> datagram)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Ended);
        Session.Write(writer.Next(SessionId.Size));
        writer.U64(Version);
        writer.U16(Reason);
        writer.Zero(2 + ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out Ended ended)
    {
        ended = null!;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.Ended || !reader.Zero(3)) return false;
        var session = SessionId.Read(reader.Take(SessionId.Size));
        ulong version = reader.U64();
        ended = new(session, reader.U16(), version);
        return reader.Zero(2);
    }
}
