using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>An Ed25519 signature (RFC 8032), 64 bytes.</summary>
public readonly record struct AuditSignature
{
    private readonly Hash256 r, s;

    private AuditSignature(Hash256 r, Hash256 s) => (this.r, this.s) = (r, s);

    /// <summary>Size in bytes.</summary>
    public const int Size = 64;

    public static AuditSignature Read(ReadOnlySpan<byte> bytes) => new(Hash256.Read(bytes), Hash256.Read(bytes[Hash256.Size..]));

    public void Write(Span<byte> bytes)
    {
        r.Write(bytes);
        s.Write(bytes[Hash256.Size..]);
    }

    /// <summary>Reads 88 characters of base64; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out AuditSignature signature) => TryParse(text.ToString(), out signature);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out AuditSignature)"/>
    public static bool TryParse(string? text, out AuditSignature signature)
    {
        signature = default;
        Span<byte> decoded = stackalloc byte[Size];
        if (text is not { Length: 88 } || !Convert.TryFromBase64String(text, decoded, out int written) || written != Size) return false;
        signature = Read(decoded);
        return signature.ToString() == text;
    }

    /// <summary>88 characters of base64.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToBase64String(bytes);
    }
}
