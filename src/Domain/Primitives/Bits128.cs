using System.Buffers.Binary;
using System.Globalization;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// 128 bits in two halves: what ids, addresses, keys and hashes are held in. Not a UInt128, because the ahead-of-time compiler
/// leaves out every method that passes or holds one (its calling convention is not settled), and a restarted node would
/// then compile all of its core while its clients wait.
/// </summary>
internal readonly record struct Bits128(ulong High, ulong Low) : IComparable<Bits128>
{
    public static Bits128 From(UInt128 value) => new((ulong)(value >> 64), (ulong)value);

    public UInt128 ToUInt128() => new(High, Low);

    /// <summary>The first 16 bytes, big-endian.</summary>
    public static Bits128 Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
    }

    /// <summary>Reads 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Bits128 bits)
    {
        bits = default;
        if (text.Length != 32 || !TryParseHalf(text[..16], out ulong high) || !TryParseHalf(text[16..], out ulong low)) return false;
        bits = new(high, low);
        return true;
    }

    public int CompareTo(Bits128 other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => High.ToString("x16", CultureInfo.InvariantCulture) + Low.ToString("x16", CultureInfo.InvariantCulture);

    private static bool TryParseHalf(ReadOnlySpan<char> text, out ulong half) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out half);
}
