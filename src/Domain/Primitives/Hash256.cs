using System.Buffers.Binary;

namespace JumpingVpn.Domain.Primitives;

/// <summary>A 32-byte digest. Not secret: compared with ordinary equality.</summary>
public readonly record struct Hash256(UInt128 High, UInt128 Low) : IComparable<Hash256>
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 32;

    public static Hash256 Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], Low);
    }

    public static bool TryParse(string? text, out Hash256 hash)
    {
        hash = default;
        if (text is not { Length: 64 } || !Hex128.TryParse(text[..32], out UInt128 high) || !Hex128.TryParse(text[32..], out UInt128 low))
            return false;
        hash = new(high, low);
        return true;
    }

    public int CompareTo(Hash256 other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Hex128.Format(High) + Hex128.Format(Low);
}
