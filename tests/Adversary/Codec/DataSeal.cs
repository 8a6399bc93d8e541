using System.Security.Cryptography;

namespace JumpingVpn.Adversary.Codec;

/// <summary>Data packets: sealed and opened as docs/PROTOCOL.md says, the nonce out of the header, no associated data.</summary>
public static class DataSeal
{
    private const byte Aes = 1;

    public static byte[] Seal(byte suite, byte[] key, uint index, ulong counter, ReadOnlySpan<byte> inner, byte flags = 0)
    {
        byte[] header = Wire.DataHeader(index, counter, flags);
        byte[] body = new byte[inner.Length], tag = new byte[WireType.MacSize];
        byte[] nonce = [.. header[..4], .. header[8..]];
        if (suite == Aes)
        {
            using var cipher = new AesGcm(key, WireType.MacSize);
            cipher.Encrypt(nonce, inner, body, tag);
        }
        else
        {
            using var cipher = new ChaCha20Poly1305(key);
            cipher.Encrypt(nonce, inner, body, tag);
        }
        return [.. header, .. body, .. tag];
    }

    /// <summary>The inner packet; null if the tag is wrong.</summary>
    public static byte[]? Open(byte suite, byte[] key, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < 32) return null;
        byte[] nonce = [.. datagram[..4], .. datagram[8..16]];
        byte[] inner = new byte[datagram.Length - 32];
        try
        {
            if (suite == Aes)
            {
                using var cipher = new AesGcm(key, WireType.MacSize);
                cipher.Decrypt(nonce, datagram[16..^16], datagram[^16..], inner);
            }
            else
            {
                using var cipher = new ChaCha20Poly1305(key);
                cipher.Decrypt(nonce, datagram[16..^16], datagram[^16..], inner);
            }
            return inner;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
