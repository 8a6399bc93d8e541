namespace JumpingVpn.Domain.Primitives;

/// <summary>A 32-byte digest. Not secret: compared with ordinary equality.</summary>
public readonly record struct Hash256 : IComparable<Hash256>
{
    private readonly Bits128 high, low;

    public Hash256(UInt128 high, UInt128 low) => (this.high, this.low) = (Bits128.From(high), Bits128.From(low));

    private Hash256(Bits128 high, Bits128 low) => (this.high, this.low) = (high, low);

    /// <summary>Size in bytes.</summary>
    public const int Size = 32;

    public static Hash256 Read(ReadOnlySpan<byte> bytes) => new(Bits128.Read(bytes), Bits128.Read(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        high.Write(bytes);
        low.Write(bytes[16..]);
    }

    public static bool TryParse(string? text, out Hash256 hash) => TryParse(text.AsSpan(), out hash);

    /// <summary>Reads 64 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Hash256 hash)
    {
        hash = default;
        if (text.Length != 64 || !Bits128.TryParse(text[..32], out Bits128 high) || !Bits128.TryParse(text[32..], out Bits128 low))
            return false;
        hash = new(high, low);
        return true;
    }

    public int CompareTo(Hash256 other) => high != other.high ? high.CompareTo(other.high) : low.CompareTo(other.low);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => high.ToString() + low.ToString();
}
