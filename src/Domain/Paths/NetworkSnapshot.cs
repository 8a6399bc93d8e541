using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Paths;

/// <summary>A network interface of this host.</summary>
/// <param name="Index">The kernel's number for it, above 0; not used again while the interface exists.</param>
/// <param name="Name">Unique among the interfaces that exist.</param>
/// <param name="IsUp">Set up by the administrator.</param>
/// <param name="HasCarrier">The other end is there.</param>
/// <param name="IsLoopback">The host talking to itself.</param>
/// <param name="Mtu">Bytes of an IP packet.</param>
public sealed record NetworkLink(int Index, string Name, bool IsUp, bool HasCarrier, bool IsLoopback, int Mtu)
{
    /// <summary>True if packets can pass.</summary>
    public bool IsOperational => IsUp && HasCarrier;
}

/// <summary>An address of an interface.</summary>
/// <param name="InterfaceIndex">Whose it is.</param>
/// <param name="Prefix">The address, with the length of the prefix that is on the link.</param>
/// <param name="IsWide">The kernel's scope for it reaches beyond the link.</param>
/// <param name="IsReady">Not still being checked for duplicates, and no duplicate (RFC 4862, 5.4).</param>
public sealed record LinkAddress(int InterfaceIndex, IpPrefix Prefix, bool IsWide, bool IsReady)
{
    /// <summary>True if it can be the source of packets to the world: wide in scope, and neither loopback nor link-local.</summary>
    public bool IsGlobal => IsWide && !IsLocalByNature(Prefix.Address);

    internal bool IsSame(LinkAddress other) => InterfaceIndex == other.InterfaceIndex && Prefix == other.Prefix;

    /// <summary>Unspecified, loopback, link-local and multicast addresses of both families (RFC 6890).</summary>
    private static bool IsLocalByNature(UInt128 address)
    {
        if (address >> 32 == 0xFFFF)
        {
            uint four = (uint)address;
            return four == 0 || four >> 24 == 127 || four >> 16 == 0xA9FE || four >> 28 == 0xE;
        }
        return address <= UInt128.One || address >> 118 == 0xFE80 >> 6 || address >> 120 == 0xFF;
    }
}

/// <summary>A way out to everywhere, from the main routing table.</summary>
/// <param name="InterfaceIndex">The device it leaves by.</param>
/// <param name="IsIPv4">The family it is for.</param>
/// <param name="Metric">Lower is better.</param>
/// <param name="Gateway">The next hop; 0 if everything is on the link.</param>
public sealed record DefaultRoute(int InterfaceIndex, bool IsIPv4, uint Metric, UInt128 Gateway);

/// <summary>
/// What is known of the host's network at one moment. A value: applying a message gives another snapshot. As large as the host's own
/// tables of interfaces, addresses and default routes.
/// </summary>
/// <param name="Links">By interface index.</param>
/// <param name="Addresses">In no order that means anything.</param>
/// <param name="DefaultRoutes">In no order that means anything.</param>
public sealed record NetworkSnapshot(
    ImmutableSortedDictionary<int, NetworkLink> Links,
    ImmutableArray<LinkAddress> Addresses,
    ImmutableArray<DefaultRoute> DefaultRoutes)
{
    public static readonly NetworkSnapshot Empty = new(ImmutableSortedDictionary<int, NetworkLink>.Empty, [], []);

    public static NetworkSnapshot Of(
        IEnumerable<NetworkLink> links, IEnumerable<LinkAddress> addresses, IEnumerable<DefaultRoute> routes) =>
        new(links.ToImmutableSortedDictionary(link => link.Index, link => link), [.. addresses], [.. routes]);

    /// <summary>
    /// A link is new or has changed. One that went down has lost its default routes: Linux removes them, IPv4's in silence.
    /// </summary>
    public NetworkSnapshot With(NetworkLink link) => this with
    {
        Links = Links.SetItem(link.Index, link),
        DefaultRoutes = link.IsUp ? DefaultRoutes : DefaultRoutes.RemoveAll(route => route.InterfaceIndex == link.Index),
    };

    /// <summary>A link is gone, with its addresses and routes.</summary>
    public NetworkSnapshot WithoutLink(int index) => new(
        Links.Remove(index),
        Addresses.RemoveAll(address => address.InterfaceIndex == index),
        DefaultRoutes.RemoveAll(route => route.InterfaceIndex == index));

    /// <summary>An address is new or has changed.</summary>
    public NetworkSnapshot With(LinkAddress address) => this with { Addresses = Addresses.RemoveAll(address.IsSame).Add(address) };

    /// <summary>An address is gone.</summary>
    public NetworkSnapshot Without(LinkAddress address) => this with { Addresses = Addresses.RemoveAll(address.IsSame) };

    /// <summary>The default routes were read anew.</summary>
    public NetworkSnapshot WithDefaultRoutes(IEnumerable<DefaultRoute> routes) => this with { DefaultRoutes = [.. routes] };

    /// <summary>
    /// What became different since <paramref name="earlier"/>: first what was lost, then what changed, then what was gained. Empty if
    /// nothing did.
    /// </summary>
    public ImmutableArray<LinkEvent> ChangesSince(NetworkSnapshot earlier)
    {
        var events = ImmutableArray.CreateBuilder<LinkEvent>();
        events.AddRange(earlier.DefaultRoutes.Except(DefaultRoutes).Select(route => new LinkEvent.DefaultRouteRemoved(route)));
        events.AddRange(earlier.Addresses.Except(Addresses).Where(IsGone).Select(address => new LinkEvent.AddressRemoved(address)));
        events.AddRange(earlier.Links.Values.Where(link => !Links.ContainsKey(link.Index)).Select(link => new LinkEvent.LinkRemoved(link)));
        foreach (NetworkLink link in Links.Values)
        {
            if (!earlier.Links.TryGetValue(link.Index, out NetworkLink? before)) events.Add(new LinkEvent.LinkAdded(link));
            else if (before != link) events.Add(new LinkEvent.LinkChanged(before, link));
        }
        events.AddRange(Addresses.Except(earlier.Addresses).Select(address => new LinkEvent.AddressAdded(address)));
        events.AddRange(DefaultRoutes.Except(earlier.DefaultRoutes).Select(route => new LinkEvent.DefaultRouteAdded(route)));
        return events.ToImmutable();

        bool IsGone(LinkAddress address) => !Addresses.Any(address.IsSame);
    }
}
