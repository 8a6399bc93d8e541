using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using JumpingVpn.Domain.Primitives;
using static JumpingVpn.Infrastructure.Linux.Netlink.NetlinkNumbers;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>
/// Reads rtnetlink(7) messages. Total: any bytes give a message, <see cref="RouteMessage.Other"/> or
/// <see cref="RouteMessage.Malformed"/>; nothing is read outside the message and nothing is kept but what its records hold.
/// </summary>
internal static class RouteMessageReader
{
    /// <summary>sizeof(struct ifinfomsg).</summary>
    private const int LinkHeader = 16;

    /// <summary>sizeof(struct ifaddrmsg).</summary>
    private const int AddressHeader = 8;

    /// <summary>sizeof(struct rtmsg).</summary>
    private const int RouteHeader = 12;

    /// <summary>sizeof(struct rtnexthop).</summary>
    private const int NextHopHeader = 8;

    /// <summary>More next hops than this in one route are not looked at.</summary>
    private const int MaxNextHops = 64;

    public static RouteMessage Read(in NetlinkMessage message) => message.Type switch
    {
        RTM_NEWLINK or RTM_DELLINK => ReadLink(message),
        RTM_NEWADDR or RTM_DELADDR => ReadAddress(message),
        RTM_NEWROUTE or RTM_DELROUTE => ReadRoute(message),
        _ => new RouteMessage.Other(message.Type),
    };

    private static RouteMessage ReadLink(in NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < LinkHeader) return new RouteMessage.Malformed("link: shorter than its header");
        // Bridge ports are told about under AF_BRIDGE too; only AF_UNSPEC speaks of the link itself.
        if (body[0] != Libc.AF_UNSPEC) return new RouteMessage.Other(message.Type);
        int index = MemoryMarshal.Read<int>(body[4..]);
        if (index <= 0) return new RouteMessage.Malformed("link: no index");
        string name = "", kind = "";
        int mtu = 0;
        var attributes = new NetlinkAttributes(body[LinkHeader..]);
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            switch (type)
            {
                case IFLA_IFNAME:
                    name = ReadString(value, TunDevice.MaxNameLength);
                    break;
                case IFLA_MTU when value.Length >= sizeof(int):
                    mtu = Math.Max(0, MemoryMarshal.Read<int>(value));
                    break;
                case IFLA_LINKINFO:
                    kind = ReadKind(value);
                    break;
                default:
                    break;
            }
        }
        if (attributes.Malformed) return new RouteMessage.Malformed("link: attributes");
        var link = new LinkRecord(index, name, MemoryMarshal.Read<uint>(body[8..]), mtu, kind);
        if (message.Type == RTM_DELLINK) return new RouteMessage.LinkRemoved(link);
        return name.Length == 0 ? new RouteMessage.Malformed("link: no name") : new RouteMessage.LinkChanged(link);
    }

    private static RouteMessage ReadAddress(in NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < AddressHeader) return new RouteMessage.Malformed("address: shorter than its header");
        if (!IsInternet(body[0])) return new RouteMessage.Other(message.Type);
        bool isIPv4 = body[0] == Libc.AF_INET;
        uint flags = body[2];
        int index = MemoryMarshal.Read<int>(body[4..]);
        UInt128? local = null, address = null;
        var attributes = new NetlinkAttributes(body[AddressHeader..]);
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            switch (type)
            {
                case IFA_LOCAL:
                    local = ReadAddress(value, isIPv4);
                    break;
                case IFA_ADDRESS:
                    address = ReadAddress(value, isIPv4);
                    break;
                case IFA_FLAGS when value.Length >= sizeof(uint):
                    flags = MemoryMarshal.Read<uint>(value);
                    break;
                default:
                    break;
            }
        }
        if (attributes.Malformed) return new RouteMessage.Malformed("address: attributes");
        if (index <= 0) return new RouteMessage.Malformed("address: no interface");
        if (body[1] > MaxPrefix(isIPv4)) return new RouteMessage.Malformed("address: prefix length");
        // On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL this one.
        if ((local ?? address) is not { } own) return new RouteMessage.Malformed("address: no address");
        var record = new AddressRecord(index, new(own, body[1], isIPv4), body[3], flags);
        return message.Type == RTM_DELADDR ? new RouteMessage.AddressRemoved(record) : new RouteMessage.AddressChanged(record);
    }

    private static RouteMessage ReadRoute(in NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < RouteHeader) return new RouteMessage.Malformed("route: shorter than its header");
        uint flags = MemoryMarshal.Read<uint>(body[8..]);
        if (!IsInternet(body[0]) || body[7] != RTN_UNICAST || (flags & RTM_F_CLONED) != 0) return new RouteMessage.Other(message.Type);
        bool isIPv4 = body[0] == Libc.AF_INET;
        if (body[1] > MaxPrefix(isIPv4)) return new RouteMessage.Malformed("route: prefix length");
        UInt128 destination = isIPv4 ? Endpoint.FromIPv4(0, 0).Address : UInt128.Zero;
        UInt128? gateway = null, source = null;
        uint metric = 0, table = body[4];
        int index = 0;
        ReadOnlySpan<byte> multipath = default;
        var attributes = new NetlinkAttributes(body[RouteHeader..]);
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            switch (type)
            {
                case RTA_DST when ReadAddress(value, isIPv4) is { } to:
                    destination = to;
                    break;
                case RTA_DST:
                    return new RouteMessage.Malformed("route: destination");
                case RTA_GATEWAY:
                    gateway = ReadAddress(value, isIPv4);
                    break;
                case RTA_PREFSRC:
                    source = ReadAddress(value, isIPv4);
                    break;
                case RTA_OIF when value.Length >= sizeof(int):
                    index = MemoryMarshal.Read<int>(value);
                    break;
                case RTA_PRIORITY when value.Length >= sizeof(uint):
                    metric = MemoryMarshal.Read<uint>(value);
                    break;
                case RTA_TABLE when value.Length >= sizeof(uint):
                    table = MemoryMarshal.Read<uint>(value);
                    break;
                case RTA_MULTIPATH:
                    multipath = value;
                    break;
                default:
                    break;
            }
        }
        if (attributes.Malformed) return new RouteMessage.Malformed("route: attributes");
        var route = new RouteRecord(new(destination, body[1], isIPv4), index, gateway, metric, table, source, body[5]);
        ImmutableArray<RouteRecord> routes = multipath.IsEmpty ? [route] : ReadNextHops(multipath, route);
        return message.Type == RTM_DELROUTE ? new RouteMessage.RouteRemoved(routes) : new RouteMessage.RouteAdded(routes);
    }

    private static ImmutableArray<RouteRecord> ReadNextHops(ReadOnlySpan<byte> bytes, RouteRecord route)
    {
        var routes = ImmutableArray.CreateBuilder<RouteRecord>();
        while (bytes.Length >= NextHopHeader && routes.Count < MaxNextHops)
        {
            int length = MemoryMarshal.Read<ushort>(bytes);
            if (length < NextHopHeader || length > bytes.Length) break;
            UInt128? gateway = null;
            var attributes = new NetlinkAttributes(bytes[NextHopHeader..length]);
            while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
            {
                if (type == RTA_GATEWAY) gateway = ReadAddress(value, route.Destination.IsIPv4);
            }
            routes.Add(route with { InterfaceIndex = MemoryMarshal.Read<int>(bytes[4..]), Gateway = gateway });
            bytes = bytes[Math.Min(NetlinkAttributes.Align(length), bytes.Length)..];
        }
        return routes.ToImmutable();
    }

    private static bool IsInternet(byte family) => family is Libc.AF_INET or Libc.AF_INET6;

    private static int MaxPrefix(bool isIPv4) => isIPv4 ? 32 : 128;

    private static UInt128? ReadAddress(ReadOnlySpan<byte> value, bool isIPv4) => (isIPv4, value.Length) switch
    {
        (true, 4) => Endpoint.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(value), 0).Address,
        (false, 16) => BinaryPrimitives.ReadUInt128BigEndian(value),
        _ => null,
    };

    private static string ReadKind(ReadOnlySpan<byte> linkInfo)
    {
        var attributes = new NetlinkAttributes(linkInfo);
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            if (type == IFLA_INFO_KIND) return ReadString(value, TunDevice.MaxNameLength);
        }
        return "";
    }

    private static string ReadString(ReadOnlySpan<byte> value, int limit)
    {
        int end = value.IndexOf((byte)0);
        ReadOnlySpan<byte> text = end < 0 ? value : value[..end];
        return Encoding.UTF8.GetString(text[..Math.Min(text.Length, limit)]);
    }
}
