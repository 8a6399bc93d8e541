using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux.Netlink;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// The addresses, routes and MTU of a tunnel's device. <see cref="Apply"/> takes what is wanted and changes what differs;
/// what is taken out again is only what it put in. All of it lives on the device, so it also vanishes with a crash. One thread at a
/// time, in the device's network namespace.
/// </summary>
public sealed class TunnelNetwork : IDisposable
{
    /// <summary>The protocol number that marks this program's routes in `ip route` (RTPROT_STATIC, as an administrator's).</summary>
    private const byte StaticProtocol = 4;

    private readonly TunDevice _device;
    private readonly RouteNetlink _netlink = RouteNetlink.Open();
    private readonly HashSet<IpPrefix> _addresses = [];
    private readonly HashSet<IpPrefix> _routes = [];

    public TunnelNetwork(TunDevice device) => _device = device;

    /// <summary>Brings the device up with exactly these addresses and routes of ours; what is right already is not touched.</summary>
    /// <param name="addresses">The tunnel addresses, with the prefix that is reached through the tunnel: 10.77.0.1/24.</param>
    /// <param name="routes">Further prefixes to send into the tunnel.</param>
    /// <param name="mtu">Bytes of an inner packet; below 1280 Linux takes IPv6 off the device.</param>
    /// <exception cref="LinuxException">An address or route is refused, as when another device has the same route; the rest stays as it
    /// was.</exception>
    public void Apply(IReadOnlyCollection<IpPrefix> addresses, IReadOnlyCollection<IpPrefix> routes, int mtu)
    {
        _netlink.SetMtu(_device.InterfaceIndex, mtu);
        _netlink.SetLinkUp(_device.InterfaceIndex, true);
        ApplyAddresses(addresses);
        ApplyRoutes([.. routes.Select(route => route.Network)]);
    }

    /// <summary>Takes out what was put in, and leaves the device.</summary>
    public void Dispose()
    {
        try
        {
            foreach (IpPrefix route in _routes) _ = _netlink.RemoveRoute(Spec(route));
            foreach (IpPrefix address in _addresses) _ = _netlink.RemoveAddress(_device.InterfaceIndex, address);
        }
        catch (LinuxException)
        {
            // The device has gone before, and with it all there was to remove.
        }
        _netlink.Dispose();
    }

    private void ApplyAddresses(IReadOnlyCollection<IpPrefix> wanted)
    {
        HashSet<IpPrefix> present = [.. _netlink.Addresses()
            .Where(address => address.InterfaceIndex == _device.InterfaceIndex)
            .Select(address => address.Prefix)];
        foreach (IpPrefix address in wanted.Where(address => !present.Contains(address)))
        {
            _netlink.ReplaceAddress(_device.InterfaceIndex, address);
            _ = _addresses.Add(address);
        }
        foreach (IpPrefix address in _addresses.Except(wanted).ToList())
        {
            _ = _netlink.RemoveAddress(_device.InterfaceIndex, address);
            _ = _addresses.Remove(address);
        }
    }

    private void ApplyRoutes(IReadOnlyCollection<IpPrefix> wanted)
    {
        HashSet<IpPrefix> present = [.. _netlink.Routes()
            .Where(route => route.InterfaceIndex == _device.InterfaceIndex && route.Table == NetlinkNumbers.RT_TABLE_MAIN)
            .Select(route => route.Destination)];
        foreach (IpPrefix route in wanted.Where(route => !present.Contains(route)))
        {
            AddRoute(route);
            _ = _routes.Add(route);
        }
        foreach (IpPrefix route in _routes.Except(wanted).ToList())
        {
            _ = _netlink.RemoveRoute(Spec(route));
            _ = _routes.Remove(route);
        }
    }

    private void AddRoute(IpPrefix route)
    {
        try
        {
            _netlink.AddRoute(Spec(route));
        }
        catch (LinuxException e) when (e.Errno == Libc.EEXIST)
        {
            const string Remedy = "another device has this route with the same metric";
            throw new LinuxException($"route {route} into {_device.Name}", Libc.EEXIST, Remedy);
        }
    }

    private RouteSpec Spec(IpPrefix route) => new(route, _device.InterfaceIndex) { Protocol = StaticProtocol };
}
