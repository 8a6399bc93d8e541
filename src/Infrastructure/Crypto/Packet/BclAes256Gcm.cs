using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// AES-256-GCM by the platform's <see cref="AesGcm"/>, where nothing better loads. Its Decrypt throws for a forged tag, and a flood of forged
/// packets must not become a flood of exceptions (REQ-FLOOD-1): opening therefore runs the cipher forwards twice, once over
/// the ciphertext (counter mode undoes itself) and once over the plaintext for the tag.
/// </summary>
internal readonly unsafe struct BclAes256Gcm(AesGcm cipher) : IPacketCipher
{
    // The second run's ciphertext is thrown away; packets are smaller than this.
    private const int ScratchSize = 65_536;

    [ThreadStatic]
    private static byte[]? scratch;

    /// <summary>Why it cannot be used here; null if it can. Without any OpenSSL the platform's cryptography aborts the process when first touched.</summary>
    public static string? Unusable =>
        !NativeLibraries.TryLoad(NativeLibraries.PlatformTls, out _) ? ".NET finds no OpenSSL" : AesGcm.IsSupported ? null : ".NET finds no AES-GCM";

    public static AesGcm Create(ReadOnlySpan<byte> key) => new(key, PacketCipherSizes.Tag);

    public void Seal(byte* nonce, byte* source, int length, byte* destination) =>
        cipher.Encrypt(
            new(nonce, PacketCipherSizes.Nonce), new(source, length), new Span<byte>(destination, length), new(destination + length, PacketCipherSizes.Tag));

    [SkipLocalsInit]
    public bool TryOpen(byte* nonce, byte* source, int length, byte* destination)
    {
        length -= PacketCipherSizes.Tag;
        if (length is < 0 or > ScratchSize) return false;
        byte[] discarded = scratch ??= GC.AllocateUninitializedArray<byte>(ScratchSize);
        byte* tag = stackalloc byte[PacketCipherSizes.Tag];
        Span<byte> plaintext = new(destination, length);
        ReadOnlySpan<byte> iv = new(nonce, PacketCipherSizes.Nonce);
        cipher.Encrypt(iv, new(source, length), plaintext, new Span<byte>(tag, PacketCipherSizes.Tag));
        cipher.Encrypt(iv, plaintext, discarded.AsSpan(0, length), new Span<byte>(tag, PacketCipherSizes.Tag));
        return PacketTag.Equal(tag, source + length) || PacketTag.Refuse(destination, length);
    }
}
