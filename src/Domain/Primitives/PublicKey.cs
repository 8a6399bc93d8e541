using System.Buffers.Binary;

namespace JumpingVpn.Domain.Primitives;

/// <summary>An X25519 public key (RFC 7748), 32 bytes: the identity of a client or of a gateway cluster.</summary>
public readonly record struct PublicKey(UInt128 High, UInt128 Low) : IComparable<PublicKey>
{
    /// <summary>Size on the wire, in bytes.</summary>
    public const int Size = 32;

    public static PublicKey Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], Low);
    }

    /// <summary>Reads 44 characters of base64, as WireGuard writes keys; false for anything else.</summary>
    public static bool TryParse(string? text, out PublicKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Size];
        if (text is not { Length: 44 } || !Convert.TryFromBase64String(text, bytes, out int written) || written != Size)
            return false;
        key = Read(bytes);
        return true;
    }

    public int CompareTo(PublicKey other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);

    /// <summary>44 characters of base64.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToBase64String(bytes);
    }
}
