using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>REFUSED: the answer to a proven request that is not granted.</summary>
/// <param name="Reason">Wire number of the reason code.</param>
/// <param name="WaitMilliseconds">When to ask again; 0 if the reason does not say.</param>
/// <param name="RequestTag">First four bytes of the request's hash: which request, before the MAC is checked.</param>
/// <param name="Instance">The client instance that is bound now.</param>
public sealed record Refused(SessionId Session, ushort Reason, ulong BindingVersion, uint WaitMilliseconds, uint RequestTag, InstanceId Instance)
{
    public const int MacOffset = 56;
    public const int Size = MacOffset + ProtocolConstants.MacSize;

    /// <summary>Writes everything but the MAC.</summary>
    public void Write(Span<byte> datagram)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Refused);
        Session.Write(writer.Next(SessionId.Size));
        writer.U16(Reason);
        writer.Zero(2);
        writer.U64(BindingVersion);
        writer.U32(WaitMilliseconds);
        writer.U32(RequestTag);
        Instance.Write(writer.Next(InstanceId.Size));
        writer.Zero(ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out Refused refused)
    {
        refused = null!;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.Refused || !reader.Zero(3)) return false;
        var session = SessionId.Read(reader.Take(SessionId.Size));
        ushort reason = reader.U16();
        if (!reader.Zero(2)) return false;
        refused = new(session, reason, reader.U64(), reader.U32(), reader.U32(), InstanceId.Read(reader.Take(InstanceId.Size)));
        return true;
    }
}

/// <summary>CHALLENGE: tells the client that its packets come from an address that is not bound. As small as the smallest data packet.</summary>
/// <param name="ReceiverIndex">The client's receiver index of the current epoch.</param>
/// <param name="Counter">The counter of the packet that came from elsewhere.</param>
public readonly record struct Challenge(uint ReceiverIndex, ulong Counter)
{
    public const int MacOffset = 16;
    public const int Size = MacOffset + ProtocolConstants.MacSize;

    public void Write(Span<byte> datagram)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Challenge);
        writer.U32(ReceiverIndex);
        writer.U64(Counter);
        writer.Zero(ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out Challenge challenge)
    {
        challenge = default;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.Challenge || !reader.Zero(3)) return false;
        challenge = new(reader.U32(), reader.U64());
        return true;
    }
}
