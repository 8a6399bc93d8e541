using System.Collections.Immutable;
using System.Runtime.InteropServices;
using static JumpingVpn.Infrastructure.Linux.Netlink.NetlinkNumbers;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

// Reading what is there.
public sealed partial class RouteNetlink
{
    /// <summary>All links.</summary>
    public ImmutableArray<LinkRecord> Links()
    {
        var writer = new NetlinkWriter(stackalloc byte[RequestSize], RTM_GETLINK, 0);
        _ = writer.Header(16);
        writer.Add(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        return Collect<LinkRecord>("list links", writer, (message, list) =>
        {
            if (message is RouteMessage.LinkChanged(var link)) list.Add(link);
        });
    }

    /// <summary>The link of this name, or null.</summary>
    public LinkRecord? FindLink(string name) => Links().FirstOrDefault(link => link.Name == name);

    /// <summary>All IPv4 and IPv6 addresses.</summary>
    public ImmutableArray<AddressRecord> Addresses()
    {
        var writer = new NetlinkWriter(stackalloc byte[RequestSize], RTM_GETADDR, 0);
        _ = writer.Header(8);
        return Collect<AddressRecord>("list addresses", writer, (message, list) =>
        {
            if (message is RouteMessage.AddressChanged(var address)) list.Add(address);
        });
    }

    /// <summary>All unicast routes of all tables, both families.</summary>
    public ImmutableArray<RouteRecord> Routes() => Routes(_ => true);

    /// <summary>The default routes of the main table, both families.</summary>
    public ImmutableArray<RouteRecord> DefaultRoutes() => Routes(IsMainDefault);

    internal static bool IsMainDefault(RouteRecord route) =>
        route.Destination.Length == 0 && route.Table == RT_TABLE_MAIN && route.InterfaceIndex > 0;

    private ImmutableArray<RouteRecord> Routes(Func<RouteRecord, bool> wanted)
    {
        var writer = new NetlinkWriter(stackalloc byte[RequestSize], RTM_GETROUTE, 0);
        _ = writer.Header(12);
        return Collect<RouteRecord>("list routes", writer, (message, list) =>
        {
            if (message is RouteMessage.RouteAdded(var routes)) list.AddRange(routes.Where(wanted));
        });
    }

    private ImmutableArray<T> Collect<T>(string what, scoped NetlinkWriter writer, Action<RouteMessage, List<T>> take)
    {
        var list = new List<T>();
        _socket.Dump(what, writer, list.Clear, (in message) => take(RouteMessageReader.Read(message), list));
        return [.. list];
    }
}
