using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// An AEAD by OpenSSL's EVP: one context that keeps its expanded key, so that a packet sets only the nonce. Freeing the context
/// cleanses the key (EVP_CIPHER_CTX_free).
/// </summary>
internal readonly unsafe struct OpenSslAead(nint context) : IPacketCipher
{
    public static nint Create(nint cipher, ReadOnlySpan<byte> key, PacketDirection direction)
    {
        nint context = LibCrypto.EVP_CIPHER_CTX_new();
        if (context == 0) throw new CryptographicException("OpenSSL: EVP_CIPHER_CTX_new failed");
        int result;
        fixed (byte* k = key) result = LibCrypto.EVP_CipherInit_ex(context, cipher, 0, k, null, direction == PacketDirection.Seal ? 1 : 0);
        if (result == 1) return context;
        LibCrypto.EVP_CIPHER_CTX_free(context);
        throw new CryptographicException("OpenSSL: EVP_CipherInit_ex failed");
    }

    public static void Destroy(nint context) => LibCrypto.EVP_CIPHER_CTX_free(context);

    [SkipLocalsInit]
    public void Seal(byte* nonce, byte* source, int length, byte* destination)
    {
        int written;
        if (LibCrypto.EVP_CipherInit_ex(context, 0, 0, null, nonce, -1) == 1
            && (length == 0 || LibCrypto.EVP_CipherUpdate(context, destination, &written, source, length) == 1)
            && LibCrypto.EVP_CipherFinal_ex(context, destination + length, &written) == 1
            && LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.EVP_CTRL_AEAD_GET_TAG, PacketCipherSizes.Tag, destination + length) == 1)
            return;
        // No input can cause this. Nothing that could be half sealed leaves: zeros fail at the other end.
        NativeMemory.Clear(destination, (nuint)(length + PacketCipherSizes.Tag));
    }

    [SkipLocalsInit]
    public bool TryOpen(byte* nonce, byte* source, int length, byte* destination)
    {
        length -= PacketCipherSizes.Tag;
        if (length < 0) return false;
        int written;
        return LibCrypto.EVP_CipherInit_ex(context, 0, 0, null, nonce, -1) == 1
            && LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.EVP_CTRL_AEAD_SET_TAG, PacketCipherSizes.Tag, source + length) == 1
            && (length == 0 || LibCrypto.EVP_CipherUpdate(context, destination, &written, source, length) == 1)
            && LibCrypto.EVP_CipherFinal_ex(context, destination + length, &written) == 1
            || PacketTag.Refuse(destination, length);
    }
}
