using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>HKDF with HMAC-SHA256 (RFC 5869).</summary>
public static class HkdfSha256
{
    /// <summary>Size of a pseudorandom key and of one block of output, in bytes.</summary>
    public const int BlockSize = HmacSha256.MacSize;

    /// <summary>Greatest size of the output, in bytes (section 2.3).</summary>
    public const int MaxOutputSize = 255 * BlockSize;

    /// <summary>Section 2.2. An empty salt is the RFC's absent one: zeros.</summary>
    public static void Extract(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> keyMaterial, Span<byte> pseudorandomKey) =>
        HmacSha256.Mac(salt, keyMaterial, pseudorandomKey);

    /// <summary>Section 2.3; as many bytes as <paramref name="output"/> has, at most <see cref="MaxOutputSize"/>.</summary>
    public static void Expand(ReadOnlySpan<byte> pseudorandomKey, ReadOnlySpan<byte> info, Span<byte> output)
    {
        Sizes.Require(output, 0, MaxOutputSize);
        Span<byte> block = stackalloc byte[BlockSize];
        Span<byte> counter = stackalloc byte[1];
        for (int written = 0; written < output.Length; written += BlockSize)
        {
            counter[0]++;
            HmacSha256.Mac(pseudorandomKey, written == 0 ? default : block, info, counter, block);
            int length = Math.Min(BlockSize, output.Length - written);
            block[..length].CopyTo(output[written..]);
        }
        CryptographicOperations.ZeroMemory(block);
    }
}
