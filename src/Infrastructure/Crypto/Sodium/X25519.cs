using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>Diffie-Hellman over Curve25519 (RFC 7748). Private keys are clamped when they are used, as section 5 says.</summary>
public static unsafe class X25519
{
    /// <summary>Size of a private key, in bytes.</summary>
    public const int PrivateKeySize = 32;

    /// <summary>Size of a public key, in bytes.</summary>
    public const int PublicKeySize = 32;

    /// <summary>Size of a shared secret, in bytes.</summary>
    public const int SharedSecretSize = 32;

    /// <summary>Writes the public key that belongs to <paramref name="privateKey"/>.</summary>
    public static void PublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        Sizes.Require(privateKey, PrivateKeySize);
        Sizes.Require(publicKey, PublicKeySize);
        fixed (byte* n = privateKey, q = publicKey)
            if (LibSodium.crypto_scalarmult_curve25519_base(q, n) != 0) throw new CryptographicException("X25519: no public key");
    }

    /// <summary>False, with <paramref name="sharedSecret"/> zeroed, if the result is all zero: the other key is a point of low order (section 6.1).</summary>
    public static bool TryAgree(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedSecret)
    {
        Sizes.Require(privateKey, PrivateKeySize);
        Sizes.Require(publicKey, PublicKeySize);
        Sizes.Require(sharedSecret, SharedSecretSize);
        fixed (byte* n = privateKey, p = publicKey, q = sharedSecret)
            if (LibSodium.crypto_scalarmult_curve25519(q, n, p) == 0) return true;
        CryptographicOperations.ZeroMemory(sharedSecret);
        return false;
    }
}
