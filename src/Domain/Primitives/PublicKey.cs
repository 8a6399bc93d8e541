namespace JumpingVpn.Domain.Primitives;

/// <summary>An X25519 public key (RFC 7748), 32 bytes: the identity of a client or of a gateway cluster.</summary>
public readonly record struct PublicKey : IComparable<PublicKey>
{
    private readonly Bits128 high, low;

    public PublicKey(UInt128 high, UInt128 low) => (this.high, this.low) = (Bits128.From(high), Bits128.From(low));

    private PublicKey(Bits128 high, Bits128 low) => (this.high, this.low) = (high, low);

    /// <summary>Size on the wire, in bytes.</summary>
    public const int Size = 32;

    public static PublicKey Read(ReadOnlySpan<byte> bytes) => new(Bits128.Read(bytes), Bits128.Read(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        high.Write(bytes);
        low.Write(bytes[16..]);
    }

    /// <summary>Reads 44 characters of base64, as WireGuard writes keys; false for anything else.</summary>
    public static bool TryParse(string? text, out PublicKey key) => TryParse(text.AsSpan(), out key);

    /// <inheritdoc cref="TryParse(string?, out PublicKey)"/>
    public static bool TryParse(ReadOnlySpan<char> text, out PublicKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Size];
        if (text.Length != 44 || !Convert.TryFromBase64Chars(text, bytes, out int written) || written != Size)
            return false;
        key = Read(bytes);
        return true;
    }

    public int CompareTo(PublicKey other) => high != other.high ? high.CompareTo(other.high) : low.CompareTo(other.low);

    /// <summary>44 characters of base64.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToBase64String(bytes);
    }
}
