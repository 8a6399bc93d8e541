using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Netlink;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

public sealed class RouteNetlinkTests
{
    [PrivilegedFact]
    public void Addresses_are_added_once_listed_and_removed()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            foreach (IpPrefix address in new[] { Prefix("10.77.0.1/24"), Prefix("fd77::1/64") })
            {
                netlink.ReplaceAddress(device.InterfaceIndex, address);
                netlink.ReplaceAddress(device.InterfaceIndex, address);
                AddressRecord found = Assert.Single(
                    netlink.Addresses(), a => a.InterfaceIndex == device.InterfaceIndex && a.Prefix == address);
                Assert.True(found.IsReady);
                Assert.True(netlink.RemoveAddress(device.InterfaceIndex, address));
                Assert.False(netlink.RemoveAddress(device.InterfaceIndex, address));
            }
        });
    }

    [PrivilegedFact]
    public void Routes_carry_metric_table_gateway_and_source()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            netlink.ReplaceAddress(device.InterfaceIndex, Prefix("10.77.0.2/24"));
            netlink.ReplaceAddress(device.InterfaceIndex, Prefix("fd77::2/64"));
            var four = new RouteSpec(Prefix("10.80.1.7/16"), device.InterfaceIndex)
            {
                Metric = 50,
                Table = 1000,
                Gateway = Address("10.77.0.1"),
                PreferredSource = Address("10.77.0.2"),
            };
            netlink.AddRoute(four);
            RouteRecord found = Assert.Single(netlink.Routes(), route => route.Table == 1000);
            Assert.Equal(
                new RouteRecord(Prefix("10.80.0.0/16"), device.InterfaceIndex, four.Gateway, 50, 1000, four.PreferredSource, 4), found);
            Assert.Equal(Libc.EEXIST, Assert.Throws<LinuxException>(() => netlink.AddRoute(four)).Errno);
            Assert.True(netlink.RemoveRoute(four));
            Assert.False(netlink.RemoveRoute(four));

            var six = new RouteSpec(Prefix("fd80::/16"), device.InterfaceIndex);
            netlink.AddRoute(six);
            Assert.Single(netlink.Routes(), route => route.Destination == Prefix("fd80::/16"));
            Assert.True(netlink.RemoveRoute(six));
        });
    }

    [PrivilegedFact]
    public void A_route_can_be_replaced_and_default_routes_are_told_apart()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            netlink.ReplaceAddress(device.InterfaceIndex, Prefix("10.77.0.2/24"));
            netlink.ReplaceRoute(new(Prefix("0.0.0.0/0"), device.InterfaceIndex) { Gateway = Address("10.77.0.1"), Metric = 100 });
            netlink.ReplaceRoute(new(Prefix("0.0.0.0/0"), device.InterfaceIndex) { Gateway = Address("10.77.0.9"), Metric = 100 });
            netlink.AddRoute(new(Prefix("::/0"), device.InterfaceIndex) { Metric = 7 });
            Assert.Equal(
                [(true, Address("10.77.0.9"), 100u), (false, UInt128.Zero, 7u)],
                netlink.DefaultRoutes()
                    .Select(route => (route.Destination.IsIPv4, route.Gateway ?? 0, route.Metric))
                    .OrderByDescending(t => t.IsIPv4));
        });
    }

    [PrivilegedFact]
    public void A_route_over_several_next_hops_is_a_record_for_each()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            netlink.ReplaceAddress(device.InterfaceIndex, Prefix("10.77.0.2/24"));
            Run("ip route add default nexthop via 10.77.0.1 nexthop via 10.77.0.3 weight 2");
            Assert.Equal(
                [Address("10.77.0.1"), Address("10.77.0.3")],
                netlink.DefaultRoutes().Select(route => route.Gateway ?? 0).Order());
            Assert.All(netlink.DefaultRoutes(), route => Assert.Equal(device.InterfaceIndex, route.InterfaceIndex));
        });
    }

    [PrivilegedFact]
    public void A_rule_is_found_again_by_who_looks_for_it()
    {
        InNamespaceWithTun((netlink, _) =>
        {
            var rule = new RuleSpec(true, 7100, 7100, 0x4a56, true);
            netlink.AddRule(rule);
            Assert.Contains("7100:\tnot from all fwmark 0x4a56 lookup 7100", Run("ip rule"), StringComparison.Ordinal);
            Assert.Equal(Libc.EEXIST, Assert.Throws<LinuxException>(() => netlink.AddRule(rule)).Errno);
            Assert.True(netlink.RemoveRule(rule));
            Assert.False(netlink.RemoveRule(rule));
            RuleSpec six = rule with { IsIPv4 = false };
            netlink.AddRule(six);
            Assert.True(netlink.RemoveRule(six));
        });
    }

    [PrivilegedFact]
    public void Addresses_and_routes_vanish_with_their_device()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            netlink.ReplaceAddress(device.InterfaceIndex, Prefix("10.77.0.2/24"));
            netlink.AddRoute(new(Prefix("10.80.0.0/16"), device.InterfaceIndex));
            device.Dispose();
            Assert.DoesNotContain(netlink.Routes(), route => route.Destination.IsIPv4);
            Assert.DoesNotContain(netlink.Addresses(), address => address.Prefix == Prefix("10.77.0.2/24"));
        });
    }

    [PrivilegedFact]
    public void More_routes_than_fit_one_datagram_are_all_listed()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            const int Count = 3000;
            for (uint i = 0; i < Count; i++)
                netlink.AddRoute(new(new(Endpoint.FromIPv4(0x0B000000 + i, 0).Address, 32, true), device.InterfaceIndex));
            Assert.Equal(Count, netlink.Routes().Count(route => route.Destination is { IsIPv4: true, Length: 32 }));
        });
    }

    [PrivilegedFact]
    public void A_refusal_is_one_line_with_the_kernels_own_words()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            LinuxException mtu = Assert.Throws<LinuxException>(() => netlink.SetMtu(device.InterfaceIndex, 1 << 20));
            Assert.StartsWith($"set MTU 1048576 on interface {device.InterfaceIndex} (", mtu.Message, StringComparison.Ordinal);
            Assert.EndsWith("): Invalid argument (EINVAL)", mtu.Message, StringComparison.Ordinal);
            LinuxException gateway = Assert.Throws<LinuxException>(() =>
                netlink.AddRoute(new(Prefix("10.9.0.0/16"), device.InterfaceIndex) { Gateway = Address("192.0.2.1") }));
            Assert.Equal(Libc.ENETUNREACH, gateway.Errno);
            Assert.DoesNotContain('\n', gateway.Message);
        });
    }

    [PrivilegedFact]
    public void A_tunnels_network_is_changed_by_difference_and_taken_down_again()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            var tunnel = new TunnelNetwork(device);
            tunnel.Apply([Prefix("10.77.0.2/32"), Prefix("fd77::2/128")], [Prefix("10.77.0.0/24"), Prefix("fd77::/64")], 1400);
            Assert.Equal(1400, netlink.FindLink("jump0")?.Mtu);
            Assert.Equal(["10.77.0.0/24", "fd77::/64"], Destinations());

            tunnel.Apply([Prefix("10.77.0.9/32")], [Prefix("10.77.0.0/24"), Prefix("10.99.0.5/16")], 1380);
            Assert.Equal(["10.77.0.9/32"], Own());
            Assert.Equal(["10.77.0.0/24", "10.99.0.0/16"], Destinations());
            tunnel.Apply([Prefix("10.77.0.9/32")], [Prefix("10.77.0.0/24"), Prefix("10.99.0.5/16")], 1380);

            // An address whose prefix is also a wanted route: the kernel made that route already.
            tunnel.Apply([Prefix("10.77.0.9/24")], [Prefix("10.77.0.0/24")], 1380);
            Assert.Equal(["10.77.0.0/24"], Destinations());

            tunnel.Dispose();
            Assert.Empty(Own());
            Assert.Empty(Destinations());

            IEnumerable<string> Own() => netlink.Addresses()
                .Where(a => a.InterfaceIndex == device.InterfaceIndex).Select(a => a.Prefix.ToString()).Order(StringComparer.Ordinal);
            IEnumerable<string> Destinations() => netlink.Routes()
                .Where(r => r.InterfaceIndex == device.InterfaceIndex && r.Destination.Length is not (128 or 8))
                .Select(r => r.Destination.ToString()).Distinct().Order(StringComparer.Ordinal);
        });
    }

    [PrivilegedFact]
    public void A_tunnel_route_that_another_device_has_is_refused_and_left_alone()
    {
        InNamespaceWithTun((netlink, device) =>
        {
            using TunDevice other = TunDevice.Create(new("other0"));
            other.BringUp();
            netlink.AddRoute(new(Prefix("10.50.0.0/16"), other.InterfaceIndex));
            using var tunnel = new TunnelNetwork(device);
            LinuxException error = Assert.Throws<LinuxException>(() => tunnel.Apply([], [Prefix("10.50.0.0/16")], 1400));
            Assert.Equal(
                "route 10.50.0.0/16 into jump0: File exists (EEXIST); another device has this route with the same metric", error.Message);
            RouteRecord kept = Assert.Single(netlink.Routes(), r => r.Destination == Prefix("10.50.0.0/16"));
            Assert.Equal(other.InterfaceIndex, kept.InterfaceIndex);
        });
    }

    private static void InNamespaceWithTun(Action<RouteNetlink, TunDevice> test)
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        ns.Run(() =>
        {
            using TunDevice device = TunDevice.Create(new("jump0"));
            device.BringUp();
            using RouteNetlink netlink = RouteNetlink.Open();
            test(netlink, device);
        });
    }

    /// <summary>Runs a command in the calling thread's own namespace.</summary>
    private static string Run(string commandLine)
    {
        string[] words = commandLine.Split(' ');
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardOutput = true,
        });
        string output = process!.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
