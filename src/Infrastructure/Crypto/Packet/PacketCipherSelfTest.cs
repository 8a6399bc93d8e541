using System.Security.Cryptography;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// Known answers, asked once of every backend before it may carry traffic. A published vector, then one digest chained over the
/// ciphertexts of all lengths to 272 and two packet sizes, so that every tail and every wide loop of an implementation has run.
/// </summary>
internal static class PacketCipherSelfTest
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 273), 1420, 8952];

    /// <summary>Null if the backend passes, else what it did wrong.</summary>
    public static string? Run(PacketBackend backend, CipherSuite suite)
    {
        Vector vector = Vector.Of(suite);
        try
        {
            using PacketKey seal = new(backend, vector.Key, PacketDirection.Seal), open = new(backend, vector.Key, PacketDirection.Open);
            byte[] message = new byte[vector.Plaintext.Length + PacketCipherSizes.Tag];
            seal.Seal(vector.Nonce, vector.Plaintext, message);
            if (!message.AsSpan().SequenceEqual(vector.Ciphertext)) return "self-test: a known answer comes out differently";
            return Sweep(seal, open, vector.Nonce, out byte[] digest) ?? (digest.AsSpan().SequenceEqual(vector.Digest) ? null : "self-test: a length comes out differently");
        }
        catch (CryptographicException)
        {
            return "self-test: the library failed";
        }
    }

    private static string? Sweep(PacketKey seal, PacketKey open, byte[] nonce, out byte[] digest)
    {
        // By libsodium: the platform's hashes need OpenSSL, which may be what is missing.
        digest = new byte[Sha256.HashSize];
        byte[] plaintext = new byte[Lengths[^1]];
        for (int i = 0; i < plaintext.Length; i++) plaintext[i] = (byte)(i * 31 + 7);
        byte[] buffer = new byte[plaintext.Length + PacketCipherSizes.Tag];
        foreach (int length in Lengths)
        {
            Span<byte> message = buffer.AsSpan(0, length + PacketCipherSizes.Tag);
            plaintext.AsSpan(0, length).CopyTo(message);
            seal.Seal(nonce, message[..length], message);
            Sha256.Hash(digest, message, digest);
            message[length] ^= 1;
            if (open.TryOpen(nonce, message, new byte[length])) return "self-test: it accepts a forged tag";
            message[length] ^= 1;
            if (!open.TryOpen(nonce, message, message[..length]) || !message[..length].SequenceEqual(plaintext.AsSpan(0, length)))
                return "self-test: it does not open what it sealed";
        }
        return null;
    }

    private sealed record Vector(byte[] Key, byte[] Nonce, byte[] Plaintext, byte[] Ciphertext, byte[] Digest)
    {
        public static Vector Of(CipherSuite suite) => suite switch
        {
            // McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 15.
            CipherSuite.Aes256Gcm => new(
                Convert.FromHexString("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
                Convert.FromHexString("cafebabefacedbaddecaf888"),
                Convert.FromHexString(
                    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"),
                Convert.FromHexString(
                    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
                    + "b094dac5d93471bdec1a502270e3cc6c"),
                Convert.FromHexString("305b89dc66bb16234aa9bf6ec54cb5b6e0cab8d9c01ba2c0ea687cd10f71061e")),

            // RFC 8439, 2.8.2, with empty associated data: the ciphertext is the RFC's, the tag is not.
            CipherSuite.ChaCha20Poly1305 => new(
                Convert.FromHexString("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
                Convert.FromHexString("070000004041424344454647"),
                "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."u8.ToArray(),
                Convert.FromHexString(
                    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
                    + "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                    + "3ff4def08e4b7a9de576d26586cec64b6116"
                    + "6a23a4681fd59456aea1d29f82477216"),
                Convert.FromHexString("9dab9ca9907b81365da313194874dec43c61474101de512f3388b846eba8b179")),
            _ => throw new ArgumentOutOfRangeException(nameof(suite)),
        };
    }
}
