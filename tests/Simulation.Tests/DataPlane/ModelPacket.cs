using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Simulation.Tests.DataPlane;

/// <summary>
/// Data packets of the model: the real header, a body in clear and a tag that only who knows the key can make. An inner packet is
/// 0x40, 7 zero bytes, its number (8) and its source address (16).
/// </summary>
internal static class ModelPacket
{
    public const int HeaderSize = ProtocolConstants.DataHeaderSize;
    public const int TagSize = 16;
    public const int InnerSize = 32;
    public const int Overhead = HeaderSize + TagSize;

    public static byte[] Seal(UInt128 key, uint index, ulong counter, ReadOnlySpan<byte> body)
    {
        byte[] datagram = new byte[Overhead + body.Length];
        datagram[0] = (byte)MessageType.Data;
        BinaryPrimitives.WriteUInt32LittleEndian(datagram.AsSpan(4), index);
        BinaryPrimitives.WriteUInt64LittleEndian(datagram.AsSpan(8), counter);
        body.CopyTo(datagram.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt128LittleEndian(datagram.AsSpan(HeaderSize + body.Length), Tag(key, datagram.AsSpan(0, HeaderSize + body.Length)));
        return datagram;
    }

    public static bool IsAuthentic(UInt128 key, ReadOnlySpan<byte> datagram) =>
        BinaryPrimitives.ReadUInt128LittleEndian(datagram[^TagSize..]) == Tag(key, datagram[..^TagSize]);

    public static uint Index(ReadOnlySpan<byte> datagram) => BinaryPrimitives.ReadUInt32LittleEndian(datagram[4..]);

    public static ulong Counter(ReadOnlySpan<byte> datagram) => BinaryPrimitives.ReadUInt64LittleEndian(datagram[8..]);

    public static byte[] Inner(ulong number, UInt128 source)
    {
        byte[] inner = new byte[InnerSize];
        inner[0] = 0x40;
        BinaryPrimitives.WriteUInt64LittleEndian(inner.AsSpan(8), number);
        BinaryPrimitives.WriteUInt128LittleEndian(inner.AsSpan(16), source);
        return inner;
    }

    public static ulong NumberOf(ReadOnlySpan<byte> inner) => BinaryPrimitives.ReadUInt64LittleEndian(inner[8..]);

    public static UInt128 SourceOf(ReadOnlySpan<byte> inner) => BinaryPrimitives.ReadUInt128LittleEndian(inner[16..]);

    private static UInt128 Tag(UInt128 key, ReadOnlySpan<byte> bytes)
    {
        ulong a = (ulong)key, b = (ulong)(key >> 64);
        for (; bytes.Length >= 8; bytes = bytes[8..]) Mix(ref a, ref b, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte last in bytes) Mix(ref a, ref b, last);
        Mix(ref a, ref b, (ulong)key);
        return new(a, b);
    }

    private static void Mix(ref ulong a, ref ulong b, ulong word)
    {
        a = (a ^ word) * 0x9E3779B97F4A7C15;
        b = (b + a) * 0xBF58476D1CE4E5B9;
        a ^= b >> 29;
        b ^= a >> 31;
    }
}
