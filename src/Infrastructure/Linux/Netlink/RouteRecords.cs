using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>An interface as the kernel describes it.</summary>
/// <param name="Index">Unique in its network namespace while the interface exists.</param>
/// <param name="Name">At most 15 bytes.</param>
/// <param name="Flags">IFF_ flags (netdevice(7)).</param>
/// <param name="Mtu">Bytes of an IP packet.</param>
/// <param name="Kind">"veth", "tun" and so on; empty for real hardware and loopback.</param>
public sealed record LinkRecord(int Index, string Name, uint Flags, int Mtu, string Kind)
{
    /// <summary>Set up by the administrator.</summary>
    public bool IsUp => (Flags & NetlinkNumbers.IFF_UP) != 0;

    /// <summary>The other end is there: a carrier, and operational (IFF_LOWER_UP and IFF_RUNNING).</summary>
    public bool HasCarrier => (Flags & NetlinkNumbers.IFF_LOWER_UP) != 0 && (Flags & NetlinkNumbers.IFF_RUNNING) != 0;

    public bool IsLoopback => (Flags & NetlinkNumbers.IFF_LOOPBACK) != 0;
}

/// <summary>An address of an interface.</summary>
/// <param name="InterfaceIndex">Whose it is.</param>
/// <param name="Prefix">The address with its on-link prefix length.</param>
/// <param name="Scope">RT_SCOPE_: 0 global, 253 link, 254 host.</param>
/// <param name="Flags">IFA_F_ flags.</param>
public sealed record AddressRecord(int InterfaceIndex, IpPrefix Prefix, byte Scope, uint Flags)
{
    /// <summary>
    /// Known to be this host's alone: duplicate address detection (RFC 4862, 5.4) is over, or optimistic, and did not fail.
    /// </summary>
    public bool IsReady => (Flags & NetlinkNumbers.IFA_F_DADFAILED) == 0
        && ((Flags & NetlinkNumbers.IFA_F_TENTATIVE) == 0 || (Flags & NetlinkNumbers.IFA_F_OPTIMISTIC) != 0);
}

/// <summary>A unicast route; a route over several next hops is one record for each.</summary>
/// <param name="Destination">/0 for a default route.</param>
/// <param name="InterfaceIndex">The device it leaves by; 0 if it names none.</param>
/// <param name="Gateway">The next hop, or null if the destination is on the link.</param>
/// <param name="Metric">Lower is better; IPv6 has 1024 where none was given.</param>
/// <param name="Table">254 is the main table.</param>
/// <param name="PreferredSource">The source address it prescribes, or null.</param>
/// <param name="Protocol">Who made it: 2 the kernel, 3 boot, 4 static, 9 router advertisement, 16 DHCP.</param>
public sealed record RouteRecord(
    IpPrefix Destination, int InterfaceIndex, UInt128? Gateway, uint Metric, uint Table, UInt128? PreferredSource, byte Protocol);

/// <summary>One message of the kernel about links, addresses or routes.</summary>
public abstract record RouteMessage
{
    private RouteMessage()
    {
    }

    /// <summary>A link is new or has changed.</summary>
    public sealed record LinkChanged(LinkRecord Link) : RouteMessage;

    public sealed record LinkRemoved(LinkRecord Link) : RouteMessage;

    /// <summary>An address is new or has changed.</summary>
    public sealed record AddressChanged(AddressRecord Address) : RouteMessage;

    public sealed record AddressRemoved(AddressRecord Address) : RouteMessage;

    public sealed record RouteAdded(ImmutableArray<RouteRecord> Routes) : RouteMessage;

    public sealed record RouteRemoved(ImmutableArray<RouteRecord> Routes) : RouteMessage;

    /// <summary>Well-formed and of no interest: another type or family, a route that is not unicast, a cached one.</summary>
    public sealed record Other(ushort Type) : RouteMessage;

    /// <summary>Not what its type says it is.</summary>
    public sealed record Malformed(string Reason) : RouteMessage;
}
