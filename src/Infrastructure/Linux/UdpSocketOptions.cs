using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>What the kernel does with a datagram that is larger than the path takes (ip(7), IP_MTU_DISCOVER).</summary>
public enum PathMtuMode
{
    /// <summary>The kernel's default: it keeps a path MTU from ICMP and fragments what is larger.</summary>
    Kernel,

    /// <summary>Don't Fragment is set; what is larger than the known path MTU fails with EMSGSIZE.</summary>
    Do,

    /// <summary>
    /// Don't Fragment is set and ICMP's path MTU, which anybody can forge, is ignored (RFC 8899, 4.6.1): for those who probe for
    /// themselves.
    /// </summary>
    Probe,
}

/// <summary>How to open a UDP socket. The address family is that of <see cref="Local"/>.</summary>
/// <param name="Local">The address to bind, 0.0.0.0 or :: for any; port 0 lets the kernel choose.</param>
public sealed record UdpSocketOptions(Endpoint Local)
{
    /// <summary>
    /// The device that the socket's traffic leaves and comes in by (SO_BINDTODEVICE): only routes of this device are looked at,
    /// so a better default route elsewhere, or a tunnel route that covers the destination, does not catch it.
    /// </summary>
    public string? Device { get; init; }

    /// <summary>Bytes to ask for; above the system's limit only with CAP_NET_ADMIN, else as much as is allowed.</summary>
    public int ReceiveBuffer { get; init; } = 4 << 20;

    /// <summary>As <see cref="ReceiveBuffer"/>.</summary>
    public int SendBuffer { get; init; } = 4 << 20;

    /// <summary>Tell with each datagram which local address it was sent to, so that the answer can leave from there.</summary>
    public bool PacketInfo { get; init; }

    /// <summary>
    /// Let the kernel hand over datagrams of one flow together (UDP_GRO, kernel 5.0); off without error where it cannot.
    /// </summary>
    public bool ReceiveOffload { get; init; }

    /// <summary>
    /// Queue ICMP errors for <see cref="UdpSocket.TryReceiveError"/>. The socket then shows <see cref="EpollEvents.Error"/> until the
    /// queue is read. ICMP is not authenticated: good for a suspicion, never for a verdict.
    /// </summary>
    public bool ReceiveErrors { get; init; }

    public PathMtuMode PathMtu { get; init; }

    /// <summary>A firewall mark for policy routing (SO_MARK; needs CAP_NET_ADMIN); 0 for none.</summary>
    public uint Mark { get; init; }

    /// <summary>
    /// The only remote to talk to: the kernel drops datagrams from others, and sending needs no route look-up. The source address is
    /// fixed at this moment.
    /// </summary>
    public Endpoint? Remote { get; init; }
}
