using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>The deadline of serving, and sockets that come and go.</summary>
public sealed class ServingTests : IDisposable
{
    private readonly PlaneHarness _it = new();

    public void Dispose() => _it.Dispose();

    [Fact]
    public void When_the_deadline_comes_nothing_is_delivered_sent_or_told()
    {
        EpochKeys keys = _it.Bound();
        _it.Plane.SetServeUntil(_it.LeaseNow + TimeSpan.FromSeconds(1));
        _it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        _it.Tun.Receive();
        _it.Tun.Send(PlaneHarness.Outward(1));
        _it.Peer.Receive(keys);

        _it.LeaseNow += TimeSpan.FromSeconds(1);
        _it.Peer.Send(keys, 1, PlaneHarness.Inward(2));
        _it.Peer.Send(keys, 2, [1]);
        _it.Peer.Send([5]);
        _it.Tun.Send(PlaneHarness.Outward(2));
        Assert.False(_it.Plane.SendControl(PlaneHarness.Session, [1]));
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.NotServing) == 4);
        Assert.True(_it.Peer.HearsNothing());
        Assert.False(_it.Tun.TryReceive(TimeSpan.Zero, out _, out _));
        Assert.Empty(_it.Events.Frames);
        Assert.Empty(_it.Events.Datagrams);

        _it.Plane.SetServeUntil(Instant.Never);
        _it.Peer.Send(keys, 3, PlaneHarness.Inward(3));
        Assert.Equal(PlaneHarness.Inward(3), _it.Tun.Receive().Packet);
    }

    [Fact]
    public async Task A_deadline_that_is_moved_while_another_command_waits_takes_effect_at_once()
    {
        _it.Bound();
        _it.Plane.SetServeUntil(_it.LeaseNow + TimeSpan.FromSeconds(1));
        using var gate = new ManualResetEventSlim();
        _it.Events.Gate = gate;
        _it.Peer.Send([9]);
        PlaneHarness.WaitFor(() => _it.Events.AtGate);
        var command = Task.Run(() => _it.Plane.CloseSession(PlaneHarness.Session));
        try
        {
            await Task.Delay(20);
            Assert.False(command.IsCompleted);
            // The removal waits for the receiving thread; the renewal must not wait for the removal.
            await Task.Run(() => _it.Plane.SetServeUntil(_it.LeaseNow + TimeSpan.FromSeconds(2))).WaitAsync(TimeSpan.FromSeconds(2));
        }
        finally
        {
            _it.Events.Gate = null;
            gate.Set();
        }
        await command.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void When_the_deadline_comes_held_packets_are_not_delivered_any_more()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
        _it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        _it.Settle();
        _it.Plane.SetServeUntil(_it.LeaseNow);
        _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never);
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.NotServing) == 1);
        _it.Plane.SetServeUntil(Instant.Never);
        Assert.True(_it.NothingDelivered());
    }

    [Fact]
    public void A_removed_socket_is_not_used_any_more_and_a_new_one_of_its_number_takes_no_old_binding()
    {
        EpochKeys keys = _it.Bound();
        _it.Plane.RemoveSocket(PlaneHarness.Socket);
        _it.Tun.Send(PlaneHarness.Outward(1));
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.SocketGone) == 1);
        using UdpSocket other = UdpSocket.Open(new(Endpoint.FromIPv4(0x7F00_0001, 0)));
        _it.Plane.AddSocket(PlaneHarness.Socket, other.Descriptor, isIPv6: false);
        _it.Tun.Send(PlaneHarness.Outward(2));
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.SocketGone) == 2);
        _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never);
        _it.Tun.Send(PlaneHarness.Outward(3));
        Assert.Equal(PlaneHarness.Outward(3), _it.Peer.Receive(keys).Inner);
    }

    [Fact]
    public void Sockets_come_and_go_under_load_and_no_descriptor_is_used_after_it_was_given_back()
    {
        EpochKeys keys = _it.Bound();
        bool stop = false;
        var load = new Thread(() =>
        {
            for (ulong i = 0; !Volatile.Read(ref stop); i++)
            {
                _it.Tun.Send(PlaneHarness.Outward(1));
                _it.Peer.Send(keys, i, PlaneHarness.Inward(1));
                while (_it.Tun.TryReceive(TimeSpan.Zero, out _, out _))
                {
                }
                while (!_it.Peer.HearsNothing(0)) _it.Peer.Receive(keys);
            }
        });
        load.Start();
        for (int i = 0; i < 200; i++)
        {
            UdpSocket socket = UdpSocket.Open(new(Endpoint.FromIPv4(0x7F00_0001, 0)));
            _it.Plane.AddSocket(100, socket.Descriptor, isIPv6: false);
            _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer) with { Socket = 100 }, Instant.Never);
            _it.Plane.RemoveSocket(100);
            socket.Dispose();
            // Takes the number that was just given back: a late send or receive on it would show up here.
            using var pipe = new EventFd();
            Thread.Yield();
            Assert.False(pipe.Drain());
        }
        Volatile.Write(ref stop, true);
        load.Join();
        Assert.Empty(_it.Events.Failures);
        Assert.False(_it.Plane.Failed.IsCompleted);
    }

    [Fact]
    public void The_address_that_was_asked_is_told_and_answers_leave_from_it()
    {
        using var it = new PlaneHarness(packetInfo: true);
        Endpoint asked = new(Endpoint.FromIPv4(0x7F00_0002, 0).Address, it.Peer.Plane.Port);
        it.Peer.Plane = asked;
        it.Peer.Send([5]);
        PlaneHarness.WaitFor(() => !it.Events.Datagrams.IsEmpty);
        TransportAddress source = Assert.Single(it.Events.Datagrams).Source;
        Assert.Equal(new TransportAddress(PlaneHarness.Socket, asked, it.Peer.Address), source);

        EpochKeys keys = it.Keys(1);
        it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, source, held: false);
        it.Plane.Bind(PlaneHarness.Session, 1, source, Instant.Never);
        it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        Assert.Equal(PlaneHarness.Inward(1), it.Tun.Receive().Packet);
        it.Tun.Send(PlaneHarness.Outward(1));
        it.Peer.Receive(keys);
        Assert.Equal(asked, it.Peer.LastSource);
        for (int i = 0; i < 3; i++) it.Tun.Send(PlaneHarness.Outward(2));
        for (int i = 0; i < 3; i++) it.Peer.Receive(keys);
        Assert.Equal(asked, it.Peer.LastSource);

        // To another of our addresses it is another transport.
        it.Peer.Plane = asked with { Address = Endpoint.FromIPv4(0x7F00_0003, 0).Address };
        it.Peer.Send(keys, 1, PlaneHarness.Inward(2));
        PlaneHarness.WaitFor(() => !it.Events.Unbound.IsEmpty);
        Assert.True(it.NothingDelivered());
    }

    [Fact]
    public void A_send_that_the_host_refuses_is_told_at_a_bounded_rate()
    {
        EpochKeys keys = _it.Keys(1);
        Endpoint.TryParse("255.255.255.255:9", out Endpoint broadcast);
        var transport = new TransportAddress(PlaneHarness.Socket, default, broadcast);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, transport, held: false);
        _it.Plane.Bind(PlaneHarness.Session, 1, transport, Instant.Never);
        for (int i = 0; i < 100; i++)
        {
            _it.Tun.Send(PlaneHarness.Outward(i));
            PlaneHarness.WaitFor(() => _it.Drops(DropReason.SendFailed) == i + 1);
        }
        Assert.Equal(20, _it.Events.Failures.Count);
        Assert.All(_it.Events.Failures, failure => Assert.Equal(PlaneHarness.Socket, failure.Socket));
    }

    [Fact]
    public async Task Commands_from_a_packet_thread_are_refused()
    {
        var events = new CallingBack();
        using var tun = new FakeTun();
        using UdpSocket socket = UdpSocket.Open(new(Endpoint.FromIPv4(0x7F00_0001, 0)));
        using var plane = new JumpingVpn.Infrastructure.DataPlane.DataPlane(new()
        {
            Tun = tun.Descriptor,
            UdpSegmentation = true,
            Secrets = _it.Secrets,
            Ciphers = PacketCipherSelector.Select().IfLeft(error => throw new InvalidOperationException(error)),
            Clock = BootClock.Now,
            Events = events,
        });
        events.Plane = plane;
        plane.AddSocket(1, socket.Descriptor, isIPv6: false);
        socket.TrySendTo(socket.Local, null, [5]);
        Assert.IsType<InvalidOperationException>(await plane.Failed.WaitAsync(TimeSpan.FromSeconds(5)));
        // A thread that died holds nobody up.
        plane.RemoveSocket(1);
    }

    private sealed class CallingBack : IDataPlaneEvents
    {
        public IDataPlane? Plane { get; set; }

        public ControlVerdict ControlDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant received)
        {
            Plane!.RemoveSocket(source.Socket);
            return ControlVerdict.Taken;
        }

        public void ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame)
        {
        }

        public void UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source)
        {
        }

        public void TrafficResumed(SessionId session)
        {
        }

        public void EpochHeard(SessionId session, uint localIndex)
        {
        }

        public void SendFailed(int socket, int errno)
        {
        }
    }
}
