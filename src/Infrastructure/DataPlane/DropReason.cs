namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>Why the data plane dropped a packet, or what it met on the way. Counted, never logged one by one.</summary>
public enum DropReason
{
    /// <summary>Datagram: empty, or a data packet shorter than header and tag.</summary>
    TooShort,

    /// <summary>Datagram: no data packet, and longer than any control datagram.</summary>
    ControlTooLong,

    /// <summary>Datagram: not queued by the kernel while the flood shield was up, since it came from a source of which nothing is known, or since the queue was full.</summary>
    Shed,

    /// <summary>Datagram: cut by the kernel because it did not fit the buffer.</summary>
    Truncated,

    /// <summary>Data packet: a reserved bit is set.</summary>
    ReservedBits,

    /// <summary>Data packet: no epoch has this receiver index.</summary>
    UnknownIndex,

    /// <summary>Data packet: the epoch was replaced, and its time or its last counter is over.</summary>
    EpochOver,

    /// <summary>Data packet from a source that is not the epoch's.</summary>
    UnboundSource,

    /// <summary>Data packet from a source that is not the epoch's, dropped undecrypted because there are too many of them.</summary>
    UnboundSourceFlood,

    /// <summary>Data packet: the tag is wrong.</summary>
    Forged,

    /// <summary>Data packet: the counter was seen before or is older than the window (REQ-REPLAY-2).</summary>
    Replayed,

    /// <summary>Inner packet: neither IPv4, IPv6 nor a control frame, or its length field disagrees.</summary>
    InnerMalformed,

    /// <summary>Inner packet: the source address is not the session's.</summary>
    InnerSource,

    /// <summary>Inner packet: the checksum is said to be missing where it cannot be filled in.</summary>
    InnerChecksum,

    /// <summary>The queue of packets that wait for their binding to commit is full.</summary>
    HeldOverflow,

    /// <summary>Held packets of an epoch that was never bound.</summary>
    HeldDropped,

    /// <summary>This node may not serve any more (the deadline is over).</summary>
    NotServing,

    /// <summary>The TUN device refused the packet because it is not up.</summary>
    TunNotUp,

    /// <summary>The TUN device refused the packet for another reason.</summary>
    TunWrite,

    /// <summary>Reading from the TUN device failed.</summary>
    TunRead,

    /// <summary>From the TUN device: not a packet that can be forwarded.</summary>
    TunMalformed,

    /// <summary>From the TUN device: no session has the destination.</summary>
    NoRoute,

    /// <summary>From the TUN device: the destination's session is not bound.</summary>
    NotBound,

    /// <summary>From the TUN device: larger than the session's inner MTU.</summary>
    TooBig,

    /// <summary>The epoch has used up its counters, or was replaced too often while the packet waited.</summary>
    CounterEnd,

    /// <summary>The transport's socket is gone.</summary>
    SocketGone,

    /// <summary>The socket's buffer stayed full.</summary>
    SendBufferFull,

    /// <summary>The kernel refused to send.</summary>
    SendFailed,

    /// <summary>Not a drop: an ICMP error was written into the TUN device.</summary>
    IcmpSent,

    /// <summary>An ICMP error was due but held back by its rate limit.</summary>
    IcmpLimited,

    /// <summary>Not a drop: the kernel refused UDP segmentation, and the datagrams were sent one by one.</summary>
    SegmentationRefused,
}
