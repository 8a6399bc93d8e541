using System.Collections.Concurrent;
using System.Diagnostics;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Neighbours;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>
/// Two gateways and a host on one Ethernet. The gateways hold the same inner addresses where no neighbour sees them, and echo with a
/// letter of their own, so that the host learns whom its packets reach.
/// </summary>
public sealed class NeighbourAnnouncerTests : IDisposable
{
    private const int Port = 7;
    private static readonly SessionId Session = new(1);
    private static readonly string[] Inner = ["10.77.0.2", "fd77::2"];

    private readonly List<IDisposable> _open = [];
    private readonly ConcurrentQueue<string> _warnings = new();
    private NetworkNamespace _host = null!;
    private volatile bool _stop;
    private bool _aServes = true;

    public void Dispose()
    {
        _stop = true;
        foreach (IDisposable open in Enumerable.Reverse(_open)) open.Dispose();
    }

    [PrivilegedFact]
    public void Traffic_follows_a_session_from_one_node_to_another_within_100_ms()
    {
        (NeighbourAnnouncer a, NeighbourAnnouncer b, _) = Build();
        foreach (string inner in Inner)
        {
            using UdpSocket host = Ask(inner);
            Assert.Null(Reached(host, inner, TimeSpan.FromMilliseconds(200)));
            a.Announce(Session, Prefixes);
            Assert.Equal('a', Reached(host, inner, TimeSpan.FromSeconds(3)));

            a.Withdraw(Session);
            b.Announce(Session, Prefixes);
            TimeSpan outage = Until(host, inner, 'b');
            Assert.True(outage < TimeSpan.FromMilliseconds(100), $"{inner}: traffic followed after {outage.TotalMilliseconds:0} ms");

            b.Withdraw(Session);
            a.Announce(Session, Prefixes);
            Assert.True(Until(host, inner, 'a') < TimeSpan.FromMilliseconds(100));
            a.Withdraw(Session);
            _host.Execute("ip neigh flush all");
        }
    }

    [PrivilegedFact]
    public void A_node_whose_lease_has_ended_answers_nobody_and_says_so_again_when_it_is_back()
    {
        (NeighbourAnnouncer a, NeighbourAnnouncer b, _) = Build();
        foreach (string inner in Inner)
        {
            using UdpSocket host = Ask(inner);
            a.Announce(Session, Prefixes);
            Assert.Equal('a', Reached(host, inner, TimeSpan.FromSeconds(3)));
            Volatile.Write(ref _aServes, false);
            b.Announce(Session, Prefixes);
            Assert.True(Until(host, inner, 'b') < TimeSpan.FromMilliseconds(100));
            // It still has the session, and only b is heard about it.
            for (int i = 0; i < 5; i++)
            {
                _host.Execute("ip neigh flush all");
                Assert.Equal('b', Reached(host, inner, TimeSpan.FromSeconds(3)));
            }
            b.Withdraw(Session);
            Volatile.Write(ref _aServes, true);
            Assert.True(Until(host, inner, 'a') < TimeSpan.FromMilliseconds(400));
            a.Withdraw(Session);
            _host.Execute("ip neigh flush all");
        }
    }

    [PrivilegedFact]
    public void What_ends_leaves_nothing_behind_that_answers()
    {
        (NeighbourAnnouncer a, _, NetworkNamespace nodeA) = Build();
        using UdpSocket host = Ask(Inner[0]);
        a.Announce(Session, Prefixes);
        Assert.Equal('a', Reached(host, Inner[0], TimeSpan.FromSeconds(3)));
        a.Dispose();
        _host.Execute("ip neigh flush all");
        Assert.Null(Reached(host, Inner[0], TimeSpan.FromMilliseconds(300)));
        Assert.Equal("", nodeA.Execute("ip neigh show proxy"));
    }

    [PrivilegedFact]
    public void A_device_that_goes_down_and_comes_back_is_used_again()
    {
        (NeighbourAnnouncer a, _, NetworkNamespace nodeA) = Build();
        using UdpSocket host = Ask(Inner[0]);
        a.Announce(Session, Prefixes);
        Assert.Equal('a', Reached(host, Inner[0], TimeSpan.FromSeconds(3)));
        nodeA.SetUp("eth1", false);
        Waiting.Until("a word about the device", () => !_warnings.IsEmpty);
        Thread.Sleep(300);
        Assert.Single(_warnings);
        nodeA.SetUp("eth1");
        Waiting.Until("the device's return", () => _warnings.Count == 2);
        _host.Execute("ip neigh flush all");
        Assert.Equal('a', Reached(host, Inner[0], TimeSpan.FromSeconds(3)));
    }

    [PrivilegedFact]
    public void A_device_that_is_missing_or_no_Ethernet_is_named()
    {
        NetworkNamespace node = Add();
        Assert.StartsWith("announce on eth9: No such device", Refused(node, "eth9"), StringComparison.Ordinal);
        Assert.Equal("announce on lo: it is no Ethernet device", Refused(node, "lo"));
    }

    private static string Refused(NetworkNamespace node, string device) =>
        Assert.Throws<LinuxException>(() => node.Run(() => NeighbourAnnouncer.Open([device], static () => true, static _ => { }))).Message;

    private static IReadOnlyList<IpPrefix> Prefixes => [Prefix("10.77.0.2/32"), Prefix("fd77::2/128")];

    private UdpSocket Ask(string inner) => _host.Run(() => UdpSocket.Open(new(At(inner.Contains(':', StringComparison.Ordinal) ? "::" : "0.0.0.0"))));

    /// <summary>Asks every few milliseconds; gives the letter of who answers first.</summary>
    private static char? Reached(UdpSocket host, string inner, TimeSpan limit)
    {
        byte[] buffer = new byte[64];
        while (host.TryReceive(buffer, out _) == ReceiveStatus.Received)
        {
        }
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < limit)
        {
            _ = host.TrySendTo(At(inner, Port), null, [0]);
            if (Waiting.TryReceive(host, buffer, TimeSpan.FromMilliseconds(5)) is not null) return (char)buffer[0];
        }
        return null;
    }

    private static TimeSpan Until(UdpSocket host, string inner, char node)
    {
        long start = Stopwatch.GetTimestamp();
        while (Reached(host, inner, TimeSpan.FromMilliseconds(20)) != node)
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5), $"{inner} never reached {node}");
        return Stopwatch.GetElapsedTime(start);
    }

    private (NeighbourAnnouncer A, NeighbourAnnouncer B, NetworkNamespace NodeA) Build()
    {
        NetworkNamespace network = Add(), nodeA = Add(), nodeB = Add();
        _host = Add();
        network.Execute("ip link add lan type bridge mcast_snooping 0");
        network.Execute("ip link set lan up");
        Join(network, nodeA, "a", "10.78.0.1/24", "fd78::1/64");
        Join(network, nodeB, "b", "10.78.0.2/24", "fd78::2/64");
        Join(network, _host, "h", "10.78.0.9/24", "fd78::9/64");
        _host.Execute("ip route add 10.77.0.0/24 dev eth1");
        _host.Execute("ip route add fd77::/64 dev eth1");
        // Until its own addresses are known to be free, a host asks nobody; and a node that knows nobody cannot answer at once.
        foreach (NetworkNamespace each in new[] { nodeA, nodeB, _host })
            Waiting.Until("addresses that are free", () => each.Execute("ip -6 address show dev eth1 tentative").Length == 0);
        foreach (NetworkNamespace node in new[] { nodeA, nodeB })
            foreach (string host in new[] { "10.78.0.9", "fd78::9" }) node.Execute($"ping -c 1 -w 5 {host}");
        Echo(nodeA, 'a');
        Echo(nodeB, 'b');
        return (Open(nodeA, () => Volatile.Read(ref _aServes)), Open(nodeB, static () => true), nodeA);
    }

    private NeighbourAnnouncer Open(NetworkNamespace node, Func<bool> serves)
    {
        // The announcer opens its sockets in the namespace of its own thread when a device comes back, which inherits it.
        NeighbourAnnouncer announcer = node.Run(() => NeighbourAnnouncer.Open(["eth1"], serves, _warnings.Enqueue));
        _open.Add(announcer);
        return announcer;
    }

    private static void Join(NetworkNamespace network, NetworkNamespace host, string name, params string[] addresses)
    {
        NetworkNamespace.Connect(network, $"to-{name}", host, "eth1");
        network.Execute($"ip link set to-{name} master lan");
        foreach (string address in addresses) host.Execute($"ip address add {address} dev eth1{(address.Contains(':', StringComparison.Ordinal) ? " nodad" : "")}");
        // Addresses of another device are nobody's business on this one.
        host.Execute("sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0");
    }

    private void Echo(NetworkNamespace node, char letter)
    {
        node.Execute("ip address add 10.77.0.2/32 dev lo");
        node.Execute("ip address add fd77::2/128 dev lo");
        foreach (string any in new[] { "0.0.0.0", "::" })
        {
            UdpSocket socket = node.Run(() => UdpSocket.Open(new(At(any, Port)) { PacketInfo = true }));
            _open.Add(socket);
            node.StartThread("echo", () =>
            {
                byte[] buffer = new byte[64];
                while (!_stop)
                {
                    if (socket.TryReceive(buffer, out ReceivedDatagram question) != ReceiveStatus.Received) Thread.Sleep(1);
                    else _ = socket.TrySendTo(question.Remote, question.LocalAddress, [(byte)letter]);
                }
            });
        }
    }

    private NetworkNamespace Add()
    {
        var ns = NetworkNamespace.CreateUnnamed();
        _open.Add(ns);
        return ns;
    }
}
