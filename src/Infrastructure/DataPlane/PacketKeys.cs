using System.Runtime.InteropServices;
using System.Security.Cryptography;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Packet;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// An epoch's traffic keys. Each of the two packet threads expands the key that it uses with its first packet, because a session that
/// carries nothing, and most of a gateway's do not, should not pay for it: an expanded key takes more than a kibibyte. The sending side
/// goes as soon as the epoch is replaced, the receiving side when it is forgotten; both only after the packet threads have let go.
/// </summary>
internal sealed unsafe class PacketKeys
{
    private readonly PacketCipherSelector _ciphers;
    private readonly CipherSuite _suite;

    // The key to send with, then the one to receive with: native memory, which no collector copies.
    private byte* _raw;
    private PacketKey? _seal;
    private PacketKey? _open;
    private bool _sends = true;

    /// <summary>Copies the keys, of 32 bytes each.</summary>
    /// <exception cref="NotSupportedException">The host lacks the suite: it should not have been offered.</exception>
    public PacketKeys(PacketCipherSelector ciphers, CipherSuite suite, ReadOnlySpan<byte> send, ReadOnlySpan<byte> receive)
    {
        if (!ciphers.Supports(suite)) throw new NotSupportedException($"no library here does {suite}");
        (_ciphers, _suite) = (ciphers, suite);
        _raw = (byte*)NativeMemory.Alloc(2 * PacketCipherSizes.Key);
        send.CopyTo(Sending);
        receive.CopyTo(Receiving);
    }

    private Span<byte> Sending => new(_raw, PacketCipherSizes.Key);

    private Span<byte> Receiving => new(_raw + PacketCipherSizes.Key, PacketCipherSizes.Key);

    /// <summary>Seals a packet (the sending thread).</summary>
    /// <param name="datagram">The header, already written; ciphertext and tag are written behind it.</param>
    /// <param name="packet">The inner packet, elsewhere.</param>
    /// <param name="length">Its length.</param>
    public void Seal(byte* datagram, byte* packet, int length) =>
        Seal(_seal ??= ToSeal(), datagram, packet, length);

    /// <summary>The same for the command thread, which has few to seal: their key is expanded for each.</summary>
    public void SealControl(byte* datagram, byte* packet, int length)
    {
        using PacketKey key = ToSeal();
        Seal(key, datagram, packet, length);
    }

    /// <summary>Opens a datagram of at least header and tag in place (the receiving thread); false if the tag is wrong.</summary>
    public bool TryOpen(byte* datagram, int size)
    {
        PacketKey open = _open ??= ToOpen();
        byte* nonce = stackalloc byte[PacketHeader.NonceSize];
        PacketHeader.WriteNonce(datagram, nonce);
        byte* sealedBytes = datagram + PacketHeader.Size;
        return open.TryOpen(nonce, sealedBytes, size - PacketHeader.Size, sealedBytes);
    }

    /// <summary>Zeroes the sending keys, and frees what was expanded of them. Idempotent.</summary>
    public void FreeSending()
    {
        _sends = false;
        if (_raw != null) CryptographicOperations.ZeroMemory(Sending);
        _seal?.Dispose();
    }

    /// <summary>Zeroes and frees all keys. Idempotent.</summary>
    public void Free()
    {
        FreeSending();
        _open?.Dispose();
        if (_raw == null) return;
        CryptographicOperations.ZeroMemory(Receiving);
        NativeMemory.Free(_raw);
        _raw = null;
    }

    private PacketKey ToSeal() =>
        _sends ? _ciphers.CreateKey(_suite, PacketDirection.Seal, Sending) : throw new InvalidOperationException("a sending key was used after it was freed");

    private PacketKey ToOpen() =>
        _raw != null ? _ciphers.CreateKey(_suite, PacketDirection.Open, Receiving) : throw new InvalidOperationException("a receiving key was used after it was freed");

    private static void Seal(PacketKey key, byte* datagram, byte* packet, int length)
    {
        byte* nonce = stackalloc byte[PacketHeader.NonceSize];
        PacketHeader.WriteNonce(datagram, nonce);
        key.Seal(nonce, packet, length, datagram + PacketHeader.Size);
    }
}
