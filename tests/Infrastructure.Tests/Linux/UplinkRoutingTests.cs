using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>
/// A client with two uplinks, wan1 (metric 100) and wan2 (metric 200), behind one router each, and a gateway that both reach. Sockets
/// that are bound to a device use that device, whatever the routing table would rather have.
/// </summary>
public sealed class UplinkRoutingTests : IDisposable
{
    private const int Port = 51830;
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(100);

    private readonly byte[] _buffer = new byte[2048];
    private readonly List<NetworkNamespace> _namespaces = [];

    public void Dispose()
    {
        foreach (NetworkNamespace ns in _namespaces) ns.Dispose();
    }

    [PrivilegedFact]
    public void A_socket_bound_to_the_worse_uplink_leaves_by_it_and_gets_its_answers()
    {
        (NetworkNamespace client, NetworkNamespace gateway) = Build();
        using UdpSocket listener = Listen(gateway, "0.0.0.0");
        using UdpSocket one = Bound(client, "wan1", "0.0.0.0"), two = Bound(client, "wan2", "0.0.0.0");
        using UdpSocket free = client.Run(() => UdpSocket.Open(new(At("0.0.0.0"))));
        Assert.Equal(Address("10.1.0.2"), Exchange(free, listener, At("192.0.2.1", Port)));
        Assert.Equal(Address("10.1.0.2"), Exchange(one, listener, At("192.0.2.1", Port)));
        Assert.Equal(Address("10.2.0.2"), Exchange(two, listener, At("192.0.2.1", Port)));
    }

    [PrivilegedFact]
    public void A_socket_bound_to_the_worse_uplink_leaves_by_it_over_IPv6_too()
    {
        (NetworkNamespace client, NetworkNamespace gateway) = Build();
        using UdpSocket listener = Listen(gateway, "::");
        using UdpSocket one = Bound(client, "wan1", "::"), two = Bound(client, "wan2", "::");
        Assert.Equal(Address("fd01::2"), Exchange(one, listener, At("fdff::1", Port)));
        Assert.Equal(Address("fd02::2"), Exchange(two, listener, At("fdff::1", Port)));
    }

    [PrivilegedFact]
    public void Losing_one_uplink_leaves_the_others_socket_undisturbed_and_is_an_error_on_its_own()
    {
        (NetworkNamespace client, NetworkNamespace gateway) = Build();
        using UdpSocket listener = Listen(gateway, "0.0.0.0");
        using UdpSocket one = Bound(client, "wan1", "0.0.0.0"), two = Bound(client, "wan2", "0.0.0.0");
        _ = Exchange(one, listener, At("192.0.2.1", Port));
        Endpoint before = two.Local;
        _ = Exchange(two, listener, At("192.0.2.1", Port));

        client.SetUp("wan1", false);

        SendResult result = one.TrySendTo(At("192.0.2.1", Port), null, [1]);
        Assert.Equal(SendStatus.LocalError, result.Status);
        Assert.Contains(result.Errno, new[] { Libc.ENETUNREACH, Libc.ENETDOWN, Libc.ENODEV });
        Assert.Equal(Address("10.2.0.2"), Exchange(two, listener, At("192.0.2.1", Port)));
        Assert.Equal(before, two.Local);

        client.SetUp("wan1");
        client.Execute("ip route add default via 10.1.0.1 metric 100");
        Assert.Equal(Address("10.1.0.2"), Exchange(one, listener, At("192.0.2.1", Port)));
    }

    [PrivilegedFact]
    public void A_tunnel_that_covers_the_gateways_address_does_not_swallow_the_tunnels_own_packets()
    {
        (NetworkNamespace client, NetworkNamespace gateway) = Build();
        using UdpSocket listener = Listen(gateway, "0.0.0.0"), listener6 = Listen(gateway, "::");
        using TunDevice device = client.Run(() => TunDevice.Create(new("jump0")));
        using TunnelNetwork tunnel = client.Run(() => new TunnelNetwork(device));
        string[] everything = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "192.0.2.0/24", "fdff::/64"];
        client.Run(() => tunnel.Apply([Prefix("10.77.0.2/32"), Prefix("fd77::2/128")], [.. everything.Select(Prefix)], 1400));
        using UdpSocket two = Bound(client, "wan2", "0.0.0.0"), two6 = Bound(client, "wan2", "::");
        using UdpSocket free = client.Run(() => UdpSocket.Open(new(At("0.0.0.0"))));

        Assert.Equal(Address("10.2.0.2"), Exchange(two, listener, At("192.0.2.1", Port)));
        Assert.Equal(Address("fd02::2"), Exchange(two6, listener6, At("fdff::1", Port)));
        Assert.Equal(SendStatus.Sent, free.TrySendTo(At("192.0.2.1", Port), null, [9]).Status);
        Assert.Null(Waiting.TryReceive(listener, _buffer, Silence));
    }

    [PrivilegedFact]
    public void A_default_route_into_the_tunnel_with_the_best_metric_does_not_swallow_them_either()
    {
        (NetworkNamespace client, NetworkNamespace gateway) = Build();
        using UdpSocket listener = Listen(gateway, "0.0.0.0");
        using TunDevice device = client.Run(() => TunDevice.Create(new("jump0")));
        using TunnelNetwork tunnel = client.Run(() => new TunnelNetwork(device));
        client.Run(() => tunnel.Apply([Prefix("10.77.0.2/32")], [Prefix("0.0.0.0/0")], 1400));
        using UdpSocket one = Bound(client, "wan1", "0.0.0.0"), two = Bound(client, "wan2", "0.0.0.0");
        Assert.Equal(Address("10.1.0.2"), Exchange(one, listener, At("192.0.2.1", Port)));
        Assert.Equal(Address("10.2.0.2"), Exchange(two, listener, At("192.0.2.1", Port)));
    }

    [PrivilegedFact]
    public void Strict_reverse_path_filtering_is_noticed_and_loose_is_no_hindrance()
    {
        (NetworkNamespace client, NetworkNamespace gateway) = Build();
        using UdpSocket listener = Listen(gateway, "0.0.0.0");
        using UdpSocket two = Bound(client, "wan2", "0.0.0.0");

        client.Execute("sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.wan2.rp_filter=2");
        Assert.False(client.Run(() => ReversePathFilter.IsStrict("wan2")));
        _ = Exchange(two, listener, At("192.0.2.1", Port));

        client.Execute("sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan2.rp_filter=1");
        Assert.True(client.Run(() => ReversePathFilter.IsStrict("wan2")));
        Assert.Equal(SendStatus.Sent, two.TrySendTo(At("192.0.2.1", Port), null, [1]).Status);
        ReceivedDatagram question = Waiting.Receive(listener, _buffer);
        Assert.Equal(SendStatus.Sent, listener.TrySendTo(question.Remote, question.LocalAddress, [2]).Status);
        Assert.Null(Waiting.TryReceive(two, _buffer, Silence));
    }

    /// <summary>Sends a question, answers it from the address it was sent to, and returns where the gateway saw it come from.</summary>
    private UInt128 Exchange(UdpSocket client, UdpSocket gateway, Endpoint destination)
    {
        Assert.Equal(SendStatus.Sent, client.TrySendTo(destination, null, [1]).Status);
        ReceivedDatagram question = Waiting.Receive(gateway, _buffer);
        Assert.Equal(destination.Address, question.LocalAddress);
        Assert.Equal(SendStatus.Sent, gateway.TrySendTo(question.Remote, question.LocalAddress, [2]).Status);
        Assert.Equal(destination, Waiting.Receive(client, _buffer).Remote);
        return question.Remote.Address;
    }

    private static UdpSocket Listen(NetworkNamespace gateway, string address) =>
        gateway.Run(() => UdpSocket.Open(new(At(address, Port)) { PacketInfo = true }));

    private static UdpSocket Bound(NetworkNamespace client, string device, string address) =>
        client.Run(() => UdpSocket.Open(new(At(address)) { Device = device }));

    private (NetworkNamespace Client, NetworkNamespace Gateway) Build()
    {
        NetworkNamespace client = Add(), gateway = Add();
        gateway.Execute("ip address add 192.0.2.1/32 dev lo");
        gateway.Execute("ip address add fdff::1/128 dev lo");
        for (int n = 1; n <= 2; n++)
        {
            NetworkNamespace router = Add();
            router.Execute("sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
            NetworkNamespace.Connect(client, $"wan{n}", router, "down");
            NetworkNamespace.Connect(router, "up", gateway, $"net{n}");
            client.Execute($"ip address add 10.{n}.0.2/24 dev wan{n}");
            client.Execute($"ip address add fd0{n}::2/64 dev wan{n} nodad");
            router.Execute($"ip address add 10.{n}.0.1/24 dev down");
            router.Execute($"ip address add fd0{n}::1/64 dev down nodad");
            router.Execute($"ip address add 198.51.100.{n}/31 peer 198.51.100.{n + 10}/32 dev up");
            router.Execute($"ip address add fdee:{n}::1/64 dev up nodad");
            gateway.Execute($"ip address add 198.51.100.{n + 10}/32 peer 198.51.100.{n}/32 dev net{n}");
            gateway.Execute($"ip address add fdee:{n}::2/64 dev net{n} nodad");
            client.Execute($"ip route add default via 10.{n}.0.1 metric {n}00");
            client.Execute($"ip route add default via fd0{n}::1 dev wan{n} metric {n}00");
            router.Execute($"ip route add 192.0.2.1/32 via 198.51.100.{n + 10}");
            router.Execute($"ip route add fdff::1/128 via fdee:{n}::2");
            gateway.Execute($"ip route add 10.{n}.0.0/24 via 198.51.100.{n}");
            gateway.Execute($"ip route add fd0{n}::/64 via fdee:{n}::1");
            Waiting.UntilLocal(client, $"fd0{n}::2");
            Waiting.UntilLocal(router, $"fd0{n}::1");
            Waiting.UntilLocal(router, $"fdee:{n}::1");
            Waiting.UntilLocal(gateway, $"fdee:{n}::2");
        }
        Waiting.UntilLocal(gateway, "fdff::1");
        return (client, gateway);
    }

    private NetworkNamespace Add()
    {
        var ns = NetworkNamespace.CreateUnnamed();
        _namespaces.Add(ns);
        return ns;
    }
}
