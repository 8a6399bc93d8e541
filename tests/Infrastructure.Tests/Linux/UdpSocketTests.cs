using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

public sealed class UdpSocketTests
{
    private readonly byte[] _buffer = new byte[65536];

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void A_datagram_arrives_with_its_senders_endpoint(string address)
    {
        using UdpSocket receiver = UdpSocket.Open(new(At(address)));
        using UdpSocket sender = UdpSocket.Open(new(At(address)));
        Assert.NotEqual(0, receiver.Local.Port);

        Assert.Equal(SendStatus.Sent, sender.TrySendTo(receiver.Local, null, [1, 2, 3]).Status);
        ReceivedDatagram datagram = Waiting.Receive(receiver, _buffer);

        Assert.Equal(new byte[] { 1, 2, 3 }, _buffer[..datagram.Length]);
        Assert.Equal(sender.Local, datagram.Remote);
        Assert.Equal(3, datagram.SegmentSize);
        Assert.False(datagram.Truncated);
        Assert.Equal(ReceiveStatus.Empty, receiver.TryReceive(_buffer, out _));
    }

    [Fact]
    public void An_answer_leaves_from_the_address_that_was_asked()
    {
        using UdpSocket gateway = UdpSocket.Open(new(At("0.0.0.0")) { PacketInfo = true });
        using UdpSocket client = UdpSocket.Open(new(At("127.0.0.1")));
        Assert.Equal(SendStatus.Sent, client.TrySendTo(At("127.9.8.7", gateway.Local.Port), null, [1]).Status);
        ReceivedDatagram question = Waiting.Receive(gateway, _buffer);
        Assert.Equal(Address("127.9.8.7"), question.LocalAddress);
        Assert.Equal(1, question.InterfaceIndex);

        Assert.Equal(SendStatus.Sent, gateway.TrySendTo(question.Remote, question.LocalAddress, [2]).Status);
        Assert.Equal(At("127.9.8.7", gateway.Local.Port), Waiting.Receive(client, _buffer).Remote);
    }

    [PrivilegedFact]
    public void An_IPv6_answer_leaves_from_the_address_that_was_asked()
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        ns.Run(() =>
        {
            ns.Execute("ip address add fd00::7/128 dev lo nodad");
            Waiting.UntilLocal(ns, "fd00::7");
            using UdpSocket gateway = UdpSocket.Open(new(At("::")) { PacketInfo = true });
            using UdpSocket client = UdpSocket.Open(new(At("::1")));
            Assert.Equal(SendStatus.Sent, client.TrySendTo(At("fd00::7", gateway.Local.Port), null, [1]).Status);
            ReceivedDatagram question = Waiting.Receive(gateway, _buffer);
            Assert.Equal(Address("fd00::7"), question.LocalAddress);

            Assert.Equal(SendStatus.Sent, gateway.TrySendTo(question.Remote, question.LocalAddress, [2]).Status);
            Assert.Equal(At("fd00::7", gateway.Local.Port), Waiting.Receive(client, _buffer).Remote);
        });
    }

    [Fact]
    public void IPv4_and_IPv6_listen_on_one_port_side_by_side()
    {
        using UdpSocket six = UdpSocket.Open(new(At("::")));
        using UdpSocket four = UdpSocket.Open(new(At("0.0.0.0", six.Local.Port)));
        Assert.Equal(six.Local.Port, four.Local.Port);
    }

    [Fact]
    public void A_taken_port_is_an_error_that_names_it()
    {
        using UdpSocket first = UdpSocket.Open(new(At("127.0.0.1")));
        LinuxException error = Assert.Throws<LinuxException>(() => UdpSocket.Open(new(first.Local)));
        Assert.Equal($"bind {first.Local}: Address already in use (EADDRINUSE)", error.Message);
    }

    [Fact]
    public void A_device_that_does_not_exist_is_an_error_that_names_it()
    {
        LinuxException error = Assert.Throws<LinuxException>(() => UdpSocket.Open(new(At("0.0.0.0")) { Device = "nosuch9" }));
        Assert.Equal("bind a socket to device nosuch9: No such device (ENODEV)", error.Message);
    }

    [Fact]
    public void A_destination_of_the_other_family_is_a_local_error_and_no_exception()
    {
        using UdpSocket socket = UdpSocket.Open(new(At("0.0.0.0")));
        Assert.Equal(new SendResult(SendStatus.LocalError, Libc.EAFNOSUPPORT), socket.TrySendTo(At("::1", 9), null, [1]));
    }

    [Fact]
    public void A_datagram_longer_than_the_buffer_is_marked_as_truncated()
    {
        using UdpSocket receiver = UdpSocket.Open(new(At("127.0.0.1")));
        using UdpSocket sender = UdpSocket.Open(new(At("127.0.0.1")));
        _ = sender.TrySendTo(receiver.Local, null, new byte[100]);
        byte[] small = new byte[10];
        Assert.True(Waiting.Receive(receiver, small).Truncated);
    }

    [Fact]
    public void A_connected_socket_outlives_refused_datagrams()
    {
        using UdpSocket closed = UdpSocket.Open(new(At("127.0.0.1")));
        Endpoint remote = closed.Local;
        using UdpSocket client = UdpSocket.Open(new(At("127.0.0.1")) { Remote = remote });
        closed.Dispose();
        for (int i = 0; i < 5; i++) Assert.Equal(SendStatus.Sent, client.TrySend([1]).Status);
        Assert.Equal(ReceiveStatus.Empty, client.TryReceive(_buffer, out _));

        using UdpSocket reopened = UdpSocket.Open(new(remote));
        Assert.Equal(SendStatus.Sent, client.TrySend([7]).Status);
        Assert.Equal(client.Local, Waiting.Receive(reopened, _buffer).Remote);
    }

    [Fact]
    public void A_refused_datagram_shows_in_the_error_queue_with_its_destination()
    {
        using UdpSocket closed = UdpSocket.Open(new(At("127.0.0.1")));
        Endpoint remote = closed.Local;
        closed.Dispose();
        using UdpSocket client = UdpSocket.Open(new(At("127.0.0.1")) { ReceiveErrors = true });
        Assert.False(client.TryReceiveError(out _));
        Assert.Equal(SendStatus.Sent, client.TrySendTo(remote, null, [1]).Status);

        PathError error = default;
        Waiting.Until("an error", () => client.TryReceiveError(out error));
        Assert.Equal(new PathError(Libc.ECONNREFUSED, PathErrorOrigin.Icmp, 0, remote), error);
    }

    [Fact]
    public void Probing_sets_no_limit_of_its_own_and_an_oversized_datagram_is_a_local_error()
    {
        using UdpSocket receiver = UdpSocket.Open(new(At("127.0.0.1")));
        using UdpSocket sender = UdpSocket.Open(new(At("127.0.0.1")) { PathMtu = PathMtuMode.Probe, Remote = receiver.Local });
        Assert.Equal(SendStatus.Sent, sender.TrySend(new byte[60000]).Status);
        Assert.Equal(new SendResult(SendStatus.LocalError, Libc.EMSGSIZE), sender.TrySend(new byte[65535]));
        Assert.True(sender.PathMtu >= 65000);
    }

    [PrivilegedFact]
    public void Root_gets_the_buffers_that_were_asked_for()
    {
        using UdpSocket socket = UdpSocket.Open(new(At("127.0.0.1")) { ReceiveBuffer = 8 << 20, SendBuffer = 6 << 20 });
        Assert.Equal(16 << 20, socket.ReceiveBuffer);
        Assert.Equal(12 << 20, socket.SendBuffer);
    }

    [Fact]
    public void Receive_offload_hands_a_burst_over_with_its_segment_size()
    {
        using UdpSocket receiver = UdpSocket.Open(new(At("127.0.0.1")) { ReceiveOffload = true });
        Assert.True(receiver.ReceiveOffload);
        using UdpSocket sender = UdpSocket.Open(new(At("127.0.0.1")) { Remote = receiver.Local });
        unsafe
        {
            int segment = 100;
            Assert.Equal(0, Libc.setsockopt(sender.Descriptor, Libc.SOL_UDP, Libc.UDP_SEGMENT, &segment, sizeof(int)));
        }
        Assert.Equal(SendStatus.Sent, sender.TrySend(new byte[350]).Status);
        int total = 0;
        while (total < 350)
        {
            ReceivedDatagram bundle = Waiting.Receive(receiver, _buffer);
            total += bundle.Length;
            if (bundle.Length > 100) Assert.Equal(100, bundle.SegmentSize);
        }
        Assert.Equal(350, total);
    }

    [Fact]
    public void Sending_and_receiving_allocate_nothing()
    {
        using UdpSocket receiver = UdpSocket.Open(new(At("127.0.0.1")) { PacketInfo = true });
        using UdpSocket sender = UdpSocket.Open(new(At("127.0.0.1")));
        byte[] datagram = new byte[64];
        for (int i = 0; i < 20; i++) Exchange();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++) Exchange();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Exchange()
        {
            _ = sender.TrySendTo(receiver.Local, sender.Local.Address, datagram);
            while (receiver.TryReceive(_buffer, out _) == ReceiveStatus.Received)
            {
            }
        }
    }
}
