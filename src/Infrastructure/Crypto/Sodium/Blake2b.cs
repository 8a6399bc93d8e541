using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>BLAKE2b (RFC 7693), as a hash and, with a key, as a MAC.</summary>
public static unsafe class Blake2b
{
    /// <summary>Least and greatest size of a digest, in bytes.</summary>
    public const int MinHashSize = 16, MaxHashSize = 64;

    /// <summary>Least and greatest size of a key, in bytes.</summary>
    public const int MinKeySize = 16, MaxKeySize = 64;

    /// <summary>Unkeyed; the digest is as long as <paramref name="hash"/>.</summary>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> hash) => Compute(default, data, hash);

    /// <summary>Keyed; the MAC is as long as <paramref name="mac"/>, and other lengths give unrelated MACs.</summary>
    public static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        Sizes.Require(key, MinKeySize, MaxKeySize);
        Compute(key, data, mac);
    }

    /// <summary>Compares in constant time; false for a MAC whose length no call of <see cref="Mac"/> could have made.</summary>
    public static bool Verify(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac)
    {
        if (mac.Length is < MinHashSize or > MaxHashSize) return false;
        Span<byte> expected = stackalloc byte[mac.Length];
        Mac(key, data, expected);
        bool equal = CryptographicOperations.FixedTimeEquals(expected, mac);
        CryptographicOperations.ZeroMemory(expected);
        return equal;
    }

    private static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hash)
    {
        Sizes.Require(hash, MinHashSize, MaxHashSize);
        fixed (byte* k = key, input = data, output = hash)
            if (LibSodium.crypto_generichash_blake2b(output, (nuint)hash.Length, input, (ulong)data.Length, k, (nuint)key.Length) != 0)
                throw new CryptographicException("BLAKE2b failed");
    }
}
