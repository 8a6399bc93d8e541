using System.Net;
using System.Net.Sockets;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Lab;

public sealed class DeliveryWatchTests
{
    private const int Port = 51830;

    [PrivilegedFact]
    public void It_tells_which_node_delivered_on_either_side_and_whether_they_took_turns()
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(Cluster: true));
        IPAddress inner = ClusterTunnel.ClientAddress;
        foreach (int node in (int[])[1, 2]) topology.NodeAt(node).Ip($"addr add {inner}/32 dev lo");
        using DeliveryWatch watch = DeliveryWatch.Start(topology, Port, inner);
        Inside(topology, 1, inner);
        Outside(topology, 1);
        Outside(topology, 2);
        Inside(topology, 2, inner);
        Assert.True(LabClock.WaitUntil(() => watch.Deliveries().Count == 4, TimeSpan.FromSeconds(5)), $"{watch.Deliveries().Count} deliveries were seen");
        Assert.Equal([(1, true), (1, false), (2, false), (2, true)], watch.Deliveries().Select(delivery => (delivery.Node, delivery.Inside)));
        Assert.Equal([(1, 2), (2, 2)], watch.Turns().Select(turn => (turn.Node, turn.Packets)));

        Inside(topology, 1, inner);
        Assert.True(LabClock.WaitUntil(() => watch.Turns().Count == 3, TimeSpan.FromSeconds(5)));
        Assert.InRange(DeliveryWatch.Now - watch.Turns()[^1].From, 0, 5 * LabClock.Second);
    }

    /// <summary>A packet of the client's inner address, passed on by a node.</summary>
    private static void Inside(LabTopology topology, int node, IPAddress source)
    {
        using Socket socket = topology.NodeAt(node).Run(() => Bound(new IPEndPoint(source, 4000)));
        socket.SendTo([1, 2, 3], new IPEndPoint(IPAddress.Parse(LabNetwork.Server4), 4000));
        Thread.Sleep(20);
    }

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
