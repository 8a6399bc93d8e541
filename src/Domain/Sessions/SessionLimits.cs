namespace JumpingVpn.Domain.Sessions;

/// <summary>Bounds of a session that no policy changes (REQ-EXHAUST-1).</summary>
public static class SessionLimits
{
    // Protocol: both ends and stored data rely on these.

    /// <summary>Inner prefixes of one session: two for each family would do; this leaves room for routed networks.</summary>
    public const int MaxAddresses = 16;

    /// <summary>Characters of a client's or a node's name: a DNS label's length (RFC 1035, 2.3.4).</summary>
    public const int MaxNameLength = 63;

    /// <summary>
    /// Versions, epochs and binding versions end here, far below what a signed 64-bit column holds; a session that gets
    /// there ends with AMBIGUITY instead of wrapping.
    /// </summary>
    public const ulong MaxVersion = 1UL << 62;

    /// <summary>The key epoch is 32 bits on the wire; a session that gets there ends with AMBIGUITY.</summary>
    public const uint MaxKeyEpoch = uint.MaxValue - 1;

    // Implementation.

    /// <summary>Upper bound of a session's canonical JSON, in bytes; a test holds the largest session to it.</summary>
    public const int MaxJsonSize = 4096;
}
