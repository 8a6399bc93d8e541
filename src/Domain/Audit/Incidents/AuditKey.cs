using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>The public half of a node's audit key: Ed25519 (RFC 8032), 32 bytes.</summary>
public readonly record struct AuditKey : IComparable<AuditKey>
{
    private readonly Hash256 bytes;

    private AuditKey(Hash256 bytes) => this.bytes = bytes;

    /// <summary>Size in bytes.</summary>
    public const int Size = 32;

    public static AuditKey Read(ReadOnlySpan<byte> bytes) => new(Hash256.Read(bytes));

    public void Write(Span<byte> destination) => bytes.Write(destination);

    /// <summary>Reads 44 characters of base64; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out AuditKey key) => TryParse(text.ToString(), out key);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out AuditKey)"/>
    public static bool TryParse(string? text, out AuditKey key)
    {
        key = default;
        Span<byte> decoded = stackalloc byte[Size];
        if (text is not { Length: 44 } || !Convert.TryFromBase64String(text, decoded, out int written) || written != Size) return false;
        key = Read(decoded);
        return key.ToString() == text;
    }

    /// <summary>What two people compare by voice: the first 16 bytes of the key's SHA-256 in eight groups of four hexadecimal digits.</summary>
    public string Fingerprint
    {
        get
        {
            Span<byte> key = stackalloc byte[Size], digest = stackalloc byte[SHA256.HashSizeInBytes];
            Write(key);
            SHA256.HashData(key, digest);
            string hex = Convert.ToHexStringLower(digest[..16]);
            return string.Join(':', Enumerable.Range(0, 8).Select(group => hex.Substring(group * 4, 4)));
        }
    }

    public int CompareTo(AuditKey other) => bytes.CompareTo(other.bytes);

    /// <summary>44 characters of base64.</summary>
    public override string ToString()
    {
        Span<byte> key = stackalloc byte[Size];
        Write(key);
        return Convert.ToBase64String(key);
    }
}
