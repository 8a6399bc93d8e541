using System.Buffers.Binary;
using System.Net;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>Builds and checks IP packets by the RFCs' text, with none of the data plane's code.</summary>
internal static class Packets
{
    /// <summary>An IPv4 or IPv6 UDP packet with right checksums.</summary>
    public static byte[] Udp(string source, string destination, ReadOnlySpan<byte> payload, ushort sourcePort = 4000, ushort destinationPort = 5000, bool dontFragment = true)
    {
        byte[] transport = new byte[8 + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(transport, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(transport.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(transport.AsSpan(4), (ushort)transport.Length);
        payload.CopyTo(transport.AsSpan(8));
        return Ip(source, destination, 17, transport, 6, dontFragment);
    }

    /// <summary>An IPv4 or IPv6 TCP packet with right checksums and a timestamp option.</summary>
    public static byte[] Tcp(string source, string destination, uint sequence, ReadOnlySpan<byte> payload, byte flags = 0x10, uint acknowledgement = 77)
    {
        byte[] transport = new byte[32 + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(transport, 4000);
        BinaryPrimitives.WriteUInt16BigEndian(transport.AsSpan(2), 5000);
        BinaryPrimitives.WriteUInt32BigEndian(transport.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(transport.AsSpan(8), acknowledgement);
        transport[12] = 8 << 4;
        transport[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(transport.AsSpan(14), 500);
        byte[] timestamp = [1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4];
        timestamp.CopyTo(transport.AsSpan(20));
        payload.CopyTo(transport.AsSpan(32));
        return Ip(source, destination, 6, transport, 16, dontFragment: true);
    }

    /// <summary>Wraps a transport segment, whose checksum is filled in at <paramref name="checksumAt"/>.</summary>
    public static byte[] Ip(string source, string destination, byte protocol, byte[] transport, int checksumAt, bool dontFragment = true)
    {
        byte[] from = IPAddress.Parse(source).GetAddressBytes(), to = IPAddress.Parse(destination).GetAddressBytes();
        int header = from.Length == 4 ? 20 : 40;
        byte[] packet = new byte[header + transport.Length];
        if (header == 20)
        {
            packet[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 0xFFFE);
            if (dontFragment) packet[6] = 0x40;
            packet[8] = 64;
            packet[9] = protocol;
            from.CopyTo(packet, 12);
            to.CopyTo(packet, 16);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~Sum(packet.AsSpan(0, 20), 0));
        }
        else
        {
            packet[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)transport.Length);
            packet[6] = protocol;
            packet[7] = 64;
            from.CopyTo(packet, 8);
            to.CopyTo(packet, 24);
        }
        transport.CopyTo(packet, header);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(header + checksumAt), (ushort)~TransportSum(packet));
        return packet;
    }

    /// <summary>True if the IPv4 header's checksum and the TCP or UDP checksum are right.</summary>
    public static bool ChecksumsAreRight(ReadOnlySpan<byte> packet) =>
        (packet[0] >> 4 == 6 || Sum(packet[..20], 0) == 0xFFFF) && TransportSum(packet) == 0xFFFF;

    /// <summary>The folded sum of the pseudo header alone, as a partial checksum holds it.</summary>
    public static ushort PseudoHeaderSum(ReadOnlySpan<byte> packet)
    {
        bool v4 = packet[0] >> 4 == 4;
        int header = v4 ? 20 : 40;
        ushort addresses = Sum(v4 ? packet[12..20] : packet[8..40], 0);
        int length = packet.Length - header;
        byte[] rest = [0, v4 ? packet[9] : packet[6], (byte)(length >> 8), (byte)length];
        return Sum(rest, addresses);
    }

    private static ushort TransportSum(ReadOnlySpan<byte> packet) => Sum(packet[(packet[0] >> 4 == 4 ? 20 : 40)..], PseudoHeaderSum(packet));

    private static ushort Sum(ReadOnlySpan<byte> data, uint sum)
    {
        for (int i = 0; i + 1 < data.Length; i += 2) sum += (uint)(data[i] << 8 | data[i + 1]);
        if ((data.Length & 1) != 0) sum += (uint)data[^1] << 8;
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)sum;
    }
}
