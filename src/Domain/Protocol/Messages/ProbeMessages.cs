using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>
/// PROBE: measures a path and reports what arrived. Never binds anything. A ticket rides along where the gateway may not
/// know the session; zero padding up to <see cref="Length"/> measures the path's MTU.
/// </summary>
/// <param name="Path">The client's number of the path.</param>
/// <param name="Counter">Counts the probes of this path.</param>
/// <param name="Random">Keeps two probes from ever being equal.</param>
/// <param name="HighestReceived">As in <see cref="TrafficCounters"/>, of the client's current epoch.</param>
/// <param name="Epoch">The gateway's receiver index of the epoch that the counters belong to; 0 if none.</param>
/// <param name="RttMicroseconds">The path's smoothed round trip; 0 if not known.</param>
/// <param name="Length">Size of the whole datagram, in bytes.</param>
public sealed record Probe(
    SessionId Session, uint Path, ulong Counter, InstanceId Instance, UInt128 Random, ulong HighestReceived, ulong Received, ulong Sent,
    uint Epoch, uint RttMicroseconds, ulong BindingVersion, ushort Length)
{
    public const byte TicketFlag = 1;
    public const int SessionOffset = 4;
    public const int MacOffset = 112;
    public const int Size = MacOffset + ProtocolConstants.MacSize;
    public const int SizeWithTicket = Size + Ticket.Size;

    /// <summary>Writes everything but the MAC; <paramref name="datagram"/> is <see cref="Length"/> bytes.</summary>
    public void Write(Span<byte> datagram, ReadOnlySpan<byte> ticket)
    {
        var writer = new WireWriter(datagram[..Length]);
        writer.Prefix(MessageType.Probe, ticket.IsEmpty ? (byte)0 : TicketFlag);
        Session.Write(writer.Next(SessionId.Size));
        writer.U32(Path);
        writer.U64(Counter);
        Instance.Write(writer.Next(InstanceId.Size));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(writer.Next(16), Random);
        writer.U64(HighestReceived);
        writer.U64(Received);
        writer.U64(Sent);
        writer.U32(Epoch);
        writer.U32(RttMicroseconds);
        writer.U64(BindingVersion);
        writer.U16(Length);
        writer.Zero(6);
        writer.Zero(ProtocolConstants.MacSize);
        writer.Bytes(ticket);
        writer.Zero(Length - writer.Position);
    }

    /// <summary>True if the fixed part is well formed. The MAC covers all the rest, so padding needs no look.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out Probe probe)
    {
        probe = null!;
        if (datagram.Length is < Size or > ProtocolConstants.MaxControlDatagram) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.Probe) return false;
        byte flags = reader.U8();
        if (flags > TicketFlag || !reader.Zero(2) || (flags == TicketFlag && datagram.Length < SizeWithTicket)) return false;
        probe = new(
            SessionId.Read(reader.Take(SessionId.Size)), reader.U32(), reader.U64(), InstanceId.Read(reader.Take(InstanceId.Size)),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(reader.Take(16)),
            reader.U64(), reader.U64(), reader.U64(), reader.U32(), reader.U32(), reader.U64(), reader.U16());
        return reader.Zero(6) && probe.Length == datagram.Length;
    }

    public static bool HasTicket(ReadOnlySpan<byte> datagram) => datagram[1] == TicketFlag;

    public static ReadOnlySpan<byte> TicketOf(ReadOnlySpan<byte> datagram) => datagram.Slice(Size, Ticket.Size);

    public static ReadOnlySpan<byte> MacOf(ReadOnlySpan<byte> datagram) => datagram.Slice(MacOffset, ProtocolConstants.MacSize);
}

/// <summary>What a probe's answer says of the session.</summary>
[Flags]
public enum ProbeReplyFlags : byte
{
    None = 0,

    /// <summary>The probe came from the bound source.</summary>
    FromBoundSource = 1,

    /// <summary>This node serves the session now: versions and counters are meaningful.</summary>
    Serving = 2,
}

/// <summary>PROBE REPLY. Its MAC also covers the probe's MAC, and so the whole probe.</summary>
/// <param name="Epoch">The client's receiver index of the epoch that the counters belong to; 0 if none.</param>
/// <param name="Length">Size of the probe as it arrived, in bytes.</param>
/// <param name="Instance">The client instance that is bound now.</param>
public sealed record ProbeReply(
    ProbeReplyFlags Flags, uint Path, ulong Counter, ulong Version, ulong BindingVersion, ulong HighestReceived, ulong Received, ulong Sent,
    uint Epoch, ushort Length, InstanceId Instance)
{
    public const int MacOffset = 80;
    public const int Size = MacOffset + ProtocolConstants.MacSize;

    /// <summary>Writes everything but the MAC.</summary>
    public void Write(Span<byte> datagram)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.ProbeReply, (byte)Flags);
        writer.U32(Path);
        writer.U64(Counter);
        writer.U64(Version);
        writer.U64(BindingVersion);
        writer.U64(HighestReceived);
        writer.U64(Received);
        writer.U64(Sent);
        writer.U32(Epoch);
        writer.U16(Length);
        writer.Zero(2);
        Instance.Write(writer.Next(InstanceId.Size));
        writer.Zero(ProtocolConstants.MacSize);
    }

    public static bool TryRead(ReadOnlySpan<byte> datagram, out ProbeReply reply)
    {
        reply = null!;
        if (datagram.Length != Size) return false;
        var reader = new WireReader(datagram);
        if (reader.U8() != (byte)MessageType.ProbeReply) return false;
        byte flags = reader.U8();
        if (flags > 3 || !reader.Zero(2)) return false;
        uint path = reader.U32();
        ulong counter = reader.U64(), version = reader.U64(), binding = reader.U64();
        ulong highest = reader.U64(), received = reader.U64(), sent = reader.U64();
        uint epoch = reader.U32();
        ushort length = reader.U16();
        if (!reader.Zero(2)) return false;
        reply = new((ProbeReplyFlags)flags, path, counter, version, binding, highest, received, sent, epoch, length,
            InstanceId.Read(reader.Take(InstanceId.Size)));
        return true;
    }
}
