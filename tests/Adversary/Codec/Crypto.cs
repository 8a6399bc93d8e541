using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Adversary.Codec;

/// <summary>The primitives as the protocol's text names them, over plain byte arrays: an attacker has nothing to protect.</summary>
public static class Crypto
{
    public const int KeySize = 32;

    public static byte[] Random(int length) => RandomNumberGenerator.GetBytes(length);

    public static byte[] Hash(params ReadOnlySpan<byte[]> pieces)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (byte[] piece in pieces) hash.AppendData(piece);
        return hash.GetHashAndReset();
    }

    /// <summary>Keyed BLAKE2b of 16 or 32 bytes.</summary>
    public static byte[] Mac(byte[] key, ReadOnlySpan<byte> data, int size = WireType.MacSize)
    {
        byte[] mac = new byte[size];
        Blake2b.Mac(key, data, mac);
        return mac;
    }

    public static byte[] PublicKey(byte[] privateKey)
    {
        byte[] publicKey = new byte[KeySize];
        X25519.PublicKey(privateKey, publicKey);
        return publicKey;
    }

    public static byte[] Agree(byte[] privateKey, byte[] publicKey)
    {
        byte[] shared = new byte[KeySize];
        return X25519.TryAgree(privateKey, publicKey, shared) ? shared : throw new CryptographicException("a low-order point");
    }

    /// <summary>HKDF-Expand to 32 bytes.</summary>
    public static byte[] Expand(byte[] key, byte[] info) => HKDF.Expand(HashAlgorithmName.SHA256, key, KeySize, info);

    public static byte[] Expand(byte[] key, string info) => Expand(key, Encoding.ASCII.GetBytes(info));

    public static byte[] Hkdf(byte[] salt, byte[] material, byte[] info, int size) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, material, size, salt, info);

    /// <summary>ChaCha20-Poly1305 with a counter as Noise has it.</summary>
    public static byte[] Seal(byte[] key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext)
    {
        byte[] ciphertext = new byte[plaintext.Length + WireType.MacSize];
        Infrastructure.Crypto.Sodium.ChaCha20Poly1305.Seal(key, Nonce(counter), associatedData, plaintext, ciphertext);
        return ciphertext;
    }

    /// <summary>Null if the tag is wrong.</summary>
    public static byte[]? Open(byte[] key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext)
    {
        if (ciphertext.Length < WireType.MacSize) return null;
        byte[] plaintext = new byte[ciphertext.Length - WireType.MacSize];
        return Infrastructure.Crypto.Sodium.ChaCha20Poly1305.TryOpen(key, Nonce(counter), associatedData, ciphertext, plaintext) ? plaintext : null;
    }

    private static byte[] Nonce(ulong counter)
    {
        byte[] nonce = new byte[12];
        BitConverter.TryWriteBytes(nonce.AsSpan(4), counter);
        return nonce;
    }
}
