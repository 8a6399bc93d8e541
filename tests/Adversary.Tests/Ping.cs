using System.Buffers.Binary;
using System.Net;

namespace JumpingVpn.Adversary.Tests;

/// <summary>ICMP echo inside IPv4, for the attacker's own inner packets.</summary>
internal static class Ping
{
    private const int Size = 60;

    public static byte[] Make(IPAddress source, IPAddress destination)
    {
        byte[] packet = new byte[Size];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), Size);
        packet[8] = 64;
        packet[9] = 1;
        source.GetAddressBytes().CopyTo(packet, 12);
        destination.GetAddressBytes().CopyTo(packet, 16);
        packet[20] = 8;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Checksum(packet.AsSpan(0, 20)));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), Checksum(packet.AsSpan(20)));
        return packet;
    }

    public static bool IsReply(byte[] packet) => packet.Length == Size && packet[9] == 1 && packet[20] == 0;

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
