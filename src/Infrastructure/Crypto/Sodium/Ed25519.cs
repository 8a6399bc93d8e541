using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>Ed25519 signatures (RFC 8032, 5.1). The private key is the 32-byte seed.</summary>
public static unsafe class Ed25519
{
    /// <summary>Size of a private key (seed), in bytes.</summary>
    public const int PrivateKeySize = 32;

    /// <summary>Size of a public key, in bytes.</summary>
    public const int PublicKeySize = 32;

    /// <summary>Size of a signature, in bytes.</summary>
    public const int SignatureSize = 64;

    private const int ExpandedKeySize = 64;

    /// <summary>Writes the public key that belongs to <paramref name="privateKey"/>.</summary>
    public static void PublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        Sizes.Require(publicKey, PublicKeySize);
        Span<byte> expanded = stackalloc byte[ExpandedKeySize];
        Expand(privateKey, expanded);
        expanded[PrivateKeySize..].CopyTo(publicKey);
        CryptographicOperations.ZeroMemory(expanded);
    }

    /// <summary>
    /// Signs. The public half is derived here each time and never taken from the caller: signing one message under two
    /// different public halves would give the private key away.
    /// </summary>
    public static void Sign(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        Sizes.Require(signature, SignatureSize);
        Span<byte> expanded = stackalloc byte[ExpandedKeySize];
        Expand(privateKey, expanded);
        int result;
        fixed (byte* sk = expanded, m = message, sig = signature)
            result = LibSodium.crypto_sign_ed25519_detached(sig, null, m, (ulong)message.Length, sk);
        CryptographicOperations.ZeroMemory(expanded);
        if (result != 0) throw new CryptographicException("Ed25519: signing failed");
    }

    /// <summary>False for a signature that is wrong, malformed, not canonical, or under a public key of low order.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeySize || signature.Length != SignatureSize) return false;
        fixed (byte* pk = publicKey, m = message, sig = signature)
            return LibSodium.crypto_sign_ed25519_verify_detached(sig, m, (ulong)message.Length, pk) == 0;
    }

    private static void Expand(ReadOnlySpan<byte> privateKey, Span<byte> expanded)
    {
        Sizes.Require(privateKey, PrivateKeySize);
        byte* pk = stackalloc byte[PublicKeySize];
        fixed (byte* seed = privateKey, sk = expanded)
            if (LibSodium.crypto_sign_ed25519_seed_keypair(pk, sk, seed) != 0) throw new CryptographicException("Ed25519: no key pair");
    }
}
