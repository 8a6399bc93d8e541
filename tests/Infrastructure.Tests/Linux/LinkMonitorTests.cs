using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Netlink;
using Xunit.Abstractions;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

public sealed class LinkMonitorTests(ITestOutputHelper output)
{
    private sealed record Change(Instant At, NetworkSnapshot Network, ImmutableArray<LinkEvent> Events);

    [PrivilegedFact]
    public void The_first_call_brings_the_whole_state()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        Change first = watch.Next(_ => true);
        Assert.IsType<LinkEvent.Resynchronized>(first.Events[0]);
        Assert.Equal(
            ["wan1", "wan2"], first.Network.Links.Values.Where(link => link.IsOperational && !link.IsLoopback).Select(link => link.Name));
        Assert.Equal(["wan1", "wan2"], Names(first.Network));
    }

    [PrivilegedFact]
    public void A_link_that_goes_down_is_told_within_milliseconds_and_its_uplink_is_gone()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        var delays = new List<double>();
        world.Client.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            int index = netlink.FindLink("wan1")!.Index;
            for (int i = 0; i < 20; i++)
            {
                Instant before = BootClock.Now();
                netlink.SetLinkUp(index, false);
                Change down = watch.Next(
                    change => change.Events.OfType<LinkEvent.LinkChanged>().Any(e => e.WentDown && e.After.Name == "wan1"));
                delays.Add((down.At - before).TotalMilliseconds);
                Assert.Equal(["wan2"], Names(down.Network));

                netlink.SetLinkUp(index, true);
                netlink.ReplaceRoute(new(Prefix("0.0.0.0/0"), index) { Gateway = Address("10.1.0.1"), Metric = 100 });
                _ = watch.Next(change => Names(change.Network).SequenceEqual(["wan1", "wan2"]));
            }
        });
        double first = delays[0];
        delays.Sort();
        output.WriteLine(
            $"from taking the link down to the event: first {first:0.00}, median {delays[10]:0.00}, worst {delays[^1]:0.00} ms");
        Assert.True(delays[10] < 10, $"median {delays[10]} ms");
    }

    [PrivilegedFact]
    public void A_lost_carrier_takes_the_uplink_away_and_its_return_brings_it_back()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        world.RouterOne.SetUp("r1", false);
        Change lost = watch.Next(change => change.Events.OfType<LinkEvent.LinkChanged>().Any(e => e.WentDown));
        Assert.True(lost.Network.Links.Values.Single(link => link.Name == "wan1") is { IsUp: true, HasCarrier: false });
        Assert.Equal(["wan2"], Names(lost.Network));
        world.RouterOne.SetUp("r1");
        _ = watch.Next(change => Names(change.Network).SequenceEqual(["wan1", "wan2"]));
    }

    [PrivilegedFact]
    public void A_changed_address_and_route_are_told_as_lost_and_gained()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        const string Batch = """
            address del 10.1.0.2/24 dev wan1
            address add 10.1.0.77/24 dev wan1
            route add default via 10.1.0.1 metric 100

            """;
        world.Client.Execute("ip", Batch, "-batch", "-");
        var seen = new List<LinkEvent>();
        _ = watch.Next(change =>
        {
            seen.AddRange(change.Events);
            return Uplinks(change.Network).FirstOrDefault() is { Name: "wan1" } uplink
                && uplink.Addresses.SequenceEqual([Address("10.1.0.77")]);
        });
        Assert.Contains(seen, e => e is LinkEvent.AddressRemoved(var address) && address.Prefix == Prefix("10.1.0.2/24"));
        Assert.Contains(seen, e => e is LinkEvent.AddressAdded(var address) && address.Prefix == Prefix("10.1.0.77/24"));
        Assert.DoesNotContain(seen, e => e is LinkEvent.Resynchronized);
    }

    [PrivilegedFact]
    public void Default_routes_that_come_go_and_are_replaced_are_told()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        world.Client.Execute("ip route del default via 10.1.0.1 metric 100");
        Change gone = watch.Next(change => change.Events.OfType<LinkEvent.DefaultRouteRemoved>().Any());
        Assert.Equal(["wan2"], Names(gone.Network));
        world.Client.Execute("ip route add default via 10.1.0.1 metric 300");
        Change back = watch.Next(change => change.Events.OfType<LinkEvent.DefaultRouteAdded>().Any());
        Assert.Equal(["wan2", "wan1"], Names(back.Network));
        // Linux tells a replacement by one message, without a removal.
        world.Client.Execute("ip route replace default via 10.1.0.9 metric 300");
        Change replaced = watch.Next(change => change.Events.OfType<LinkEvent.DefaultRouteAdded>().Any());
        Assert.Equal(
            [Address("10.1.0.9"), Address("10.2.0.1")], replaced.Network.DefaultRoutes.Select(route => route.Gateway).Order());
    }

    [PrivilegedFact]
    public void An_IPv6_uplink_counts_once_its_address_is_ready()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        world.Client.Execute("ip address add fd01::2/64 dev wan2");
        world.Client.Execute("ip -6 route add default via fd01::1 dev wan2");
        _ = watch.Next(change => Uplinks(change.Network).Any(uplink => uplink is { Name: "wan2", HasIPv6: true, HasIPv4: true }));
    }

    [PrivilegedFact]
    public void A_removed_device_takes_its_addresses_with_it()
    {
        using var world = new World();
        using var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        world.Client.Execute("ip link del wan1");
        Change gone = watch.Next(change => change.Events.OfType<LinkEvent.LinkRemoved>().Any());
        Assert.DoesNotContain(gone.Network.Links.Values, link => link.Name == "wan1");
        Assert.DoesNotContain(gone.Network.Addresses, address => address.Prefix == Prefix("10.1.0.2/24"));
        Assert.Equal(["wan2"], Names(gone.Network));
    }

    [PrivilegedFact]
    public void After_an_overrun_the_whole_state_is_read_again_and_true()
    {
        using var world = new World();
        using var busy = new ManualResetEventSlim();
        using var watch = new Watch(world.Client, receiveBuffer: 4096, hold: busy);
        watch.WaitUntilHeld();
        world.Client.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            int index = netlink.FindLink("wan1")!.Index;
            Overrun(netlink, index);
            netlink.ReplaceAddress(index, Prefix("10.8.8.8/32"));
        });
        _ = watch.Next(_ => true);
        busy.Set();
        Change whole = watch.Next(change => change.Events.OfType<LinkEvent.Resynchronized>().Any());
        Assert.Contains(whole.Network.Addresses, address => address.Prefix == Prefix("10.8.8.8/32"));
        Assert.DoesNotContain(whole.Network.Addresses, address => address.Prefix == Prefix("10.9.9.9/32"));
    }

    [PrivilegedFact]
    public void What_was_queued_before_an_overrun_is_not_believed_after_it()
    {
        using var world = new World();
        using var busy = new ManualResetEventSlim();
        using var watch = new Watch(world.Client, receiveBuffer: 4096, hold: busy);
        watch.WaitUntilHeld();
        world.Client.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            int index = netlink.FindLink("wan1")!.Index;
            // This one is queued, and that it comes up again is lost.
            world.Client.SetUp("wan2", false);
            Overrun(netlink, index);
            world.Client.SetUp("wan2", true);
            world.Client.Execute("ip route add default via 10.2.0.1 metric 200");
        });
        _ = watch.Next(_ => true);
        busy.Set();
        _ = watch.Next(change => change.Events.OfType<LinkEvent.Resynchronized>().Any());
        world.Client.Execute("ip address add 10.7.7.7/32 dev wan1");
        Change last = watch.Next(change => change.Network.Addresses.Any(address => address.Prefix == Prefix("10.7.7.7/32")));
        Assert.Equal(["wan1", "wan2"], Names(last.Network));
    }

    [PrivilegedFact]
    public void Nothing_is_told_after_the_end()
    {
        using var world = new World();
        var watch = new Watch(world.Client);
        _ = watch.Next(_ => true);
        watch.Dispose();
        world.Client.SetUp("wan1", false);
        Thread.Sleep(20);
        Assert.Equal(0, watch.Waiting);
    }

    /// <summary>More notifications than a queue of the smallest size holds.</summary>
    private static void Overrun(RouteNetlink netlink, int index)
    {
        for (int i = 0; i < 300; i++)
        {
            netlink.ReplaceAddress(index, Prefix("10.9.9.9/32"));
            _ = netlink.RemoveAddress(index, Prefix("10.9.9.9/32"));
        }
    }

    private static ImmutableArray<Uplink> Uplinks(NetworkSnapshot network) => UplinkInventory.Select(network, new([], ["jump0"]));

    private static IEnumerable<string> Names(NetworkSnapshot network) => Uplinks(network).Select(uplink => uplink.Name);

    /// <summary>A client with two uplinks, each to its own router: wan1 (metric 100) and wan2 (metric 200).</summary>
    private sealed class World : IDisposable
    {
        public World()
        {
            foreach ((NetworkNamespace router, int number) in new[] { (RouterOne, 1), (RouterTwo, 2) })
            {
                NetworkNamespace.Connect(Client, $"wan{number}", router, $"r{number}");
                Client.Execute($"ip address add 10.{number}.0.2/24 dev wan{number}");
                Client.Execute($"ip route add default via 10.{number}.0.1 metric {number}00");
            }
        }

        public NetworkNamespace Client { get; } = NetworkNamespace.CreateUnnamed();

        public NetworkNamespace RouterOne { get; } = NetworkNamespace.CreateUnnamed();

        public NetworkNamespace RouterTwo { get; } = NetworkNamespace.CreateUnnamed();

        public void Dispose()
        {
            Client.Dispose();
            RouterOne.Dispose();
            RouterTwo.Dispose();
        }
    }

    private sealed class Watch : IDisposable
    {
        private readonly BlockingCollection<Change> _changes = [];
        private readonly ManualResetEventSlim _held = new();
        private readonly LinkMonitor _monitor;

        public Watch(NetworkNamespace ns, int receiveBuffer = 1 << 20, ManualResetEventSlim? hold = null) => _monitor = ns.Run(() =>
            LinkMonitor.Start(
                (network, events) =>
                {
                    _changes.Add(new(BootClock.Now(), network, events));
                    _held.Set();
                    hold?.Wait();
                },
                receiveBuffer: receiveBuffer));

        public int Waiting => _changes.Count;

        public void WaitUntilHeld() => Assert.True(_held.Wait(Linux.Waiting.Limit));

        /// <summary>The next change that fits; those before it are taken too.</summary>
        public Change Next(Func<Change, bool> wanted)
        {
            var time = Stopwatch.StartNew();
            while (_changes.TryTake(out Change? change, Linux.Waiting.Limit) && time.Elapsed < Linux.Waiting.Limit)
            {
                if (wanted(change)) return change;
            }
            throw new Xunit.Sdk.XunitException("the change never came");
        }

        public void Dispose() => _monitor.Dispose();
    }
}
