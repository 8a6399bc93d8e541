using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>SHA-256 (FIPS 180-4).</summary>
public static unsafe class Sha256
{
    /// <summary>Size of a digest, in bytes.</summary>
    public const int HashSize = 32;

    /// <summary>Digest of <paramref name="first"/> followed by <paramref name="second"/>; the state is zeroed afterwards.</summary>
    public static void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        Sizes.Require(hash, HashSize);
        Span<byte> state = stackalloc byte[LibSodium.Sha256StateSize];
        fixed (byte* s = state, a = first, b = second, output = hash)
        {
            _ = LibSodium.crypto_hash_sha256_init(s);
            _ = LibSodium.crypto_hash_sha256_update(s, a, (ulong)first.Length);
            _ = LibSodium.crypto_hash_sha256_update(s, b, (ulong)second.Length);
            _ = LibSodium.crypto_hash_sha256_final(s, output);
        }
        CryptographicOperations.ZeroMemory(state);
    }
}
