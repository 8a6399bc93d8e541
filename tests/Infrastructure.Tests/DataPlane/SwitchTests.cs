using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>Epochs: what binding, replacing, holding, limiting and removing them does to packets.</summary>
public sealed class SwitchTests : IDisposable
{
    private readonly PlaneHarness _it = new();

    public void Dispose() => _it.Dispose();

    [Fact]
    public void A_first_bind_replaces_nothing_and_counters_begin_at_0()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: false);
        Assert.Equal(0UL, _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never));
        for (int i = 0; i < 3; i++) _it.Tun.Send(PlaneHarness.Outward(i));
        for (int i = 0; i < 3; i++)
        {
            (uint index, ulong counter, byte flags, byte[] inner) = _it.Peer.Receive(keys);
            Assert.Equal((keys.RemoteIndex, (ulong)i, 0), (index, counter, flags));
            Assert.Equal(PlaneHarness.Outward(i), inner);
        }
    }

    [Fact]
    public void After_a_bind_packets_go_under_the_new_epoch_to_the_new_transport()
    {
        EpochKeys old = _it.Bound(0x1111);
        _it.Tun.Send(PlaneHarness.Outward(1));
        _it.Peer.Receive(old);
        using Peer other = _it.NewPeer();
        EpochKeys fresh = _it.Keys(0x2222);
        _it.Plane.InstallEpoch(PlaneHarness.Session, fresh.Traffic, PlaneHarness.From(other), held: false);
        Assert.Equal(1UL, _it.Plane.Bind(PlaneHarness.Session, fresh.LocalIndex, PlaneHarness.From(other), _it.Now + TimeSpan.FromSeconds(1)));
        _it.Tun.Send(PlaneHarness.Outward(2));
        Assert.Equal((fresh.RemoteIndex, 0UL), (other.Receive(fresh).Index, 0UL));
        Assert.True(_it.Peer.HearsNothing());
    }

    [Fact]
    public void The_counter_that_bind_returns_is_exact_while_packets_are_being_sent()
    {
        const int switches = 60;
        EpochKeys current = _it.Bound(1);
        EpochKeys[] all = [current, .. Enumerable.Range(2, switches).Select(i => _it.Keys((uint)i))];
        var seen = new Dictionary<uint, ulong>();
        bool stop = false;
        int sent = 0, received = 0, outOfTurn = 0;
        var sender = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                // Not more than fits the receiver's socket buffer: nothing may be lost on the way.
                if (sent - Volatile.Read(ref received) < 100) _it.Tun.Send(PlaneHarness.Outward(sent++));
                else Thread.Yield();
            }
        });
        var receiver = new Thread(() =>
        {
            while (sender.IsAlive || Volatile.Read(ref received) < sent)
            {
                if (_it.Peer.HearsNothing(sender.IsAlive ? 1 : 5000))
                {
                    if (!sender.IsAlive) return;
                    continue;
                }
                (uint index, ulong counter, _, _) = _it.Peer.Receive(all);
                if (counter != seen.GetValueOrDefault(index)) outOfTurn++;
                seen[index] = counter + 1;
                Volatile.Write(ref received, received + 1);
            }
        });
        sender.Start();
        receiver.Start();
        var ends = new Dictionary<uint, ulong>();
        foreach (EpochKeys next in all[1..])
        {
            Thread.Sleep(3);
            _it.Plane.InstallEpoch(PlaneHarness.Session, next.Traffic, PlaneHarness.From(_it.Peer), held: false);
            ends[current.RemoteIndex] = _it.Plane.Bind(PlaneHarness.Session, next.LocalIndex, PlaneHarness.From(_it.Peer), _it.Now + TimeSpan.FromSeconds(1));
            current = next;
        }
        Volatile.Write(ref stop, true);
        sender.Join();
        receiver.Join();
        Assert.Equal((sent, 0), (received, outOfTurn));
        foreach ((uint index, ulong end) in ends) Assert.Equal(end, seen.GetValueOrDefault(index));
        Assert.True(ends.Values.Count(end => end > 0) > switches / 2, "too little was sent to prove anything");
    }

    [Fact]
    public void An_old_epoch_receives_from_its_own_source_only_and_until_its_time_is_over()
    {
        EpochKeys old = _it.Bound(0x1111);
        using Peer other = _it.NewPeer();
        EpochKeys fresh = _it.Keys(0x2222);
        _it.Plane.InstallEpoch(PlaneHarness.Session, fresh.Traffic, PlaneHarness.From(other), held: false);
        _it.Plane.Bind(PlaneHarness.Session, fresh.LocalIndex, PlaneHarness.From(other), _it.Now + TimeSpan.FromSeconds(1));

        _it.Peer.Send(old, 0, PlaneHarness.Inward(1));
        Assert.Equal(PlaneHarness.Inward(1), _it.Tun.Receive().Packet);
        other.Send(old, 1, PlaneHarness.Inward(2));
        _it.Peer.Send(fresh, 0, PlaneHarness.Inward(3));
        Assert.True(_it.NothingDelivered());
        // Only the bound epoch's stray packets are worth a report.
        Assert.Equal(fresh.LocalIndex, Assert.Single(_it.Events.Unbound).Index);

        _it.Now += TimeSpan.FromSeconds(1);
        _it.Peer.Send(old, 1, PlaneHarness.Inward(4));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.EpochOver));
    }

    [Fact]
    public void An_old_epoch_is_forgotten_when_its_time_is_over()
    {
        EpochKeys old = _it.Bound(0x1111);
        EpochKeys fresh = _it.Keys(0x2222);
        _it.Plane.InstallEpoch(PlaneHarness.Session, fresh.Traffic, PlaneHarness.From(_it.Peer), held: false);
        _it.Plane.Bind(PlaneHarness.Session, fresh.LocalIndex, PlaneHarness.From(_it.Peer), _it.Now + TimeSpan.FromSeconds(1));
        _it.Now += TimeSpan.FromSeconds(1);
        _it.Plane.ForgetExpiredEpochs();
        _it.Peer.Send(old, 0, PlaneHarness.Inward(1));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.UnknownIndex));
    }

    [Fact]
    public void At_most_two_old_epochs_still_receive()
    {
        EpochKeys[] epochs = [.. Enumerable.Range(1, 4).Select(i => _it.Keys((uint)i))];
        foreach (EpochKeys keys in epochs)
        {
            _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: false);
            _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), _it.Now + TimeSpan.FromSeconds(9));
        }
        _it.Peer.Send(epochs[0], 0, PlaneHarness.Inward(0));
        for (int i = 1; i < 4; i++)
        {
            _it.Peer.Send(epochs[i], 0, PlaneHarness.Inward(i));
            Assert.Equal(PlaneHarness.Inward(i), _it.Tun.Receive().Packet);
        }
        Assert.Equal(1, _it.Drops(DropReason.UnknownIndex));
    }

    [Fact]
    public void An_installed_epoch_delivers_from_its_source_before_it_is_bound()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: false);
        _it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        Assert.Equal(PlaneHarness.Inward(1), _it.Tun.Receive().Packet);
        using Peer elsewhere = _it.NewPeer();
        elsewhere.Send(keys, 1, PlaneHarness.Inward(2));
        Assert.True(_it.NothingDelivered());
        Assert.Empty(_it.Events.Unbound);
    }

    [Fact]
    public void A_held_epoch_keeps_its_packets_in_order_until_it_is_bound()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
        for (int i = 0; i < 10; i++) _it.Peer.Send(keys, (ulong)i, PlaneHarness.Inward(i));
        Assert.True(_it.NothingDelivered());
        _it.Peer.Send(keys, 3, PlaneHarness.Inward(3));
        _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never);
        _it.Peer.Send(keys, 10, PlaneHarness.Inward(10));
        for (int i = 0; i <= 10; i++) Assert.Equal(PlaneHarness.Inward(i), _it.Tun.Receive().Packet);
        Assert.Equal(1, _it.Drops(DropReason.Replayed));
    }

    [Fact]
    public void A_control_frame_under_a_held_epoch_is_passed_on_at_once()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
        _it.Peer.Send(keys, 0, [1, 2, 3]);
        _it.Settle();
        Assert.Equal(keys.LocalIndex, Assert.Single(_it.Events.Frames).Index);
    }

    [Fact]
    public void A_session_holds_64_packets_and_refuses_the_newest()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
        for (int i = 0; i < 70; i++) _it.Peer.Send(keys, (ulong)i, PlaneHarness.Inward(i));
        _it.Settle();
        Assert.Equal(6, _it.Drops(DropReason.HeldOverflow));
        _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never);
        for (int i = 0; i < 64; i++) Assert.Equal(PlaneHarness.Inward(i), _it.Tun.Receive().Packet);
        Assert.True(_it.NothingDelivered());
    }

    [Fact]
    public void A_session_holds_96_kilobytes_over_all_its_epochs()
    {
        byte[] large = Packets.Udp(PlaneHarness.Inside, PlaneHarness.Host, new byte[8000]);
        int fit = HeldQueue.MaxBytes / large.Length;
        foreach (uint index in new uint[] { 1, 2 })
        {
            EpochKeys keys = _it.Keys(index);
            _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
            for (int i = 0; i < 8; i++) _it.Peer.Send(keys, (ulong)i, large);
        }
        _it.Settle();
        Assert.Equal(16 - fit, _it.Drops(DropReason.HeldOverflow));
    }

    [Fact]
    public void All_sessions_together_hold_8_megabytes()
    {
        byte[] payload = new byte[16_000];
        const int sessions = 100;
        for (int s = 0; s < sessions; s++)
        {
            var id = new SessionId((UInt128)(1000 + s));
            _it.Plane.OpenSession(id, PlaneHarness.Prefixes($"10.10.0.{s}/32"), 1420);
            EpochKeys keys = _it.Keys((uint)(1000 + s));
            _it.Plane.InstallEpoch(id, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
            for (int i = 0; i < 6; i++) _it.Peer.Send(keys, (ulong)i, Packets.Udp($"10.10.0.{s}", PlaneHarness.Host, payload));
            _it.Settle();
        }
        int fit = HeldQueue.MaxTotalBytes / (payload.Length + 28);
        Assert.Equal(sessions * 6 - fit, _it.Drops(DropReason.HeldOverflow));
        // What one session gives back another may use.
        for (int s = 0; s < sessions; s++) _it.Plane.CloseSession(new((UInt128)(1000 + s)));
        Assert.Equal(fit, _it.Drops(DropReason.HeldDropped));
        EpochKeys again = _it.Keys(1);
        _it.Plane.InstallEpoch(PlaneHarness.Session, again.Traffic, PlaneHarness.From(_it.Peer), held: true);
        _it.Peer.Send(again, 0, PlaneHarness.Inward(1));
        _it.Settle();
        Assert.Equal(sessions * 6 - fit, _it.Drops(DropReason.HeldOverflow));
    }

    [Fact]
    public void Removing_a_held_epoch_drops_its_packets()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
        for (int i = 0; i < 5; i++) _it.Peer.Send(keys, (ulong)i, PlaneHarness.Inward(i));
        _it.Settle();
        _it.Plane.RemoveEpoch(PlaneHarness.Session, keys.LocalIndex);
        Assert.Equal(5, _it.Drops(DropReason.HeldDropped));
        _it.Peer.Send(keys, 5, PlaneHarness.Inward(5));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.UnknownIndex));
    }

    [Fact]
    public void Unbinding_stops_both_directions_before_it_returns()
    {
        EpochKeys keys = _it.Bound();
        _it.Tun.Send(PlaneHarness.Outward(1));
        _it.Peer.Receive(keys);
        _it.Plane.Unbind(PlaneHarness.Session);
        _it.Tun.Send(PlaneHarness.Outward(2));
        _it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        Assert.True(_it.Peer.HearsNothing());
        Assert.True(_it.NothingDelivered());
        Assert.False(_it.Plane.SendControl(PlaneHarness.Session, [1]));
        Assert.Equal((1, 1), (_it.Drops(DropReason.NotBound), _it.Drops(DropReason.UnknownIndex)));
        Assert.True(_it.Plane.TryReadCounters(PlaneHarness.Session, out TrafficCounters counters));
        Assert.Equal((0u, 1UL), (counters.LocalIndex, counters.SentPackets));
    }

    [Fact]
    public void Nothing_is_sent_or_delivered_after_unbind_returned_even_under_load()
    {
        for (uint round = 1; round <= 20; round++)
        {
            EpochKeys keys = _it.Bound(round);
            bool stop = false;
            var load = new Thread(() =>
            {
                for (int i = 0; !Volatile.Read(ref stop); i++)
                {
                    _it.Tun.Send(PlaneHarness.Outward(i));
                    _it.Peer.Send(keys, (ulong)i, PlaneHarness.Inward(i));
                    if (i % 64 == 0) Thread.Sleep(0);
                }
            });
            load.Start();
            Thread.Sleep(5);
            _it.Plane.Unbind(PlaneHarness.Session);
            while (!_it.Peer.HearsNothing(0)) _it.Peer.Receive(keys);
            while (_it.Tun.TryReceive(TimeSpan.Zero, out _, out _))
            {
            }
            Assert.True(_it.Peer.HearsNothing(3));
            Assert.False(_it.Tun.TryReceive(TimeSpan.FromMilliseconds(3), out _, out _));
            Volatile.Write(ref stop, true);
            load.Join();
        }
    }

    [Fact]
    public void Closing_a_session_takes_its_routes_and_lets_an_older_session_with_them_reappear()
    {
        EpochKeys keys = _it.Bound();
        var other = new SessionId(43);
        _it.Plane.OpenSession(other, PlaneHarness.Prefixes($"{PlaneHarness.Inside}/32"), 1420);
        _it.Tun.Send(PlaneHarness.Outward(1));
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.NotBound) == 1);
        _it.Plane.CloseSession(other);
        _it.Tun.Send(PlaneHarness.Outward(2));
        Assert.Equal(PlaneHarness.Outward(2), _it.Peer.Receive(keys).Inner);
        _it.Plane.CloseSession(PlaneHarness.Session);
        _it.Tun.Send(PlaneHarness.Outward(3));
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.NoRoute) == 1);
        Assert.False(_it.Plane.TryReadCounters(PlaneHarness.Session, out _));
    }

    [Fact]
    public void A_control_frame_is_sent_under_the_bound_epoch_and_takes_a_counter()
    {
        EpochKeys keys = _it.Bound();
        Assert.True(_it.Plane.SendControl(PlaneHarness.Session, [0x02, 9]));
        Assert.True(_it.Plane.SendControl(PlaneHarness.Session, []));
        (uint index, ulong counter, byte flags, byte[] frame) = _it.Peer.Receive(keys);
        Assert.Equal((keys.RemoteIndex, 0UL, 0), (index, counter, flags));
        Assert.Equal([0x02, 9], frame);
        Assert.Empty(_it.Peer.Receive(keys).Inner);
        _it.Plane.TryReadCounters(PlaneHarness.Session, out TrafficCounters counters);
        Assert.Equal((2UL, 0UL, _it.Now), (counters.Sent, counters.SentPackets, counters.LastSent));
    }

    [Fact]
    public void An_epoch_is_heard_once_by_the_first_authentic_packet_from_its_own_source()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: false);
        using Peer other = _it.NewPeer();
        other.Send(keys, 0, PlaneHarness.Inward(1));
        _it.Peer.Send(_it.Keys(0x1111), 0, PlaneHarness.Inward(1));
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.UnboundSource) == 1 && _it.Drops(DropReason.Forged) == 1);
        Assert.Empty(_it.Events.Heard);
        _it.Peer.Send(keys, 5, []);
        _it.Peer.Send(keys, 6, PlaneHarness.Inward(2));
        _it.Settle();
        _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never);
        _it.Peer.Send(keys, 7, PlaneHarness.Inward(3));
        _it.Settle();
        Assert.Equal((PlaneHarness.Session, 0x1111U), Assert.Single(_it.Events.Heard));
    }

    [Fact]
    public void What_an_epoch_holds_is_not_told()
    {
        EpochKeys keys = _it.Keys(0x1111);
        _it.Plane.InstallEpoch(PlaneHarness.Session, keys.Traffic, PlaneHarness.From(_it.Peer), held: true);
        _it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        _it.Settle();
        _it.Plane.Bind(PlaneHarness.Session, keys.LocalIndex, PlaneHarness.From(_it.Peer), Instant.Never);
        _it.Peer.Send(keys, 1, PlaneHarness.Inward(2));
        PlaneHarness.WaitFor(() => _it.Plane.TryReadCounters(PlaneHarness.Session, out TrafficCounters counters) && counters.Received == 2);
        Assert.Empty(_it.Events.Heard);
    }

    [Fact]
    public void Resumed_traffic_is_told_once_in_either_direction()
    {
        EpochKeys keys = _it.Bound();
        _it.Plane.ArmTrafficResumed(PlaneHarness.Session);
        _it.Peer.Send(keys, 0, []);
        _it.Peer.Send(keys, 1, [1]);
        _it.Settle();
        Assert.Empty(_it.Events.Resumed);
        _it.Peer.Send(keys, 2, PlaneHarness.Inward(1));
        _it.Peer.Send(keys, 3, PlaneHarness.Inward(1));
        _it.Settle();
        Assert.Single(_it.Events.Resumed);
        _it.Plane.ArmTrafficResumed(PlaneHarness.Session);
        _it.Tun.Send(PlaneHarness.Outward(1));
        _it.Tun.Send(PlaneHarness.Outward(2));
        _it.Peer.Receive(keys);
        _it.Peer.Receive(keys);
        Assert.Equal(2, _it.Events.Resumed.Count);
    }
}
