using System.Runtime.InteropServices;
using JumpingVpn.Domain.Primitives;
using static JumpingVpn.Infrastructure.Linux.Netlink.NetlinkNumbers;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>
/// Links, addresses, routes and rules of one network namespace (that of the thread that opened it), by rtnetlink(7) and
/// without a helper process. Every change has happened when its method returns. One thread at a time.
/// </summary>
/// <remarks>
/// Addresses and routes on a TUN device vanish with it, so a crash leaves none behind. Rules do not: whoever adds one gives it the
/// priority and table that are its own, and at the next start removes what it finds there (<see cref="RemoveRule"/> says whether there
/// was one). Nothing in this program adds a rule by itself.
/// </remarks>
public sealed partial class RouteNetlink : IDisposable
{
    private const int RequestSize = 1024;
    private const string Capability = "CAP_NET_ADMIN";

    private readonly NetlinkSocket _socket = new();

    private RouteNetlink()
    {
    }

    public static RouteNetlink Open() => new();

    public void Dispose() => _socket.Dispose();

    /// <summary>Sets a link up or down.</summary>
    public void SetLinkUp(int interfaceIndex, bool up)
    {
        NetlinkWriter writer = Link(stackalloc byte[RequestSize], interfaceIndex, up ? IFF_UP : 0, IFF_UP);
        Demand($"set interface {interfaceIndex} {(up ? "up" : "down")}", writer);
    }

    /// <summary>Sets the largest IP packet of a link, in bytes.</summary>
    public void SetMtu(int interfaceIndex, int mtu)
    {
        NetlinkWriter writer = Link(stackalloc byte[RequestSize], interfaceIndex);
        writer.Add(IFLA_MTU, (uint)mtu);
        Demand($"set MTU {mtu} on interface {interfaceIndex}", writer);
    }

    /// <summary>
    /// Limits the segments that one unsegmented packet may stand for; false if the kernel (before 6.2) or the device refuses.
    /// </summary>
    public bool TrySetGsoMaxSegments(int interfaceIndex, int segments)
    {
        NetlinkWriter writer = Link(stackalloc byte[RequestSize], interfaceIndex);
        writer.Add(IFLA_GSO_MAX_SEGS, (uint)segments);
        return _socket.Request(writer).Errno == 0;
    }

    /// <summary>
    /// Keeps the kernel from giving the link a link-local IPv6 address (IN6_ADDR_GEN_MODE_NONE); false where there is no IPv6. Call it
    /// while the link is down.
    /// </summary>
    public bool TryDisableIPv6LinkLocal(int interfaceIndex)
    {
        NetlinkWriter writer = Link(stackalloc byte[RequestSize], interfaceIndex);
        int families = writer.Begin(IFLA_AF_SPEC | NLA_F_NESTED);
        int inet6 = writer.Begin(Libc.AF_INET6 | NLA_F_NESTED);
        writer.Add(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        writer.End(inet6);
        writer.End(families);
        return _socket.Request(writer).Errno == 0;
    }

    /// <summary>
    /// Adds an address, or changes the one that is there. An IPv6 address skips duplicate detection and works a moment later.
    /// </summary>
    public void ReplaceAddress(int interfaceIndex, IpPrefix address)
    {
        NetlinkWriter writer = Address(stackalloc byte[RequestSize], RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, interfaceIndex, address);
        Demand($"add address {address} to interface {interfaceIndex}", writer);
    }

    /// <summary>Removes an address; false if it was not there.</summary>
    public bool RemoveAddress(int interfaceIndex, IpPrefix address)
    {
        NetlinkWriter writer = Address(stackalloc byte[RequestSize], RTM_DELADDR, 0, interfaceIndex, address);
        return Remove($"remove address {address} from interface {interfaceIndex}", writer, Libc.EADDRNOTAVAIL);
    }

    /// <summary>Adds a route; fails with EEXIST if one with the same destination and metric is there.</summary>
    public void AddRoute(RouteSpec route)
    {
        NetlinkWriter writer = Route(stackalloc byte[RequestSize], RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
        Demand($"add route {route}", writer);
    }

    /// <summary>Adds a route in place of any with the same destination, metric and table, whatever its device.</summary>
    public void ReplaceRoute(RouteSpec route)
    {
        NetlinkWriter writer = Route(stackalloc byte[RequestSize], RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
        Demand($"set route {route}", writer);
    }

    /// <summary>Removes a route; false if it was not there.</summary>
    public bool RemoveRoute(RouteSpec route)
    {
        NetlinkWriter writer = Route(stackalloc byte[RequestSize], RTM_DELROUTE, 0, route);
        return Remove($"remove route {route}", writer, Libc.ESRCH);
    }

    /// <summary>Adds a policy rule; fails with EEXIST if it is there.</summary>
    public void AddRule(RuleSpec rule)
    {
        NetlinkWriter writer = Rule(stackalloc byte[RequestSize], RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
        Demand($"add rule {rule.Priority}", writer);
    }

    /// <summary>Removes a policy rule; false if it was not there.</summary>
    public bool RemoveRule(RuleSpec rule)
    {
        NetlinkWriter writer = Rule(stackalloc byte[RequestSize], RTM_DELRULE, 0, rule);
        return Remove($"remove rule {rule.Priority}", writer, Libc.ENOENT);
    }

    /// <summary>Removes a link, and with it its addresses and routes; false if it was not there.</summary>
    public bool RemoveLink(int interfaceIndex)
    {
        var writer = new NetlinkWriter(stackalloc byte[RequestSize], RTM_DELLINK, 0);
        MemoryMarshal.Write(writer.Header(16)[4..], interfaceIndex);
        return Remove($"remove interface {interfaceIndex}", writer, Libc.ENODEV);
    }

    /// <summary>Makes a pair of virtual Ethernet links (veth(4)), each end in the network namespace that the descriptor names.</summary>
    public void AddVeth(string name, int namespaceDescriptor, string peerName, int peerNamespaceDescriptor)
    {
        var writer = new NetlinkWriter(stackalloc byte[RequestSize], RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
        _ = writer.Header(16);
        writer.Add(IFLA_IFNAME, name);
        writer.Add(IFLA_NET_NS_FD, (uint)namespaceDescriptor);
        int info = writer.Begin(IFLA_LINKINFO | NLA_F_NESTED);
        writer.Add(IFLA_INFO_KIND, "veth");
        int data = writer.Begin(IFLA_INFO_DATA | NLA_F_NESTED);
        int peer = writer.Begin(VETH_INFO_PEER | NLA_F_NESTED);
        _ = writer.Header(16);
        writer.Add(IFLA_IFNAME, peerName);
        writer.Add(IFLA_NET_NS_FD, (uint)peerNamespaceDescriptor);
        writer.End(peer);
        writer.End(data);
        writer.End(info);
        Demand($"make the veth pair {name} and {peerName}", writer);
    }

    private static NetlinkWriter Link(Span<byte> buffer, int interfaceIndex, uint flags = 0, uint change = 0)
    {
        var writer = new NetlinkWriter(buffer, RTM_NEWLINK, 0);
        Span<byte> header = writer.Header(16);
        MemoryMarshal.Write(header[4..], interfaceIndex);
        MemoryMarshal.Write(header[8..], flags);
        MemoryMarshal.Write(header[12..], change);
        return writer;
    }

    private static NetlinkWriter Address(Span<byte> buffer, ushort type, ushort flags, int interfaceIndex, in IpPrefix address)
    {
        var writer = new NetlinkWriter(buffer, type, flags);
        Span<byte> header = writer.Header(8);
        header[0] = Family(address.IsIPv4);
        header[1] = address.Length;
        header[2] = (byte)(address.IsIPv4 ? 0 : IFA_F_NODAD);
        MemoryMarshal.Write(header[4..], interfaceIndex);
        writer.Add(IFA_LOCAL, address);
        writer.Add(IFA_ADDRESS, address);
        return writer;
    }

    private static NetlinkWriter Route(Span<byte> buffer, ushort type, ushort flags, RouteSpec route)
    {
        bool isIPv4 = route.Destination.IsIPv4;
        bool adding = type == RTM_NEWROUTE;
        var writer = new NetlinkWriter(buffer, type, flags);
        Span<byte> header = writer.Header(12);
        header[0] = Family(isIPv4);
        header[1] = route.Destination.Length;
        header[4] = (byte)(route.Table < 256 ? route.Table : 0);
        header[5] = adding ? route.Protocol : (byte)0;
        // RT_SCOPE_NOWHERE on removal matches any scope.
        header[6] = !adding ? (byte)255 : isIPv4 && route.Gateway is null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
        header[7] = adding ? RTN_UNICAST : (byte)0;
        if (route.Destination.Length > 0) writer.Add(RTA_DST, route.Destination.Network);
        writer.Add(RTA_OIF, (uint)route.InterfaceIndex);
        writer.Add(RTA_TABLE, route.Table);
        if (route.Metric != 0) writer.Add(RTA_PRIORITY, route.Metric);
        if (route.Gateway is { } gateway) writer.Add(RTA_GATEWAY, gateway, isIPv4);
        if (route.PreferredSource is { } source) writer.Add(RTA_PREFSRC, source, isIPv4);
        return writer;
    }

    private static NetlinkWriter Rule(Span<byte> buffer, ushort type, ushort flags, RuleSpec rule)
    {
        var writer = new NetlinkWriter(buffer, type, flags);
        Span<byte> header = writer.Header(12);
        header[0] = Family(rule.IsIPv4);
        header[4] = (byte)(rule.Table < 256 ? rule.Table : 0);
        header[7] = FR_ACT_TO_TBL;
        MemoryMarshal.Write(header[8..], rule.Invert ? FIB_RULE_INVERT : 0);
        writer.Add(FRA_PRIORITY, rule.Priority);
        writer.Add(FRA_TABLE, rule.Table);
        writer.Add(FRA_FWMARK, rule.Mark);
        writer.Add(FRA_FWMASK, uint.MaxValue);
        return writer;
    }

    private static byte Family(bool isIPv4) => (byte)(isIPv4 ? Libc.AF_INET : Libc.AF_INET6);

    private void Demand(string what, scoped NetlinkWriter writer)
    {
        (int errno, string? text) = _socket.Request(writer);
        if (errno != 0) throw LinuxException.For(text is null ? what : $"{what} ({text})", errno, Capability);
    }

    private bool Remove(string what, scoped NetlinkWriter writer, int absent)
    {
        (int errno, string? text) = _socket.Request(writer);
        if (errno == 0) return true;
        if (errno == absent || errno == Libc.ENODEV) return false;
        throw LinuxException.For(text is null ? what : $"{what} ({text})", errno, Capability);
    }
}
