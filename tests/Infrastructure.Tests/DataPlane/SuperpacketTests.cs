using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>What the stack hands over unsegmented, and what the data plane hands to the stack unsegmented.</summary>
public sealed class SuperpacketTests : IDisposable
{
    private readonly PlaneHarness _it = new();

    public void Dispose() => _it.Dispose();

    [Theory]
    [InlineData(PlaneHarness.Host, PlaneHarness.Inside)]
    [InlineData(PlaneHarness.Host6, PlaneHarness.Inside6)]
    public void A_TCP_superpacket_leaves_as_the_packets_that_a_stack_would_have_sent(string from, string to)
    {
        EpochKeys keys = _it.Bound();
        byte[] payload = Bytes(5000);
        byte[] whole = Packets.Tcp(from, to, 0xFFFF_F000, payload, flags: 0x99);
        int header = whole.Length - payload.Length;
        _it.Tun.Send(whole, Gso(whole, 1300, header));
        for (int i = 0; i < 4; i++)
        {
            (_, ulong counter, byte flags, byte[] inner) = _it.Peer.Receive(keys);
            byte[] part = payload[(i * 1300)..Math.Min(5000, (i + 1) * 1300)];
            // CWR on the first only; FIN and PSH on the last only.
            byte tcpFlags = (byte)(0x10 | (i == 0 ? 0x80 : 0) | (i == 3 ? 0x09 : 0));
            byte[] expected = Packets.Tcp(from, to, unchecked(0xFFFF_F000 + (uint)(i * 1300)), part, tcpFlags);
            Assert.Equal((ulong)i, counter);
            Assert.Equal(PacketHeader.ChecksumMissing | (i == 0 ? 0 : PacketHeader.Continues), flags);
            Assert.Equal(Stripped(expected, i), Finished(inner));
        }
    }

    [Theory]
    [InlineData(PlaneHarness.Host, PlaneHarness.Inside)]
    [InlineData(PlaneHarness.Host6, PlaneHarness.Inside6)]
    public void A_UDP_superpacket_leaves_as_datagrams(string from, string to)
    {
        EpochKeys keys = _it.Bound();
        byte[] payload = Bytes(2500);
        byte[] whole = Packets.Udp(from, to, payload);
        _it.Tun.Send(whole, Gso(whole, 1000, whole.Length - payload.Length));
        for (int i = 0; i < 3; i++)
        {
            byte[] part = payload[(i * 1000)..Math.Min(2500, (i + 1) * 1000)];
            Assert.Equal(Stripped(Packets.Udp(from, to, part), i), Finished(_it.Peer.Receive(keys).Inner));
        }
    }

    [Theory]
    [InlineData(PlaneHarness.Inside, PlaneHarness.Host)]
    [InlineData(PlaneHarness.Inside6, PlaneHarness.Host6)]
    public void TCP_segments_that_follow_each_other_are_delivered_as_one_superpacket(string from, string to)
    {
        EpochKeys keys = _it.Bound();
        byte[] payload = Bytes(4000);
        byte[][] segments = [.. Enumerable.Range(0, 4).Select(i => Packets.Tcp(from, to, (uint)(100 + i * 1200), payload.AsSpan((i * 1200)..Math.Min(4000, (i + 1) * 1200)), i == 3 ? (byte)0x18 : (byte)0x10))];
        _it.Hold(keys, segments.Select((segment, i) => (segment, Flags(i))));
        (VirtioNetHeader header, byte[] delivered) = _it.Tun.Receive();
        byte[] expected = Packets.Tcp(from, to, 100, payload, 0x18);
        Assert.Equal(1200, header.SegmentSize);
        Assert.Equal(from.Contains(':', StringComparison.Ordinal) ? VirtioNetHeader.GsoTcp6 : VirtioNetHeader.GsoTcp4, header.GsoType);
        Assert.Equal(VirtioNetHeader.NeedsChecksum, header.Flags);
        Assert.Equal(Packets.PseudoHeaderSum(expected), BinaryPrimitives.ReadUInt16BigEndian(delivered.AsSpan(header.ChecksumStart + header.ChecksumOffset)));
        Assert.Equal(Stripped(expected, 0), Finished(delivered));

        static byte Flags(int i) => (byte)(PacketHeader.ChecksumMissing | (i == 0 ? 0 : PacketHeader.Continues));
    }

    [Fact]
    public void Segments_with_checksums_of_their_own_are_joined_only_if_these_are_right()
    {
        EpochKeys keys = _it.Bound();
        byte[] first = Segment(0, 1000), second = Segment(1, 1000), third = Segment(2, 1000), fourth = Segment(3, 1000);
        third[^1] ^= 1;
        _it.Hold(keys, [(first, 0), (second, 0), (third, 0), (fourth, 0)]);
        (VirtioNetHeader header, byte[] joined) = _it.Tun.Receive();
        Assert.Equal((VirtioNetHeader.GsoTcp4, 52 + 2000), (header.GsoType, joined.Length));
        // The damaged one goes on as it is: its receiver must see that it is damaged.
        (header, byte[] damaged) = _it.Tun.Receive();
        Assert.Equal((byte)0, header.Flags);
        Assert.Equal(third, damaged);
        Assert.False(Packets.ChecksumsAreRight(damaged));
        Assert.Equal(fourth, _it.Tun.Receive().Packet);
    }

    [Fact]
    public void What_differs_from_the_segment_before_begins_anew()
    {
        EpochKeys keys = _it.Bound();
        byte[][] packets =
        [
            Segment(0, 1000),
            Segment(2, 1000), // a gap in the sequence
            Packets.Tcp(PlaneHarness.Inside, PlaneHarness.Host, 3000, Bytes(1000), acknowledgement: 78),
            Packets.Tcp(PlaneHarness.Inside, PlaneHarness.Host, 4000, Bytes(1000), flags: 0x11, acknowledgement: 78),
            Packets.Tcp(PlaneHarness.Inside, PlaneHarness.Host, 5001, [], acknowledgement: 78),
            Packets.Tcp(PlaneHarness.Inside, PlaneHarness.Host, 5001, Bytes(500), acknowledgement: 78),
            Packets.Tcp(PlaneHarness.Inside, PlaneHarness.Host, 5501, Bytes(600), acknowledgement: 78), // larger than the segment size
        ];
        _it.Hold(keys, packets.Select(packet => (packet, (byte)0)));
        foreach (byte[] packet in packets) Assert.Equal(packet, _it.Tun.Receive().Packet);
    }

    [Fact]
    public void A_continuation_that_does_not_follow_its_counter_begins_anew()
    {
        EpochKeys keys = _it.Bound();
        const byte missing = PacketHeader.ChecksumMissing, continues = PacketHeader.ChecksumMissing | PacketHeader.Continues;
        _it.Hold(keys, [(Segment(0, 1000), missing), (Segment(1, 1000), continues)], counterStep: 2);
        Assert.Equal(1052, _it.Tun.Receive().Packet.Length);
        Assert.Equal(1052, _it.Tun.Receive().Packet.Length);
    }

    [Fact]
    public void UDP_datagrams_of_one_size_are_delivered_together_with_a_shorter_last()
    {
        EpochKeys keys = _it.Bound();
        byte[] payload = Bytes(2300);
        _it.Hold(keys, Enumerable.Range(0, 3).Select(i => (Packets.Udp(PlaneHarness.Inside, PlaneHarness.Host, payload.AsSpan((i * 1000)..Math.Min(2300, (i + 1) * 1000))), (byte)0)));
        (VirtioNetHeader header, byte[] delivered) = _it.Tun.Receive();
        Assert.Equal((VirtioNetHeader.GsoUdp, 1000), (header.GsoType, header.SegmentSize));
        Assert.Equal(Stripped(Packets.Udp(PlaneHarness.Inside, PlaneHarness.Host, payload), 0), Finished(delivered));
    }

    [Fact]
    public void A_superpacket_whose_segments_exceed_the_inner_MTU_is_answered_with_too_big()
    {
        EpochKeys keys = _it.Bound();
        _it.Plane.SetInnerMtu(PlaneHarness.Session, 1200);
        byte[] whole = Packets.Tcp(PlaneHarness.Host, PlaneHarness.Inside, 1, Bytes(4000));
        _it.Tun.Send(whole, Gso(whole, 1200, 52));
        byte[] icmp = _it.Tun.Receive().Packet;
        Assert.Equal((3, 4, 1200), (icmp[20], icmp[21], BinaryPrimitives.ReadUInt16BigEndian(icmp.AsSpan(26))));
        Assert.True(_it.Peer.HearsNothing());
        _it.Tun.Send(whole, Gso(whole, 1148, 52));
        Assert.Equal(1200, _it.Peer.Receive(keys).Inner.Length);
    }

    [Fact]
    public void A_superpacket_whose_header_contradicts_it_is_dropped()
    {
        _it.Bound();
        byte[] whole = Packets.Tcp(PlaneHarness.Host, PlaneHarness.Inside, 1, Bytes(4000));
        VirtioNetHeader good = Gso(whole, 1200, 52);
        _it.Tun.Send(whole, good with { SegmentSize = 0 });
        _it.Tun.Send(whole, good with { ChecksumStart = 4040 });
        _it.Tun.Send(whole, good with { ChecksumStart = 4 });
        _it.Tun.Send(whole, good with { ChecksumOffset = 6 });
        _it.Tun.Send(whole, good with { Flags = 0 });
        _it.Tun.Send(whole, good with { GsoType = 3 });
        _it.Tun.Send(whole.AsSpan(..30), good);
        PlaneHarness.WaitFor(() => _it.Drops(DropReason.TunMalformed) == 7);
        Assert.True(_it.Peer.HearsNothing());
    }

    [Fact]
    public void A_partial_checksum_that_no_receiver_could_finish_is_finished_before_sealing()
    {
        EpochKeys keys = _it.Bound();
        // UDP behind an IPv6 hop-by-hop header.
        byte[] udp = Packets.Udp(PlaneHarness.Host6, PlaneHarness.Inside6, Bytes(99));
        byte[] packet = [.. udp.AsSpan(..40), 17, 0, 1, 4, 0, 0, 0, 0, .. udp.AsSpan(40..)];
        packet[6] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
        byte[] expected = [.. packet];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(54), Packets.PseudoHeaderSum(udp));
        _it.Tun.Send(packet, new() { Flags = VirtioNetHeader.NeedsChecksum, ChecksumStart = 48, ChecksumOffset = 6 });
        (_, _, byte flags, byte[] inner) = _it.Peer.Receive(keys);
        Assert.Equal(0, flags);
        Assert.Equal(expected, inner);
    }

    private static byte[] Segment(int index, int size) =>
        Packets.Tcp(PlaneHarness.Inside, PlaneHarness.Host, (uint)(index * size), Bytes(size));

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static VirtioNetHeader Gso(byte[] whole, int segment, int header)
    {
        bool v4 = whole[0] >> 4 == 4, tcp = whole[v4 ? 9 : 6] == 6;
        ushort start = (ushort)(v4 ? 20 : 40), offset = (ushort)(tcp ? 16 : 6);
        BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(start + offset), Packets.PseudoHeaderSum(whole));
        return new()
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = !tcp ? VirtioNetHeader.GsoUdp : v4 ? VirtioNetHeader.GsoTcp4 : VirtioNetHeader.GsoTcp6,
            HeaderLength = (ushort)header,
            SegmentSize = (ushort)segment,
            ChecksumStart = start,
            ChecksumOffset = offset,
        };
    }

    /// <summary>A packet without its transport checksum, and as the <paramref name="index"/>th of its superpacket.</summary>
    private static byte[] Stripped(byte[] packet, int index)
    {
        if (packet[0] >> 4 == 4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(0xFFFE + index));
            packet[10] = packet[11] = 0;
            uint sum = 0;
            for (int i = 0; i < 20; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(i));
            while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~sum);
        }
        return Finished(packet);
    }

    private static byte[] Finished(byte[] packet)
    {
        bool v4 = packet[0] >> 4 == 4;
        int at = (v4 ? 20 : 40) + (packet[v4 ? 9 : 6] == 6 ? 16 : 6);
        packet[at] = packet[at + 1] = 0;
        return packet;
    }
}
