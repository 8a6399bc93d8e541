using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>ChaCha20-Poly1305 with a 12-byte nonce (RFC 8439).</summary>
public static unsafe class ChaCha20Poly1305
{
    /// <summary>Size of a key, in bytes.</summary>
    public const int KeySize = 32;

    /// <summary>Size of a nonce, in bytes.</summary>
    public const int NonceSize = 12;

    /// <summary>Size of a tag, in bytes: by so much the ciphertext is longer than the plaintext.</summary>
    public const int TagSize = 16;

    /// <summary>Writes ciphertext and tag; <paramref name="ciphertext"/> may begin where <paramref name="plaintext"/> does.</summary>
    public static void Seal(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        Sizes.Require(key, KeySize);
        Sizes.Require(nonce, NonceSize);
        Sizes.Require(ciphertext, checked(plaintext.Length + TagSize));
        fixed (byte* k = key, npub = nonce, ad = associatedData, m = plaintext, c = ciphertext)
        {
            if (LibSodium.crypto_aead_chacha20poly1305_ietf_encrypt(
                    c, null, m, (ulong)plaintext.Length, ad, (ulong)associatedData.Length, null, npub, k) != 0)
                throw new CryptographicException("ChaCha20Poly1305: sealing failed");
        }
    }

    /// <summary>False, with <paramref name="plaintext"/> zeroed, if the tag is wrong or <paramref name="ciphertext"/> too short to hold one.</summary>
    public static bool TryOpen(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        Sizes.Require(key, KeySize);
        Sizes.Require(nonce, NonceSize);
        if (ciphertext.Length < TagSize) return false;
        Sizes.Require(plaintext, ciphertext.Length - TagSize);
        fixed (byte* k = key, npub = nonce, ad = associatedData, c = ciphertext, m = plaintext)
        {
            if (LibSodium.crypto_aead_chacha20poly1305_ietf_decrypt(
                    m, null, null, c, (ulong)ciphertext.Length, ad, (ulong)associatedData.Length, npub, k) == 0)
                return true;
        }
        CryptographicOperations.ZeroMemory(plaintext);
        return false;
    }
}
