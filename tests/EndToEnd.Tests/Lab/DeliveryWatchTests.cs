using System.Net;
using System.Net.Sockets;
using JumpingVpn.Infrastructure.Linux;
using Microsoft.Win32.SafeHandles;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Lab;

public sealed class DeliveryWatchTests
{
    private const int Port = 51830;
    private const byte Udp = 17;
    private const byte Icmp = 1;

    [PrivilegedFact]
    public void It_tells_which_node_delivered_on_either_side_and_whether_they_took_turns()
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(Cluster: true));
        IPAddress inner = ClusterTunnel.ClientAddress;
        using DeliveryWatch watch = DeliveryWatch.Start(topology, Port, inner);
        Inside(topology, 1, inner);
        Outside(topology, 1);
        Outside(topology, 2);
        Inside(topology, 1, inner, Icmp);
        Inside(topology, 2, inner);
        Assert.True(LabClock.WaitUntil(() => watch.Deliveries().Count >= 4, TimeSpan.FromSeconds(5)), $"{watch.Deliveries().Count} deliveries were seen");
        Assert.Equal([(1, true), (1, false), (2, false), (2, true)], watch.Deliveries().Select(delivery => (delivery.Node, delivery.Inside)));
        Assert.Equal([(1, 2), (2, 2)], watch.Turns().Select(turn => (turn.Node, turn.Packets)));

        Inside(topology, 1, inner);
        Assert.True(LabClock.WaitUntil(() => watch.Turns().Count == 3, TimeSpan.FromSeconds(5)));
        Assert.InRange(DeliveryWatch.Now - watch.Turns()[^1].From, 0, 5 * LabClock.Second);
    }

    /// <summary>An inner packet of the client, as a node writes it to its tunnel device: an IPv4 header and nothing else.</summary>
    private static void Inside(LabTopology topology, int node, IPAddress source, byte protocol = Udp) => topology.NodeAt(node).Run(() =>
    {
        using TunDevice tun = TunDevice.Create(new("jump0"));
        tun.BringUp();
        byte[] packet = new byte[TunDevice.HeaderSize + 20];
        Span<byte> header = packet.AsSpan(TunDevice.HeaderSize);
        header[0] = 0x45;
        header[3] = 20;
        header[8] = 64;
        header[9] = protocol;
        source.GetAddressBytes().CopyTo(header[12..]);
        IPAddress.Parse(LabNetwork.Server4).GetAddressBytes().CopyTo(header[16..]);
        using var handle = new SafeFileHandle(tun.Descriptor, ownsHandle: false);
        using var device = new FileStream(handle, FileAccess.Write, bufferSize: 0);
        device.Write(packet);
        Thread.Sleep(20);
        return true;
    });

    /// <summary>A data packet from a node to the client, and another datagram, which is none.</summary>
    private static void Outside(LabTopology topology, int node)
    {
        using Socket gateway = topology.NodeAt(node).Run(() => Bound(new IPEndPoint(IPAddress.Parse(LabNetwork.Node4(node)), Port)));
        using Socket client = topology.Client.Run(() => Bound(new IPEndPoint(IPAddress.Any, 0)));
        client.SendTo([0], new IPEndPoint(IPAddress.Parse(LabNetwork.Node4(node)), Port));
        gateway.ReceiveTimeout = 3000;
        EndPoint source = new IPEndPoint(IPAddress.Any, 0);
        gateway.ReceiveFrom(new byte[16], ref source);
        gateway.SendTo([4, 0, 0, 0], source);
        gateway.SendTo([12, 0, 0, 0], source);
        Thread.Sleep(20);
    }

    private static Socket Bound(IPEndPoint local)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(local);
        return socket;
    }
}
