using System.Net.Sockets;
using System.Text;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Sessions;

public sealed class TrafficTests
{
    /// <summary>ETH_P_ALL in network byte order (packet(7)).</summary>
    private const int AllProtocols = 0x0300;

    [PrivilegedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void IPv4_and_IPv6_pass_inside_whatever_is_outside(bool outsideIPv6)
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { OutsideIPv6 = outsideIPv6 });
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        Assert.True(tunnel.Pings(NodeAddresses.Gateway6), tunnel.Nodes.Logs());
        Assert.Contains(outsideIPv6 ? LabNetwork.Gateway6 : LabNetwork.Gateway4, tunnel.Session().Remote, StringComparison.Ordinal);
    }

    [PrivilegedFact]
    public void Packets_of_every_size_up_to_the_tunnels_MTU_pass_unfragmented()
    {
        using Tunnel tunnel = Tunnel.Start();
        foreach (int payload in (int[])[0, 1, 56, 1000, 1391, 1392])
            tunnel.Topology.Client.Execute("ping", ["-c", "1", "-W", "2", "-M", "do", "-s", $"{payload}", NodeAddresses.Gateway4]);
        Assert.Throws<LabException>(() =>
            tunnel.Topology.Client.Execute("ping", ["-c", "1", "-W", "1", "-M", "do", "-s", "1393", NodeAddresses.Gateway4]));
    }

    [PrivilegedFact]
    public void A_source_address_that_is_not_the_clients_does_not_come_out()
    {
        using Tunnel tunnel = Tunnel.Start();
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        tunnel.Topology.Client.Ip($"addr add 10.77.0.99/32 dev jump0");
        Assert.Throws<LabException>(() =>
            tunnel.Topology.Client.Execute("ping", ["-c", "2", "-i", "0.2", "-W", "1", "-I", "10.77.0.99", NodeAddresses.Gateway4]));
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
    }

    [PrivilegedFact]
    public void Nothing_of_the_tunnel_is_readable_outside()
    {
        using Tunnel tunnel = Tunnel.Start();
        byte[] secret = Encoding.ASCII.GetBytes("seen-outside?");
        using Socket capture = tunnel.Topology.Router(1).Run(() => new Socket(AddressFamily.Packet, SocketType.Raw, (ProtocolType)AllProtocols));
        tunnel.Topology.Client.Execute("ping", ["-c", "5", "-i", "0.1", "-s", "200", "-p", Convert.ToHexString(secret), NodeAddresses.Gateway4]);
        byte[] packet = new byte[65536];
        int packets = 0;
        while (capture.Poll(0, SelectMode.SelectRead))
        {
            int length = capture.Receive(packet);
            packets++;
            Assert.Equal(-1, packet.AsSpan(0, length).IndexOf(secret));
        }

        Assert.True(packets >= 10, $"only {packets} packets were seen");
    }
}
