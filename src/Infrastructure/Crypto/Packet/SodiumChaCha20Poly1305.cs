using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>ChaCha20-Poly1305 by libsodium, where OpenSSL does not offer it. The state is the 32-byte key.</summary>
internal readonly unsafe struct SodiumChaCha20Poly1305(byte* key) : IPacketCipher
{
    public static byte* Create(ReadOnlySpan<byte> key)
    {
        byte* state = (byte*)NativeMemory.Alloc(PacketCipherSizes.Key);
        key.CopyTo(new Span<byte>(state, PacketCipherSizes.Key));
        return state;
    }

    public static void Destroy(byte* state)
    {
        CryptographicOperations.ZeroMemory(new Span<byte>(state, PacketCipherSizes.Key));
        NativeMemory.Free(state);
    }

    public void Seal(byte* nonce, byte* source, int length, byte* destination) =>
        _ = LibSodium.crypto_aead_chacha20poly1305_ietf_encrypt(destination, null, source, (ulong)length, null, 0, null, nonce, key);

    public bool TryOpen(byte* nonce, byte* source, int length, byte* destination) =>
        length >= PacketCipherSizes.Tag
        && (LibSodium.crypto_aead_chacha20poly1305_ietf_decrypt(destination, null, null, source, (ulong)length, null, 0, nonce, key) == 0
            || PacketTag.Refuse(destination, length - PacketCipherSizes.Tag));
}
