using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Tests.Linux;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>Two data planes over real TUN devices: what the kernel makes of the packets, with and without offloads.</summary>
public sealed class RealTunTests
{
    private const int StreamBytes = 24 << 20;

    [PrivilegedFact]
    public void Ping_goes_through_both_ways_over_IPv4_and_IPv6()
    {
        using var lab = new TunnelLab();
        lab.Left.Namespace.Execute("ping -c 3 -i 0.05 -W 2 10.9.0.2");
        lab.Right.Namespace.Execute("ping -c 3 -i 0.05 -W 2 10.9.0.1");
        lab.Left.Namespace.Execute("ping -6 -c 3 -i 0.05 -W 2 fd09::2");
        lab.Left.Namespace.Execute("ping -c 3 -i 0.05 -W 2 -M do -s 1392 10.9.0.2");
    }

    /// <summary>Nothing would flow any more, and nobody would know why: the node must hear of it, and end.</summary>
    [PrivilegedFact]
    public async Task A_device_that_somebody_removes_is_told()
    {
        using var lab = new TunnelLab();
        Assert.False(lab.Left.Plane.Failed.IsCompleted);
        lab.Left.Namespace.Execute($"ip link del {lab.Left.Tun.Name}");
        Exception fault = await lab.Left.Plane.Failed.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Contains("TUN device", Assert.IsType<LinuxException>(fault).Message, StringComparison.Ordinal);
    }

    [PrivilegedFact]
    public void Ping_goes_through_over_an_IPv6_outside()
    {
        using var lab = new TunnelLab(outerIPv6: true);
        lab.Left.Namespace.Execute("ping -c 3 -i 0.05 -W 2 10.9.0.2");
        Transfer(lab, "10.9.0.2", StreamBytes);
    }

    [PrivilegedFact]
    public void TCP_data_arrives_intact_both_ways_with_offloads()
    {
        using var lab = new TunnelLab();
        Transfer(lab, "10.9.0.2", StreamBytes);
        Transfer(lab, "fd09::2", StreamBytes);
        Assert.Equal(0, lab.Right.Plane.Drops(DropReason.Forged) + lab.Left.Plane.Drops(DropReason.Forged));
        Assert.Equal(0, lab.Right.Plane.Drops(DropReason.TunWrite) + lab.Left.Plane.Drops(DropReason.TunWrite));
    }

    [PrivilegedFact]
    public void TCP_data_arrives_intact_where_the_TUN_device_does_not_offload()
    {
        using var lab = new TunnelLab(offload: false);
        Transfer(lab, "10.9.0.2", StreamBytes / 4);
        Transfer(lab, "fd09::2", StreamBytes / 4);
    }

    [PrivilegedFact]
    public void TCP_data_arrives_intact_where_the_outer_link_splits_what_is_sent_at_once()
    {
        using var lab = new TunnelLab();
        lab.Left.Namespace.Execute("ethtool -K dp0 tx-udp-segmentation off gro on");
        lab.Right.Namespace.Execute("ethtool -K dp1 tx-udp-segmentation off gro on");
        Transfer(lab, "10.9.0.2", StreamBytes / 4);
    }

    [PrivilegedFact]
    public void TCP_data_arrives_intact_where_the_outer_link_can_not_finish_checksums()
    {
        using var lab = new TunnelLab();
        lab.Left.Namespace.Execute("ethtool -K dp0 tx off");
        lab.Right.Namespace.Execute("ethtool -K dp1 tx off");
        Transfer(lab, "10.9.0.2", StreamBytes / 4);
        Transfer(lab, "fd09::2", StreamBytes / 4);
    }

    [PrivilegedFact]
    public void UDP_datagrams_of_all_sizes_arrive_intact()
    {
        using var lab = new TunnelLab();
        foreach (string address in new[] { "10.9.0.2", "fd09::2" })
        {
            var family = IPAddress.Parse(address).AddressFamily;
            using Socket receiver = lab.Right.Namespace.Run(() => new Socket(family, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 3000, ReceiveBufferSize = 8 << 20 });
            using Socket sender = lab.Left.Namespace.Run(() => new Socket(family, SocketType.Dgram, ProtocolType.Udp));
            receiver.Bind(new IPEndPoint(IPAddress.Parse(address), 5001));
            sender.Connect(IPAddress.Parse(address), 5001);
            byte[] buffer = new byte[3000];
            // Up to above the MTU, where the inner stack fragments.
            for (int size = 0; size <= 2000; size += 7)
            {
                byte[] sent = RandomNumberGenerator.GetBytes(size);
                for (int i = 0; i < 3; i++) sender.Send(sent);
                for (int i = 0; i < 3; i++)
                {
                    Assert.True(receiver.Poll(3_000_000, SelectMode.SelectRead), $"{size} bytes to {address}, number {i}: {lab.Drops}");
                    int length = receiver.Receive(buffer);
                    Assert.Equal(sent, buffer.AsSpan(0, length));
                }
            }
        }
    }

    [PrivilegedFact]
    public void A_packet_larger_than_the_sessions_inner_MTU_is_answered_with_too_big_and_TCP_adapts()
    {
        using var lab = new TunnelLab();
        lab.Left.Plane.SetInnerMtu(TunnelLab.Node.Session, 1300);
        lab.Right.Plane.SetInnerMtu(TunnelLab.Node.Session, 1300);
        LinuxException refused = Assert.Throws<LinuxException>(() => lab.Left.Namespace.Execute("ping -c 2 -i 0.1 -W 1 -M do -s 1372 10.9.0.2"));
        Assert.Contains("exit code 1", refused.Message, StringComparison.Ordinal);
        lab.Left.Namespace.Execute("ping -c 2 -i 0.1 -W 1 -M do -s 1272 10.9.0.2");
        Transfer(lab, "10.9.0.2", StreamBytes / 8);
        Transfer(lab, "fd09::2", StreamBytes / 8);
        Assert.True(lab.Left.Plane.Drops(DropReason.TooBig) > 0);
        Assert.Equal(0, lab.Right.Plane.Drops(DropReason.Forged));
    }

    [PrivilegedFact]
    public void A_large_IPv4_packet_that_may_be_fragmented_goes_in_outer_fragments()
    {
        using var lab = new TunnelLab();
        lab.Left.Plane.SetInnerMtu(TunnelLab.Node.Session, 1300);
        lab.Right.Plane.SetInnerMtu(TunnelLab.Node.Session, 1300);
        lab.Left.Namespace.Execute("ip link set dp0 mtu 1332");
        lab.Right.Namespace.Execute("ip link set dp1 mtu 1332");
        lab.Left.Namespace.Execute("ping -c 3 -i 0.05 -W 2 -M dont -s 1372 10.9.0.2");
        Assert.Equal(0, lab.Left.Plane.Drops(DropReason.TooBig));
    }

    [PrivilegedFact]
    public void A_destination_without_a_session_is_answered_with_unreachable()
    {
        using var lab = new TunnelLab();
        lab.Left.Namespace.Execute("ip route add 10.99.0.0/24 dev jump0");
        lab.Left.Namespace.Execute("ip route add fd99::/64 dev jump0");
        foreach (string address in new[] { "10.99.0.1", "fd99::1" })
        {
            using Socket socket = lab.Left.Namespace.Run(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp));
            SocketException failure = Assert.Throws<SocketException>(() => socket.Connect(IPAddress.Parse(address), 80));
            Assert.Equal(SocketError.HostUnreachable, failure.SocketErrorCode);
        }
        Assert.True(lab.Left.Plane.Drops(DropReason.NoRoute) >= 2);
    }

    [PrivilegedFact]
    public void Packets_for_a_TUN_device_that_is_down_are_counted_and_nothing_breaks()
    {
        using var lab = new TunnelLab();
        lab.Right.Namespace.SetUp("jump0", false);
        Assert.Throws<LinuxException>(() => lab.Left.Namespace.Execute("ping -c 2 -i 0.05 -W 1 10.9.0.2"));
        Assert.True(lab.Right.Plane.Drops(DropReason.TunNotUp) > 0);
        lab.Right.Namespace.SetUp("jump0");
        lab.Left.Namespace.Execute("ping -c 2 -i 0.05 -W 2 10.9.0.2");
    }

    /// <summary>Sends datagrams that nobody reads.</summary>
    internal static void SendDatagrams(TunnelLab lab, string address, int count, int size)
    {
        using Socket sender = lab.Left.Namespace.Run(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        using Socket receiver = lab.Right.Namespace.Run(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        receiver.Bind(new IPEndPoint(IPAddress.Parse(address), 5003));
        sender.Connect(IPAddress.Parse(address), 5003);
        byte[] datagram = new byte[size];
        for (int i = 0; i < count; i++) sender.Send(datagram);
    }

    /// <summary>Sends random bytes to the right end, which sends them back, and compares hashes.</summary>
    internal static void Transfer(TunnelLab lab, string address, int bytes)
    {
        var endPoint = new IPEndPoint(IPAddress.Parse(address), 5002);
        using Socket listener = lab.Right.Namespace.Run(() => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(endPoint);
        listener.Listen();
        Task<byte[]> server = Task.Run(() =>
        {
            using Socket accepted = listener.Accept();
            accepted.ReceiveTimeout = accepted.SendTimeout = 15_000;
            byte[] hash = ReceiveAll(accepted, bytes);
            SendAll(accepted, bytes, seed: 2);
            return hash;
        });
        using Socket client = lab.Left.Namespace.Run(() => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        client.ReceiveTimeout = client.SendTimeout = 15_000;
        client.Connect(endPoint);
        SendAll(client, bytes, seed: 1);
        byte[] back = ReceiveAll(client, bytes);
        Assert.Equal(Expected(bytes, 1), server.GetAwaiter().GetResult());
        Assert.Equal(Expected(bytes, 2), back);
    }

    private static void SendAll(Socket socket, int bytes, int seed)
    {
        foreach (byte[] block in Blocks(bytes, seed)) socket.Send(block);
    }

    private static byte[] ReceiveAll(Socket socket, int bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 16];
        for (int received = 0; received < bytes;)
        {
            int length = socket.Receive(buffer);
            Assert.True(length > 0, $"the stream ended after {received} of {bytes} bytes");
            hash.AppendData(buffer, 0, length);
            received += length;
        }
        return hash.GetHashAndReset();
    }

    private static byte[] Expected(int bytes, int seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (byte[] block in Blocks(bytes, seed)) hash.AppendData(block);
        return hash.GetHashAndReset();
    }

    private static IEnumerable<byte[]> Blocks(int bytes, int seed)
    {
        byte[] block = new byte[1 << 16];
        new Random(seed).NextBytes(block);
        for (int sent = 0; sent < bytes; sent += block.Length)
        {
            BinaryPrimitives.WriteInt32LittleEndian(block, sent);
            yield return block;
        }
    }
}
