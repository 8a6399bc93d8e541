using JumpingVpn.Infrastructure.Crypto.Packet;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// An epoch's expanded keys, one for each thread that uses one. The sending side goes as soon as the epoch is replaced, the
/// receiving side when it is forgotten; both only after the packet threads have let go.
/// </summary>
internal sealed unsafe class PacketKeys(PacketKey seal, PacketKey sealControl, PacketKey open)
{
    /// <summary>Seals a packet (the sending thread).</summary>
    /// <param name="datagram">The header, already written; ciphertext and tag are written behind it.</param>
    /// <param name="packet">The inner packet, elsewhere.</param>
    /// <param name="length">Its length.</param>
    public void Seal(byte* datagram, byte* packet, int length)
    {
        byte* nonce = stackalloc byte[PacketHeader.NonceSize];
        PacketHeader.WriteNonce(datagram, nonce);
        seal.Seal(nonce, packet, length, datagram + PacketHeader.Size);
    }

    /// <summary>The same for the command thread.</summary>
    public void SealControl(byte* datagram, byte* packet, int length)
    {
        byte* nonce = stackalloc byte[PacketHeader.NonceSize];
        PacketHeader.WriteNonce(datagram, nonce);
        sealControl.Seal(nonce, packet, length, datagram + PacketHeader.Size);
    }

    /// <summary>Opens a datagram of at least header and tag in place (the receiving thread); false if the tag is wrong.</summary>
    public bool TryOpen(byte* datagram, int size)
    {
        byte* nonce = stackalloc byte[PacketHeader.NonceSize];
        PacketHeader.WriteNonce(datagram, nonce);
        byte* sealedBytes = datagram + PacketHeader.Size;
        return open.TryOpen(nonce, sealedBytes, size - PacketHeader.Size, sealedBytes);
    }

    /// <summary>Zeroes and frees the sending keys. Idempotent.</summary>
    public void FreeSending()
    {
        seal.Dispose();
        sealControl.Dispose();
    }

    /// <summary>Zeroes and frees all keys. Idempotent.</summary>
    public void Free()
    {
        FreeSending();
        open.Dispose();
    }
}
