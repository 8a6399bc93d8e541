using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>What became of a datagram that was to be sent.</summary>
public enum SendStatus
{
    /// <summary>The kernel took it.</summary>
    Sent,

    /// <summary>The send buffer or the device's queue is full; later it may go.</summary>
    WouldBlock,

    /// <summary>
    /// This host cannot send it: no route, device down or gone, larger than the path takes, a local filter. A pending ICMP error is not
    /// reported as this: the datagram is tried again after it.
    /// </summary>
    LocalError,
}

/// <summary>The outcome of a send.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="Errno">The kernel's error number with <see cref="SendStatus.LocalError"/>, else 0.</param>
public readonly record struct SendResult(SendStatus Status, int Errno)
{
    public override string ToString() => Status == SendStatus.LocalError ? ErrnoName.Of(Errno) : Status.ToString();
}

/// <summary>What a receive found.</summary>
public enum ReceiveStatus
{
    Received,

    /// <summary>Nothing is waiting.</summary>
    Empty,

    /// <summary>The socket is of no more use, as when its device has gone.</summary>
    Failed,
}

/// <summary>What came with a datagram.</summary>
/// <param name="Length">Bytes written to the buffer.</param>
/// <param name="SegmentSize">
/// With receive offload several datagrams may come together: all but the last have this size. Equal to <paramref name="Length"/> for a
/// single one.
/// </param>
/// <param name="Truncated">The datagram was longer than the buffer; what is there is not it.</param>
/// <param name="Remote">Who sent it.</param>
/// <param name="LocalAddress">The local address it was sent to; 0 without <see cref="UdpSocketOptions.PacketInfo"/>.</param>
/// <param name="InterfaceIndex">The interface it came in by; 0 without <see cref="UdpSocketOptions.PacketInfo"/>.</param>
public readonly record struct ReceivedDatagram(
    int Length, int SegmentSize, bool Truncated, Endpoint Remote, UInt128 LocalAddress, int InterfaceIndex);

/// <summary>Where a queued error came from (linux/errqueue.h).</summary>
public enum PathErrorOrigin
{
    Local = 1,
    Icmp = 2,
    Icmp6 = 3,
}

/// <summary>One entry of a socket's error queue.</summary>
/// <param name="Errno">ECONNREFUSED, EHOSTUNREACH, EMSGSIZE and so on.</param>
/// <param name="Origin">This host or an ICMP message, which anybody may have forged.</param>
/// <param name="Mtu">With EMSGSIZE the MTU that was named, else 0.</param>
/// <param name="Destination">Where the datagram was sent to that the error is about.</param>
public readonly record struct PathError(int Errno, PathErrorOrigin Origin, int Mtu, Endpoint Destination);
