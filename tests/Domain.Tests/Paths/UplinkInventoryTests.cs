using System.Collections.Immutable;
using System.Net;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Paths;

public sealed class UplinkInventoryTests
{
    private static readonly UplinkPolicy Auto = new([], ["jump0"]);

    private static readonly NetworkSnapshot TwoUplinks = NetworkSnapshot.Of(
        [Link(1, "lo") with { IsLoopback = true }, Link(2, "wan1"), Link(3, "wan2"), Link(4, "jump0")],
        [
            At(1, "127.0.0.1/8") with { IsWide = false }, At(2, "10.1.0.2/24"), At(3, "10.2.0.2/24"), At(3, "fd02::2/64"),
            At(3, "fe80::3/64") with { IsWide = false }, At(4, "10.77.0.2/24"),
        ],
        [Default(2, 100), Default(3, 200), Default(4, 0)]);

    [Fact]
    public void The_lowest_metric_comes_first_and_only_families_with_a_way_out_count()
    {
        ImmutableArray<Uplink> uplinks = UplinkInventory.Select(TwoUplinks, Auto);
        Assert.Equal([new Uplink("wan1", 2, [Address("10.1.0.2")]), new Uplink("wan2", 3, [Address("10.2.0.2")])], uplinks.AsEnumerable());
    }

    [Fact]
    public void The_clients_own_tunnel_and_loopback_are_never_uplinks()
    {
        Assert.DoesNotContain(UplinkInventory.Select(TwoUplinks, Auto), uplink => uplink.Name is "jump0" or "lo");
        Assert.DoesNotContain(UplinkInventory.Select(TwoUplinks, new(["jump0", "lo", "wan1"], ["jump0"])), uplink => uplink.Name != "wan1");
    }

    [Fact]
    public void A_configured_list_keeps_its_order_and_needs_no_default_route()
    {
        NetworkSnapshot network = TwoUplinks.WithDefaultRoutes([]);
        Assert.Empty(UplinkInventory.Select(network, Auto));
        ImmutableArray<Uplink> uplinks = UplinkInventory.Select(network, new(["wan2", "absent", "wan1"], ["jump0"]));
        Assert.Equal(["wan2", "wan1"], uplinks.Select(uplink => uplink.Name));
        Assert.Equal([Address("10.2.0.2"), Address("fd02::2")], uplinks[0].Addresses.AsEnumerable());
    }

    [Fact]
    public void Without_carrier_or_down_or_without_an_address_there_is_no_uplink()
    {
        NetworkLink wan1 = TwoUplinks.Links[2];
        Assert.Equal(["wan2"], Names(TwoUplinks.With(wan1 with { HasCarrier = false })));
        Assert.Equal(["wan2"], Names(TwoUplinks.With(wan1 with { IsUp = false })));
        Assert.Equal(["wan2"], Names(TwoUplinks.Without(At(2, "10.1.0.2/24"))));
        Assert.Equal(["wan2"], Names(TwoUplinks.WithoutLink(2)));
    }

    [Fact]
    public void A_link_that_went_down_has_no_default_route_when_it_is_back()
    {
        NetworkLink wan1 = TwoUplinks.Links[2];
        Assert.Equal(["wan2"], Names(TwoUplinks.With(wan1 with { IsUp = false }).With(wan1)));
        Assert.Equal(["wan1", "wan2"], Names(TwoUplinks.With(wan1 with { HasCarrier = false }).With(wan1)));
    }

    [Theory]
    [InlineData("169.254.7.7/16")]
    [InlineData("fe80::7/64")]
    [InlineData("127.0.0.7/8")]
    [InlineData("::1/128")]
    [InlineData("0.0.0.0/32")]
    public void An_address_that_is_local_by_nature_makes_no_uplink(string address)
    {
        NetworkSnapshot network = NetworkSnapshot.Of(
            [Link(2, "wan1")], [At(2, address)], [Default(2, 1), Default(2, 1) with { IsIPv4 = false }]);
        Assert.Empty(UplinkInventory.Select(network, Auto));
    }

    [Fact]
    public void An_address_that_is_not_ready_or_of_link_scope_does_not_count()
    {
        Assert.Equal(["wan2"], Names(TwoUplinks.With(At(2, "10.1.0.2/24") with { IsReady = false })));
        Assert.Equal(["wan2"], Names(TwoUplinks.With(At(2, "10.1.0.2/24") with { IsWide = false })));
    }

    [Fact]
    public void IPv4_decides_the_order_then_IPv6_then_the_index()
    {
        NetworkSnapshot network = NetworkSnapshot.Of(
            [Link(2, "a"), Link(3, "b"), Link(4, "c"), Link(5, "d")],
            [At(2, "fd02::1/64"), At(3, "10.3.0.1/24"), At(4, "10.4.0.1/24"), At(4, "fd04::1/64"), At(5, "10.5.0.1/24")],
            [
                Default(2, 1) with { IsIPv4 = false }, Default(3, 50), Default(4, 50), Default(4, 9) with { IsIPv4 = false },
                Default(5, 50), Default(5, 40),
            ]);
        Assert.Equal(["d", "c", "b", "a"], Names(network));
        Assert.True(UplinkInventory.Select(network, Auto)[3] is { HasIPv4: false, HasIPv6: true });
    }

    [Fact]
    public void The_order_in_which_the_kernel_told_does_not_matter()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        ImmutableArray<Uplink> expected = UplinkInventory.Select(TwoUplinks, Auto);
        for (int i = 0; i < 50; i++)
        {
            NetworkSnapshot shuffled = NetworkSnapshot.Of(
                TwoUplinks.Links.Values.OrderBy(_ => random.Next()),
                TwoUplinks.Addresses.OrderBy(_ => random.Next()),
                TwoUplinks.DefaultRoutes.OrderBy(_ => random.Next()));
            Assert.True(expected.SequenceEqual(UplinkInventory.Select(shuffled, Auto)), $"seed {seed}, round {i}");
            Assert.Empty(shuffled.ChangesSince(TwoUplinks));
        }
    }

    [Fact]
    public void Changes_are_told_as_lost_then_changed_then_gained()
    {
        NetworkSnapshot after = TwoUplinks
            .With(TwoUplinks.Links[2] with { IsUp = false })
            .Without(At(3, "10.2.0.2/24"))
            .With(At(3, "10.2.0.9/24"))
            .With(Link(9, "wan9"));
        Assert.Equal(
            [
                new LinkEvent.DefaultRouteRemoved(Default(2, 100)),
                new LinkEvent.AddressRemoved(At(3, "10.2.0.2/24")),
                new LinkEvent.LinkChanged(TwoUplinks.Links[2], TwoUplinks.Links[2] with { IsUp = false }),
                new LinkEvent.LinkAdded(Link(9, "wan9")),
                new LinkEvent.AddressAdded(At(3, "10.2.0.9/24")),
            ],
            after.ChangesSince(TwoUplinks).AsEnumerable());
    }

    [Fact]
    public void An_address_that_becomes_ready_is_gained_and_none_is_lost()
    {
        NetworkSnapshot tentative = TwoUplinks.With(At(3, "fd02::2/64") with { IsReady = false });
        Assert.Equal([new LinkEvent.AddressAdded(At(3, "fd02::2/64"))], TwoUplinks.ChangesSince(tentative).AsEnumerable());
    }

    [Fact]
    public void A_link_that_is_removed_takes_its_addresses_and_routes_along()
    {
        ImmutableArray<LinkEvent> events = TwoUplinks.WithoutLink(3).ChangesSince(TwoUplinks);
        Assert.Equal(3, events.OfType<LinkEvent.AddressRemoved>().Count());
        Assert.Single(events.OfType<LinkEvent.DefaultRouteRemoved>());
        Assert.Equal("wan2", Assert.Single(events.OfType<LinkEvent.LinkRemoved>()).Link.Name);
    }

    private static IEnumerable<string> Names(NetworkSnapshot network) =>
        UplinkInventory.Select(network, Auto).Select(uplink => uplink.Name);

    private static NetworkLink Link(int index, string name) => new(index, name, true, true, false, 1500);

    private static LinkAddress At(int index, string prefix) =>
        IpPrefix.TryParse(prefix, out IpPrefix parsed) ? new(index, parsed, true, true) : throw new FormatException(prefix);

    private static DefaultRoute Default(int index, uint metric) => new(index, true, metric, Address("10.0.0.1"));

    private static UInt128 Address(string text) => Endpoint.From(IPAddress.Parse(text), 0).Address;
}
