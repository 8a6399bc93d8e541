namespace JumpingVpn.Domain.Admission;

/// <summary>Numbers of admission.</summary>
public static class AdmissionConstants
{
    // Protocol.

    /// <summary>
    /// How far behind the highest counter a packet may arrive and still be accepted, at least: the size that WireGuard
    /// settled on for paths that reorder by much (its window of 8,192 bits less one word, RFC 6479).
    /// </summary>
    public const int MinWindow = 8128;

    /// <summary>
    /// Counters from here on are never used: the AEAD's limit is far away, and the arithmetic of windows stays clear of the
    /// end of 64 bits (as WireGuard's REJECT_AFTER_MESSAGES, 2^64 - 2^13 - 1).
    /// </summary>
    public const ulong MaxCounter = ulong.MaxValue - (1UL << 13);

    // Implementation.

    /// <summary>Bits in one word of a window.</summary>
    public const int WordBits = 64;

    /// <summary>Words of a window, a power of two. One of them is always being cleared, so 127 hold usable counters.</summary>
    public const int WindowWords = 128;
}
