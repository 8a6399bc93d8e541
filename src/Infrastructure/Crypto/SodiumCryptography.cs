using System.Buffers.Binary;
using System.Security.Cryptography;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto.Sodium;
using ChaCha20Poly1305 = JumpingVpn.Infrastructure.Crypto.Sodium.ChaCha20Poly1305;

namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>
/// The Domain's cryptography over libsodium, with all secrets in a <see cref="SecretArena"/>. Derived secrets are computed straight
/// into their slots. Thread-safe, as long as nobody releases a handle that another thread is using.
/// </summary>
public sealed class SodiumCryptography(SecretArena arena) : ICryptography, IProofCheck
{
    // Opening a ticket needs its plaintext in one piece; up to this size the piece lies on the stack.
    private const int MaxStackPlaintext = 1024;

    /// <summary>One line that says why there is no cryptography on this host; null if there is. To be asked before anything else here.</summary>
    public static string? Unusable => LibSodium.Unusable;

    /// <summary>Where the secrets live; for adapters that must export one or count them.</summary>
    public SecretArena Arena { get; } = arena;

    /// <summary>A fresh random secret: an ephemeral key, a node secret.</summary>
    public SecretHandle GenerateSecret() => Arena.Generate();

    public Hash256 Sha256(ReadOnlySpan<byte> data) => Hash(data, default);

    public Hash256 Sha256(ReadOnlySpan<byte> data, SecretHandle secret) => Hash(data, Arena.Read(secret));

    public SecretHandle Import(ReadOnlySpan<byte> bytes) => Arena.Store(bytes);

    public void Release(SecretHandle secret) => Arena.Release(secret);

    public void Hkdf(SecretHandle salt, SecretHandle keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs) =>
        Hkdf(salt, Arena.Read(keyMaterial), info, outputs);

    public void Hkdf(SecretHandle salt, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs)
    {
        if (outputs.Length is < 1 or > 3) throw new ArgumentException("one to three outputs", nameof(outputs));
        Span<byte> pseudorandomKey = stackalloc byte[HkdfSha256.BlockSize];
        Span<byte> output = stackalloc byte[3 * HkdfSha256.BlockSize];
        output = output[..(outputs.Length * HkdfSha256.BlockSize)];
        int stored = 0;
        try
        {
            HkdfSha256.Extract(salt.IsNone ? default : Arena.Read(salt), keyMaterial, pseudorandomKey);
            HkdfSha256.Expand(pseudorandomKey, info, output);
            for (; stored < outputs.Length; stored++)
                outputs[stored] = Arena.Store(output.Slice(stored * HkdfSha256.BlockSize, HkdfSha256.BlockSize));
        }
        catch (SecretMemoryException)
        {
            // All or none: a caller that sees the exception has nothing to release.
            foreach (SecretHandle handle in outputs[..stored]) Arena.Release(handle);
            outputs.Clear();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pseudorandomKey);
            CryptographicOperations.ZeroMemory(output);
        }
    }

    public SecretHandle Expand(SecretHandle key, ReadOnlySpan<byte> info)
    {
        ReadOnlySpan<byte> pseudorandomKey = Arena.Read(key);
        SecretHandle handle = Arena.Allocate(out Span<byte> output);
        HkdfSha256.Expand(pseudorandomKey, info, output);
        return handle;
    }

    public void ExpandPublic(SecretHandle key, ReadOnlySpan<byte> info, Span<byte> output) => HkdfSha256.Expand(Arena.Read(key), info, output);

    public PublicKey PublicKeyOf(SecretHandle privateKey)
    {
        Span<byte> publicKey = stackalloc byte[X25519.PublicKeySize];
        X25519.PublicKey(Arena.Read(privateKey), publicKey);
        return PublicKey.Read(publicKey);
    }

    public bool TryAgree(SecretHandle privateKey, PublicKey publicKey, out SecretHandle shared)
    {
        Span<byte> point = stackalloc byte[X25519.PublicKeySize];
        publicKey.Write(point);
        ReadOnlySpan<byte> scalar = Arena.Read(privateKey);
        shared = Arena.Allocate(out Span<byte> secret);
        if (X25519.TryAgree(scalar, point, secret)) return true;
        Arena.Release(shared);
        shared = SecretHandle.None;
        return false;
    }

    public void Mac(SecretHandle key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        if (mac.Length is not (16 or 32)) throw new ArgumentException("a MAC has 16 or 32 bytes", nameof(mac));
        Blake2b.Mac(Arena.Read(key), data, mac);
    }

    public bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac) =>
        mac.Length is 16 or 32 && Blake2b.Verify(Arena.Read(key), data, mac);

    /// <inheritdoc/>
    public bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac, out bool isLive)
    {
        Span<byte> copy = stackalloc byte[SecretArena.SecretSize];
        isLive = Arena.TryCopyTo(key, copy);
        bool isRight = isLive && Blake2b.Verify(copy, data, mac);
        CryptographicOperations.ZeroMemory(copy);
        return isRight;
    }

    public void Seal(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        Span<byte> nonce = stackalloc byte[ChaCha20Poly1305.NonceSize];
        WriteNonce(counter, nonce);
        ChaCha20Poly1305.Seal(Arena.Read(key), nonce, associatedData, plaintext, ciphertext);
    }

    public bool TryOpen(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        Span<byte> nonce = stackalloc byte[ChaCha20Poly1305.NonceSize];
        WriteNonce(counter, nonce);
        return ChaCha20Poly1305.TryOpen(Arena.Read(key), nonce, associatedData, ciphertext, plaintext);
    }

    public void SealLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, SecretHandle secret, Span<byte> ciphertext)
    {
        ReadOnlySpan<byte> sealingKey = Arena.Read(key);
        if (secret.IsNone)
        {
            XChaCha20Poly1305.Seal(sealingKey, nonce, associatedData, plaintext, ciphertext);
            return;
        }
        int length = plaintext.Length + SecretArena.SecretSize;
        Sizes.Require(ciphertext, length + XChaCha20Poly1305.TagSize);
        Sizes.Require(nonce, XChaCha20Poly1305.NonceSize);
        // Sealed where it will stand: the secret is overwritten by its own ciphertext and no other copy exists.
        Span<byte> whole = ciphertext[..length];
        plaintext.CopyTo(whole);
        Arena.CopyTo(secret, whole[plaintext.Length..]);
        XChaCha20Poly1305.Seal(sealingKey, nonce, associatedData, whole, ciphertext);
    }

    public bool TryOpenLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) =>
        XChaCha20Poly1305.TryOpen(Arena.Read(key), nonce, associatedData, ciphertext, plaintext);

    public bool TryOpenLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out SecretHandle secret)
    {
        secret = SecretHandle.None;
        ReadOnlySpan<byte> sealingKey = Arena.Read(key);
        int length = ciphertext.Length - XChaCha20Poly1305.TagSize;
        if (length < SecretArena.SecretSize) return false;
        Sizes.Require(plaintext, length - SecretArena.SecretSize);
        // The array is pinned so that the collector leaves no second copy of the secret behind.
        Span<byte> whole = length <= MaxStackPlaintext ? stackalloc byte[length] : GC.AllocateUninitializedArray<byte>(length, pinned: true);
        try
        {
            if (!XChaCha20Poly1305.TryOpen(sealingKey, nonce, associatedData, ciphertext, whole)) return false;
            secret = Arena.Store(whole[plaintext.Length..]);
            whole[..plaintext.Length].CopyTo(plaintext);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(whole);
        }
    }

    private static Hash256 Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        Span<byte> hash = stackalloc byte[Hash256.Size];
        Sodium.Sha256.Hash(first, second, hash);
        return Hash256.Read(hash);
    }

    private static void WriteNonce(ulong counter, Span<byte> nonce)
    {
        nonce[..4].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], counter);
    }
}
