using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>AES-256-GCM by libipsec-mb. The state is one native block: expanded key, scratch context, computed tag.</summary>
internal readonly unsafe struct IpsecMbAes256Gcm(byte* state) : IPacketCipher
{
    private const int ContextOffset = IpsecMbLibrary.KeyDataSize;
    private const int TagOffset = ContextOffset + IpsecMbLibrary.ContextSize;
    private const int StateSize = TagOffset + IpsecMbLibrary.Alignment;

    public static byte* Create(ReadOnlySpan<byte> key)
    {
        byte* state = (byte*)NativeMemory.AlignedAlloc(StateSize, IpsecMbLibrary.Alignment);
        NativeMemory.Clear(state, StateSize);
        fixed (byte* k = key) IpsecMbLibrary.Expand(k, state);
        return state;
    }

    public static void Destroy(byte* state)
    {
        CryptographicOperations.ZeroMemory(new Span<byte>(state, StateSize));
        NativeMemory.AlignedFree(state);
    }

    public void Seal(byte* nonce, byte* source, int length, byte* destination) =>
        IpsecMbLibrary.Encrypt(
            state, state + ContextOffset, destination, source, (ulong)length, nonce, null, 0, destination + length, PacketCipherSizes.Tag);

    public bool TryOpen(byte* nonce, byte* source, int length, byte* destination)
    {
        length -= PacketCipherSizes.Tag;
        if (length < 0) return false;
        IpsecMbLibrary.Decrypt(
            state, state + ContextOffset, destination, source, (ulong)length, nonce, null, 0, state + TagOffset, PacketCipherSizes.Tag);
        return PacketTag.Equal(state + TagOffset, source + length) || PacketTag.Refuse(destination, length);
    }
}
