using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Node.Keys;

/// <summary>X25519 keys in the hands of the command line and the configuration: made, written, looked at, never kept.</summary>
public static class KeyPairs
{
    /// <summary>A new private key, clamped as RFC 7748, section 5, says, which WireGuard's tools do too.</summary>
    public static void Generate(Span<byte> privateKey)
    {
        RandomNumberGenerator.Fill(privateKey[..KeyFile.KeySize]);
        privateKey[0] &= 0xf8;
        privateKey[31] = (byte)((privateKey[31] & 0x7f) | 0x40);
    }

    /// <summary>The public key of a private one.</summary>
    public static PublicKey PublicKeyOf(ReadOnlySpan<byte> privateKey)
    {
        Span<byte> publicKey = stackalloc byte[PublicKey.Size];
        X25519.PublicKey(privateKey, publicKey);
        return PublicKey.Read(publicKey);
    }

    /// <summary>
    /// Reads a private key file and gives its public key, and the private key's SHA-256 by which <see cref="IsPrivateKey"/>
    /// knows it again. Gives what is wrong, or null.
    /// </summary>
    public static string? Inspect(string path, out PublicKey publicKey, out Hash256 digest)
    {
        publicKey = default;
        digest = default;
        Span<byte> secret = stackalloc byte[KeyFile.KeySize];
        try
        {
            if (KeyFile.TryRead(path, secret) is string problem) return problem;
            publicKey = PublicKeyOf(secret);
            digest = Digest(secret);
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>True if somebody wrote the private key with this digest where a public key belongs.</summary>
    public static bool IsPrivateKey(PublicKey key, Hash256 digest)
    {
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        key.Write(bytes);
        return Digest(bytes) == digest;
    }

    /// <summary>
    /// True for the points whose shared secret with any key is zero (RFC 7748, section 6.1): those of order 1, 2, 4 and 8 on the
    /// curve and its twist, and their other encodings. The highest bit is ignored, as section 5 says.
    /// </summary>
    public static bool IsLowOrder(PublicKey key)
    {
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        key.Write(bytes);
        bytes[^1] &= 0x7f;
        return LowOrder.Contains(PublicKey.Read(bytes));
    }

    private static readonly PublicKey[] LowOrder =
    [
        OfHex("0000000000000000000000000000000000000000000000000000000000000000"),
        OfHex("0100000000000000000000000000000000000000000000000000000000000000"),
        OfHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        OfHex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        OfHex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        OfHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        OfHex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];

    private static PublicKey OfHex(string hex) => PublicKey.Read(Convert.FromHexString(hex));

    private static Hash256 Digest(ReadOnlySpan<byte> bytes)
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        Sha256.Hash(bytes, default, digest);
        return Hash256.Read(digest);
    }
}
