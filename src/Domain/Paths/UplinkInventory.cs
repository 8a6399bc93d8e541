using System.Collections.Immutable;

namespace JumpingVpn.Domain.Paths;

/// <summary>Which interfaces the client may use.</summary>
/// <param name="Configured">Their names, best first; empty for `auto`, every interface with a default route.</param>
/// <param name="Excluded">Names that are never used: the client's own tunnel, through which its packets must not go.</param>
public sealed record UplinkPolicy(ImmutableArray<string> Configured, ImmutableArray<string> Excluded)
{
    public bool IsAuto => Configured.IsEmpty;
}

/// <summary>Decides, from a snapshot of the host's network, which uplinks can be used now.</summary>
public static class UplinkInventory
{
    /// <summary>
    /// The usable uplinks, best first: up, with carrier, with a ready global address. With `auto` it also needs a default route, only
    /// addresses of a family that has one count, and the lowest metric comes first: IPv4's, then IPv6's, then the lower interface
    /// index. With a list its order holds, and a default route is not asked for, since policy routing may keep it in another table.
    /// </summary>
    public static ImmutableArray<Uplink> Select(NetworkSnapshot network, UplinkPolicy policy)
    {
        IEnumerable<NetworkLink> candidates = network.Links.Values
            .Where(link => link.IsOperational && !link.IsLoopback && !policy.Excluded.Contains(link.Name));
        IEnumerable<Uplink> uplinks = policy.IsAuto
            ? candidates
                .Select(link => (Link: link, Four: BestMetric(network, link, true), Six: BestMetric(network, link, false)))
                .OrderBy(entry => entry.Four ?? long.MaxValue)
                .ThenBy(entry => entry.Six ?? long.MaxValue)
                .ThenBy(entry => entry.Link.Index)
                .Select(entry => Describe(network, entry.Link, entry.Four is not null, entry.Six is not null))
            : candidates
                .Where(link => policy.Configured.Contains(link.Name))
                .OrderBy(link => policy.Configured.IndexOf(link.Name))
                .Select(link => Describe(network, link, true, true));
        return [.. uplinks.Where(uplink => !uplink.Addresses.IsEmpty)];
    }

    private static long? BestMetric(NetworkSnapshot network, NetworkLink link, bool isIPv4) => network.DefaultRoutes
        .Where(route => route.InterfaceIndex == link.Index && route.IsIPv4 == isIPv4)
        .Min(route => (long?)route.Metric);

    private static Uplink Describe(NetworkSnapshot network, NetworkLink link, bool four, bool six) => new(
        link.Name,
        link.Index,
        [.. network.Addresses
            .Where(address => address.InterfaceIndex == link.Index && address is { IsGlobal: true, IsReady: true })
            .Where(address => address.Prefix.IsIPv4 ? four : six)
            .Select(address => address.Prefix.Address)
            .Distinct()
            .Order()]);
}
