using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>Each line of the receive path's checklist, from outside: a datagram on a real socket, and what came out.</summary>
public sealed class ReceiveChecklistTests : IDisposable
{
    private readonly PlaneHarness _it = new();

    public void Dispose() => _it.Dispose();

    [Theory]
    [InlineData(PlaneHarness.Inside)]
    [InlineData(PlaneHarness.Inside6)]
    public void A_packet_from_the_bound_source_is_delivered_as_it_was(string source)
    {
        EpochKeys keys = _it.Bound();
        byte[] packet = PlaneHarness.Inward(1, source);
        _it.Peer.Send(keys, 0, packet);
        (VirtioNetHeader header, byte[] delivered) = _it.Tun.Receive();
        Assert.Equal(packet, delivered);
        Assert.Equal(0, header.Flags);
        Assert.Equal(VirtioNetHeader.GsoNone, header.GsoType);
        Assert.True(_it.Plane.TryReadCounters(PlaneHarness.Session, out TrafficCounters counters));
        Assert.Equal((1UL, 1UL, 1UL, (ulong)packet.Length), (counters.HighestReceived, counters.Received, counters.ReceivedPackets, counters.ReceivedBytes));
        Assert.Equal(_it.Now, counters.LastReceived);
    }

    [Fact]
    public void A_datagram_of_another_type_is_passed_on_with_its_source()
    {
        _it.Peer.Send([5, 1, 2, 3]);
        PlaneHarness.WaitFor(() => !_it.Events.Datagrams.IsEmpty);
        (TransportAddress source, byte[] datagram) = Assert.Single(_it.Events.Datagrams);
        Assert.Equal(new TransportAddress(PlaneHarness.Socket, default, _it.Peer.Address), source);
        Assert.Equal([5, 1, 2, 3], datagram);
    }

    [Fact]
    public void A_control_datagram_longer_than_any_is_dropped()
    {
        _it.Peer.Send(new byte[PacketHeader.MaxControlDatagram + 1]);
        _it.Settle();
        Assert.Equal(1, _it.Drops(DropReason.ControlTooLong));
        Assert.Single(_it.Events.Datagrams);
    }

    [Fact]
    public void An_empty_datagram_and_a_data_packet_shorter_than_header_and_tag_are_dropped()
    {
        EpochKeys keys = _it.Bound();
        _it.Peer.Send([]);
        _it.Peer.Send(Peer.Seal(keys, 0, []).AsSpan(..31));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(2, _it.Drops(DropReason.TooShort));
    }

    [Theory]
    [InlineData(1, 0x04)]
    [InlineData(1, 0x80)]
    [InlineData(2, 0x01)]
    [InlineData(3, 0x01)]
    public void A_reserved_bit_is_refused_even_where_it_is_authentic(int at, byte bit)
    {
        EpochKeys keys = _it.Bound();
        byte[] datagram = Peer.Seal(keys, 0, PlaneHarness.Inward(1), at == 1 ? bit : (byte)0);
        if (at != 1) datagram[at] = bit;
        _it.Peer.Send(datagram);
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.ReservedBits));
    }

    [Fact]
    public void A_receiver_index_that_nobody_has_is_dropped()
    {
        _it.Bound(0x1111);
        _it.Peer.Send(_it.Keys(0x2222), 0, PlaneHarness.Inward(1));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.UnknownIndex));
    }

    [Fact]
    public void Every_bit_of_a_packet_but_the_index_is_authentic()
    {
        EpochKeys keys = _it.Bound();
        byte[] good = Peer.Seal(keys, 5, PlaneHarness.Inward(1));
        int sent = 0;
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            // The index chooses the key; the type and the reserved bits are refused earlier.
            if (bit / 8 is 0 or 2 or 3 or 4 or 5 or 6 or 7 || bit is >= 10 and < 16 || bit / 8 == 15) continue;
            byte[] forged = [.. good];
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            _it.Peer.Send(forged);
            sent++;
        }
        Assert.True(_it.NothingDelivered());
        Assert.Equal(sent, _it.Drops(DropReason.Forged));
        _it.Peer.Send(good);
        Assert.Equal(PlaneHarness.Inward(1), _it.Tun.Receive().Packet);
    }

    [Fact]
    public void Counters_from_the_end_of_a_limited_epoch_on_are_refused()
    {
        EpochKeys keys = _it.Bound();
        _it.Plane.LimitEpoch(PlaneHarness.Session, keys.LocalIndex, 10);
        _it.Peer.Send(keys, 10, PlaneHarness.Inward(1));
        _it.Peer.Send(keys, 9, PlaneHarness.Inward(2));
        Assert.Equal(PlaneHarness.Inward(2), _it.Tun.Receive().Packet);
        Assert.Equal(1, _it.Drops(DropReason.EpochOver));
    }

    [Fact]
    public void A_counter_of_2_to_the_60_is_refused()
    {
        EpochKeys keys = _it.Bound();
        _it.Peer.Send(keys, 1UL << 60, PlaneHarness.Inward(1));
        _it.Peer.Send(keys, (1UL << 60) - 1, PlaneHarness.Inward(2));
        Assert.Equal(PlaneHarness.Inward(2), _it.Tun.Receive().Packet);
        Assert.Equal(1, _it.Drops(DropReason.EpochOver));
    }

    [Fact]
    public void A_packet_from_an_unbound_source_is_reported_and_neither_delivered_nor_marked()
    {
        EpochKeys keys = _it.Bound();
        using Peer elsewhere = _it.NewPeer();
        byte[] datagram = Peer.Seal(keys, 3, PlaneHarness.Inward(1));
        elsewhere.Send(datagram);
        PlaneHarness.WaitFor(() => !_it.Events.Unbound.IsEmpty);
        Assert.Equal((PlaneHarness.Session, keys.LocalIndex, 3UL, PlaneHarness.From(elsewhere)), Assert.Single(_it.Events.Unbound));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.UnboundSource));
        _it.Peer.Send(datagram);
        Assert.Equal(PlaneHarness.Inward(1), _it.Tun.Receive().Packet);
    }

    [Fact]
    public void Reports_and_decryptions_of_unbound_sources_are_bounded()
    {
        EpochKeys keys = _it.Bound();
        using Peer elsewhere = _it.NewPeer();
        for (ulong i = 0; i < 300; i++) elsewhere.Send(keys, i, PlaneHarness.Inward(1));
        _it.Settle();
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.UnboundSource) + _it.Drops(DropReason.UnboundSourceFlood) == 300);
        Assert.Equal(50, _it.Events.Unbound.Count);
        Assert.Equal(100, _it.Drops(DropReason.UnboundSourceFlood));
        _it.Now += TimeSpan.FromSeconds(1);
        elsewhere.Send(keys, 0, PlaneHarness.Inward(1));
        PlaneHarness.WaitFor(() => _it.Events.Unbound.Count == 51);
    }

    [Fact]
    public void A_forged_packet_from_an_unbound_source_is_not_reported()
    {
        EpochKeys keys = _it.Bound();
        using Peer elsewhere = _it.NewPeer();
        byte[] forged = Peer.Seal(keys, 3, PlaneHarness.Inward(1));
        forged[^1] ^= 1;
        elsewhere.Send(forged);
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.Forged) == 1);
        Assert.Empty(_it.Events.Unbound);
    }

    [Fact]
    public void A_replay_is_refused()
    {
        EpochKeys keys = _it.Bound();
        byte[] datagram = Peer.Seal(keys, 3, PlaneHarness.Inward(1));
        _it.Peer.Send(datagram);
        _it.Tun.Receive();
        _it.Peer.Send(datagram);
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.Replayed));
    }

    [Fact]
    public void Reordering_up_to_the_window_loses_nothing_and_beyond_it_is_refused()
    {
        EpochKeys keys = _it.Bound();
        _it.Peer.Send(keys, 10_000, PlaneHarness.Inward(0));
        _it.Tun.Receive();
        _it.Peer.Send(keys, 10_000 - 8127, PlaneHarness.Inward(1));
        Assert.Equal(PlaneHarness.Inward(1), _it.Tun.Receive().Packet);
        _it.Peer.Send(keys, 10_000 - 8128, PlaneHarness.Inward(2));
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.Replayed));
    }

    [Fact]
    public void An_empty_packet_is_a_sign_of_life_and_nothing_else()
    {
        EpochKeys keys = _it.Bound();
        _it.Now += TimeSpan.FromSeconds(3);
        _it.Peer.Send(keys, 0, []);
        Assert.True(_it.NothingDelivered());
        _it.Plane.TryReadCounters(PlaneHarness.Session, out TrafficCounters counters);
        Assert.Equal((1UL, 0UL, _it.Now), (counters.Received, counters.ReceivedPackets, counters.LastReceived));
    }

    [Fact]
    public void A_control_frame_is_passed_on_once_and_only_from_the_bound_source()
    {
        EpochKeys keys = _it.Bound();
        using Peer elsewhere = _it.NewPeer();
        byte[] frame = [0x01, 2, 3];
        elsewhere.Send(keys, 0, frame);
        _it.Peer.Send(keys, 0, frame);
        _it.Peer.Send(keys, 0, frame);
        _it.Settle();
        (SessionId session, uint index, byte[] passed) = Assert.Single(_it.Events.Frames);
        Assert.Equal((PlaneHarness.Session, keys.LocalIndex), (session, index));
        Assert.Equal(frame, passed);
        Assert.True(_it.NothingDelivered());
    }

    [Fact]
    public void A_control_frame_of_more_than_1024_bytes_is_dropped()
    {
        EpochKeys keys = _it.Bound();
        _it.Peer.Send(keys, 0, new byte[1024]);
        _it.Peer.Send(keys, 1, new byte[1025]);
        _it.Settle();
        Assert.Single(_it.Events.Frames);
        Assert.Equal(1, _it.Drops(DropReason.InnerMalformed));
    }

    [Fact]
    public void An_inner_packet_whose_length_field_disagrees_is_dropped()
    {
        EpochKeys keys = _it.Bound();
        ulong counter = 0;
        foreach (string source in new[] { PlaneHarness.Inside, PlaneHarness.Inside6 })
        {
            byte[] packet = PlaneHarness.Inward(1, source);
            _it.Peer.Send(keys, counter++, [.. packet, 0]);
            _it.Peer.Send(keys, counter++, packet.AsSpan(..^1));
            _it.Peer.Send(keys, counter++, packet.AsSpan(..1));
            _it.Peer.Send(keys, counter++, packet.AsSpan(..19));
        }
        byte[] longHeader = PlaneHarness.Inward(1);
        longHeader[0] = 0x4F;
        _it.Peer.Send(keys, counter++, longHeader);
        byte[] shortHeader = PlaneHarness.Inward(1);
        shortHeader[0] = 0x44;
        _it.Peer.Send(keys, counter++, shortHeader);
        _it.Peer.Send(keys, counter++, [0x50, .. PlaneHarness.Inward(1)[1..]]);
        Assert.True(_it.NothingDelivered());
        Assert.Equal((long)counter, _it.Drops(DropReason.InnerMalformed));
    }

    [Theory]
    [InlineData("10.9.0.3")]
    [InlineData("127.0.0.1")]
    [InlineData("fd09::3")]
    [InlineData("::ffff:10.9.0.2")]
    public void An_inner_source_that_is_not_the_sessions_is_dropped(string source)
    {
        EpochKeys keys = _it.Bound();
        byte[] packet = source == "::ffff:10.9.0.2" ? Mapped() : PlaneHarness.Inward(1, source);
        _it.Peer.Send(keys, 0, packet);
        Assert.True(_it.NothingDelivered());
        Assert.Equal(1, _it.Drops(DropReason.InnerSource));

        static byte[] Mapped()
        {
            byte[] packet = PlaneHarness.Inward(1, PlaneHarness.Inside6);
            byte[] address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 9, 0, 2];
            address.CopyTo(packet, 8);
            return packet;
        }
    }

    [Fact]
    public void A_missing_checksum_is_left_to_the_kernel_to_finish()
    {
        EpochKeys keys = _it.Bound();
        byte[] packet = PlaneHarness.Inward(1);
        packet[26] = packet[27] = 0;
        _it.Peer.Send(keys, 0, packet, PacketHeader.ChecksumMissing);
        (VirtioNetHeader header, byte[] delivered) = _it.Tun.Receive();
        Assert.Equal((VirtioNetHeader.NeedsChecksum, 20, 6), (header.Flags, header.ChecksumStart, header.ChecksumOffset));
        Assert.Equal(Packets.PseudoHeaderSum(packet), (ushort)(delivered[26] << 8 | delivered[27]));
    }

    [Fact]
    public void A_missing_checksum_where_there_is_none_is_refused()
    {
        EpochKeys keys = _it.Bound();
        byte[] icmp = Packets.Ip(PlaneHarness.Inside, PlaneHarness.Host, 1, new byte[8], 2);
        _it.Peer.Send(keys, 0, icmp, PacketHeader.ChecksumMissing);
        byte[] fragment = PlaneHarness.Inward(1);
        fragment[6] = 0x20;
        _it.Peer.Send(keys, 1, fragment, PacketHeader.ChecksumMissing);
        Assert.True(_it.NothingDelivered());
        Assert.Equal(2, _it.Drops(DropReason.InnerChecksum));
    }

    [Fact]
    public void Garbage_of_all_lengths_changes_nothing()
    {
        EpochKeys keys = _it.Bound();
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int length = 0; length < 1500; length++)
        {
            byte[] garbage = new byte[length];
            random.NextBytes(garbage);
            if (length > 0) garbage[0] = PacketHeader.Type;
            // Half of it has a right beginning.
            if (length >= 16 && length % 2 == 0) Peer.Seal(keys, (ulong)length, [])[..16].CopyTo(garbage, 0);
            _it.Peer.Send(garbage);
            if (length % 64 == 0) _it.Settle();
        }
        Assert.True(_it.NothingDelivered(), $"seed {seed}");
        Assert.Empty(_it.Events.Frames);
        _it.Plane.TryReadCounters(PlaneHarness.Session, out TrafficCounters counters);
        Assert.Equal((0UL, 0UL), (counters.Received, counters.HighestReceived));
        _it.Peer.Send(keys, 0, PlaneHarness.Inward(1));
        Assert.Equal(PlaneHarness.Inward(1), _it.Tun.Receive().Packet);
        Assert.False(_it.Plane.Failed.IsCompleted);
    }
}
