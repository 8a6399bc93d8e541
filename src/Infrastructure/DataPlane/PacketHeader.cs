using System.Runtime.CompilerServices;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// The 16 bytes before every data packet's ciphertext, little-endian: type, flags, two reserved bytes, receiver index, counter.
/// The AEAD's nonce is bytes 0 to 3 and 8 to 15, so every bit but the index (which chose the key) is authenticated without
/// associated data. That is safe because a counter never repeats under a key, whatever the flags.
/// </summary>
internal static unsafe class PacketHeader
{
    /// <summary>Bytes before the ciphertext.</summary>
    public const int Size = 16;

    /// <summary>Bytes of the AEAD's tag, after the ciphertext.</summary>
    public const int TagSize = 16;

    /// <summary>What a data packet is longer than its inner packet, in bytes.</summary>
    public const int Overhead = Size + TagSize;

    /// <summary>Bytes of the AEAD's nonce.</summary>
    public const int NonceSize = 12;

    /// <summary>First byte of a data packet.</summary>
    public const byte Type = 4;

    /// <summary>The inner TCP or UDP checksum is not filled in: whoever hands the packet on finishes it.</summary>
    public const byte ChecksumMissing = 1;

    /// <summary>The packet continues the superpacket of the packet with the previous counter.</summary>
    public const byte Continues = 2;

    /// <summary>Type and reserved bits as one little-endian word, the two flags masked away.</summary>
    private const uint FixedBits = Type;
    private const uint FixedMask = ~((uint)(ChecksumMissing | Continues) << 8);

    /// <summary>Largest number of counters under one key (the wire's bound; a rekey comes long before).</summary>
    public const ulong CounterEnd = 1UL << 60;

    /// <summary>Largest control frame, in bytes.</summary>
    public const int MaxControlFrame = 1024;

    /// <summary>Largest datagram of another type that is passed on, in bytes.</summary>
    public const int MaxControlDatagram = 2048;

    public static bool ReservedBitsAreZero(byte* header) => (*(uint*)header & FixedMask) == FixedBits;

    public static byte Flags(byte* header) => header[1];

    public static uint Index(byte* header) => *(uint*)(header + 4);

    public static ulong Counter(byte* header) => *(ulong*)(header + 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* header, byte flags, uint index, ulong counter)
    {
        *(uint*)header = FixedBits | (uint)flags << 8;
        *(uint*)(header + 4) = index;
        *(ulong*)(header + 8) = counter;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteNonce(byte* header, byte* nonce)
    {
        *(uint*)nonce = *(uint*)header;
        *(ulong*)(nonce + 4) = *(ulong*)(header + 8);
    }
}
