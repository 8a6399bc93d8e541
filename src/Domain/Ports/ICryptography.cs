using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Ports;

/// <summary>
/// All cryptography that the cores need, over handles of secrets. Every operation is a function of its arguments (no
/// randomness: that comes in with the input as a seed secret), so a recorded or simulated run repeats exactly. Using a
/// released handle is a broken invariant and throws; expected failures (a forged tag, a low-order point) are values.
/// </summary>
public interface ICryptography
{
    /// <summary>Size of a secret, in bytes.</summary>
    const int SecretSize = 32;

    /// <summary>Size of a Poly1305 tag, in bytes.</summary>
    const int TagSize = 16;

    /// <summary>Size of an XChaCha20-Poly1305 nonce, in bytes.</summary>
    const int LongNonceSize = 24;

    /// <summary>SHA-256 (FIPS 180-4).</summary>
    Hash256 Sha256(ReadOnlySpan<byte> data);

    /// <summary>SHA-256 of <paramref name="data"/> followed by the secret's 32 bytes (Noise's MixKeyAndHash, 5.2, hashes a derived value).</summary>
    Hash256 Sha256(ReadOnlySpan<byte> data, SecretHandle secret);

    /// <summary>Copies 32 bytes into secret memory. For keys that are not secret (MAC1) and for adapters.</summary>
    SecretHandle Import(ReadOnlySpan<byte> bytes);

    /// <summary>Zeroes the secret; the handle is dead afterwards. Releasing <see cref="SecretHandle.None"/> does nothing.</summary>
    void Release(SecretHandle secret);

    /// <summary>
    /// HKDF-SHA256 (RFC 5869) with a secret as key material; one to three 32-byte outputs, all of them or, when it throws,
    /// none. Salt None is the RFC's absent salt. With empty info it is Noise's HKDF (Noise 4.3).
    /// </summary>
    void Hkdf(SecretHandle salt, SecretHandle keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs);

    /// <summary>The same with public key material.</summary>
    void Hkdf(SecretHandle salt, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs);

    /// <summary>HKDF-Expand (RFC 5869, 2.3) to one secret.</summary>
    SecretHandle Expand(SecretHandle key, ReadOnlySpan<byte> info);

    /// <summary>HKDF-Expand to bytes that are not secret (ids, indices, nonces); at most 255 * 32 bytes.</summary>
    void ExpandPublic(SecretHandle key, ReadOnlySpan<byte> info, Span<byte> output);

    /// <summary>The X25519 public key of a private one (RFC 7748; clamped as it says).</summary>
    PublicKey PublicKeyOf(SecretHandle privateKey);

    /// <summary>X25519. False if the result is all zero (a low-order point; RFC 7748, 6.1).</summary>
    bool TryAgree(SecretHandle privateKey, PublicKey publicKey, out SecretHandle shared);

    /// <summary>Keyed BLAKE2b (RFC 7693) of 16 or 32 bytes, as long as <paramref name="mac"/>.</summary>
    void Mac(SecretHandle key, ReadOnlySpan<byte> data, Span<byte> mac);

    /// <summary>Compares in constant time.</summary>
    bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac);

    /// <summary>
    /// ChaCha20-Poly1305 (RFC 8439), nonce = 4 zero bytes and the counter little-endian (Noise 12.3).
    /// <paramref name="ciphertext"/> is 16 bytes longer than the plaintext.
    /// </summary>
    void Seal(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext);

    /// <summary>Opens what <see cref="Seal"/> made; false, with nothing written that a caller may use, if the tag is wrong.</summary>
    bool TryOpen(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext);

    /// <summary>
    /// XChaCha20-Poly1305 over <paramref name="plaintext"/> followed, where <paramref name="secret"/> is not None, by that
    /// secret's 32 bytes: how a ticket carries a root secret without the Domain seeing it.
    /// </summary>
    void SealLong(SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, SecretHandle secret, Span<byte> ciphertext);

    /// <summary>Opens what <see cref="SealLong"/> made without a secret.</summary>
    bool TryOpenLong(SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext);

    /// <summary>Opens what <see cref="SealLong"/> made with a secret: the last 32 bytes become a new handle.</summary>
    bool TryOpenLong(SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out SecretHandle secret);
}
