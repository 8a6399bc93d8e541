using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Writes inner packets into the TUN device. TCP segments that follow each other, and UDP datagrams of one size, are gathered without
/// copying and written as one superpacket. Packets stay where they are until <see cref="Flush"/>.
/// </summary>
internal sealed unsafe class TunWriter(int descriptor, bool udpSegmentation, ServingDeadline deadline, DropCounters drops) : IDisposable
{
    private const int MaxSegments = 64;
    private const int MaxLength = 65535;
    private const byte TcpAck = 0x10;
    private const byte TcpPush = 0x08;

    private readonly NativeBuffer _memory = new(4096);
    private KeyEpoch? _epoch;
    private InnerPacket _first;
    private ulong _counter;
    private uint _nextSequence;
    private int _count;
    private int _length;
    private int _headers;
    private int _segment;
    private bool _closed;
    private bool _checksumMissing;
    private bool _checksumKnown;

    private Libc.IoVec* Vectors => (Libc.IoVec*)(_memory.Start + 64);

    private VirtioNetHeader* Virtio => (VirtioNetHeader*)_memory.Start;

    /// <summary>Adds a packet; its memory must stay as it is until the next <see cref="Flush"/>.</summary>
    /// <param name="packet">A packet that may be delivered.</param>
    /// <param name="flags">Its header's flags; a missing checksum has been found to be one that can be filled in.</param>
    /// <param name="counter">Its counter.</param>
    /// <param name="epoch">Its epoch.</param>
    public void Add(in InnerPacket packet, byte flags, ulong counter, KeyEpoch epoch)
    {
        bool missing = (flags & PacketHeader.ChecksumMissing) != 0;
        if (_count != 0)
        {
            bool follows = (flags & PacketHeader.Continues) == 0 || counter == _counter + 1;
            if (follows && ReferenceEquals(epoch, _epoch) && TryAppend(packet, missing))
            {
                _counter = counter;
                return;
            }
            Flush();
        }
        _epoch = epoch;
        _counter = counter;
        Start(packet, missing);
    }

    /// <summary>Writes what was gathered.</summary>
    public void Flush()
    {
        if (_count == 0) return;
        int count = _count;
        _count = 0;
        _epoch = null;
        if (deadline.IsOver())
        {
            drops.Add(DropReason.NotServing, count);
            return;
        }
        *Virtio = default;
        if (count > 1) FinishSuperpacket();
        else if (_checksumMissing) LeaveChecksumToKernel();
        Write(Vectors, count + 1, count);
    }

    /// <summary>Writes one packet that has no part in any superpacket.</summary>
    /// <param name="packet">The packet, after room for its <see cref="VirtioNetHeader"/>.</param>
    /// <param name="length">Bytes of packet and header together.</param>
    public void WriteSingle(byte* packet, int length)
    {
        Libc.IoVec vector;
        vector.Base = packet;
        vector.Length = (nuint)length;
        *(VirtioNetHeader*)packet = default;
        Write(&vector, 1, 1);
    }

    public void Dispose() => _memory.Dispose();

    private void Start(in InnerPacket packet, bool missing)
    {
        _first = packet;
        _count = 1;
        _length = packet.Length;
        _checksumMissing = missing;
        _checksumKnown = missing;
        Vectors[0].Base = (byte*)Virtio;
        Vectors[0].Length = VirtioNetHeader.Size;
        Vectors[1].Base = packet.Ip;
        Vectors[1].Length = (nuint)packet.Length;
        _headers = HeadersToGather(packet);
        _segment = packet.Length - _headers;
        _closed = _headers == 0 || _segment <= 0;
        if (_closed || packet.Protocol != InnerPacket.Tcp) return;
        byte* tcp = packet.Ip + packet.HeaderLength;
        _nextSequence = InnerPacket.Read32(tcp + 4) + (uint)_segment;
        _closed = (tcp[13] & TcpPush) != 0;
    }

    private bool TryAppend(in InnerPacket packet, bool missing)
    {
        int payload = packet.Length - _headers;
        if (_closed || _count == MaxSegments || payload <= 0 || payload > _segment || _length + payload > MaxLength) return false;
        if (HeadersToGather(packet) != _headers || !SameFlow(_first, packet)) return false;
        bool tcp = packet.Protocol == InnerPacket.Tcp;
        byte* transport = packet.Ip + packet.HeaderLength;
        if (tcp && InnerPacket.Read32(transport + 4) != _nextSequence) return false;
        // A superpacket's checksum counts as verified: whatever comes with a checksum of its own is verified here.
        if (!missing && !ChecksumIsRight(packet)) return false;
        if (!_checksumKnown && !ChecksumIsRight(_first)) return false;
        _checksumKnown = true;

        _count++;
        Vectors[_count].Base = packet.Ip + _headers;
        Vectors[_count].Length = (nuint)payload;
        _length += payload;
        _closed = payload < _segment;
        if (!tcp) return true;
        _nextSequence += (uint)payload;
        if ((transport[13] & TcpPush) == 0) return true;
        _first.Ip[_first.HeaderLength + 13] |= TcpPush;
        _closed = true;
        return true;
    }

    /// <summary>Bytes of headers of a packet that may be part of a superpacket; 0 for any other.</summary>
    private int HeadersToGather(in InnerPacket packet)
    {
        if (packet.ChecksumOffset == 0 || (packet.IsIPv4 && packet.HeaderLength != InnerPacket.IPv4HeaderSize)) return 0;
        byte* transport = packet.Ip + packet.HeaderLength;
        if (packet.Protocol == InnerPacket.Udp)
        {
            bool whole = InnerPacket.Read16(transport + 4) == packet.Length - packet.HeaderLength;
            return udpSegmentation && whole ? packet.HeaderLength + InnerPacket.UdpHeaderSize : 0;
        }
        int header = (transport[12] >> 4) * 4;
        if (header < InnerPacket.TcpHeaderSize || packet.HeaderLength + header > packet.Length) return 0;
        return (transport[12] & 0x0F) == 0 && (transport[13] & ~TcpPush) == TcpAck ? packet.HeaderLength + header : 0;
    }

    /// <summary>True if two packets with headers of the same length differ only in what a superpacket's segments differ in.</summary>
    private bool SameFlow(in InnerPacket first, in InnerPacket next)
    {
        byte* a = first.Ip, b = next.Ip;
        if (first.IsIPv4)
        {
            // Version, header length, service; then fragment bits, time to live, protocol; then the addresses.
            if (*(ushort*)a != *(ushort*)b || *(uint*)(a + 6) != *(uint*)(b + 6) || *(ulong*)(a + 12) != *(ulong*)(b + 12)) return false;
        }
        else
        {
            if (*(uint*)a != *(uint*)b || *(ushort*)(a + 6) != *(ushort*)(b + 6)) return false;
            if (!new ReadOnlySpan<byte>(a + 8, 32).SequenceEqual(new(b + 8, 32))) return false;
        }
        a += first.HeaderLength;
        b += first.HeaderLength;
        if (*(uint*)a != *(uint*)b) return false;
        if (first.Protocol == InnerPacket.Udp) return true;
        int options = _headers - first.HeaderLength - InnerPacket.TcpHeaderSize;
        return *(uint*)(a + 8) == *(uint*)(b + 8) && a[12] == b[12] && *(ushort*)(a + 14) == *(ushort*)(b + 14)
            && new ReadOnlySpan<byte>(a + 20, options).SequenceEqual(new(b + 20, options));
    }

    private static bool ChecksumIsRight(in InnerPacket packet)
    {
        byte* transport = packet.Ip + packet.HeaderLength;
        // UDP over IPv4 may come without one, and then proves nothing.
        if (packet.Protocol == InnerPacket.Udp && *(ushort*)(transport + 6) == 0) return false;
        int covered = packet.Length - packet.HeaderLength;
        ulong sum = InternetChecksum.PseudoHeader(packet.Ip, packet.Protocol, covered) + InternetChecksum.Sum(transport, covered);
        return InternetChecksum.Fold(sum) == 0xFFFF;
    }

    private void FinishSuperpacket()
    {
        bool tcp = _first.Protocol == InnerPacket.Tcp;
        if (_first.IsIPv4)
        {
            InnerPacket.Write16(_first.Ip + 2, _length);
            InternetChecksum.WriteIPv4(_first.Ip, InnerPacket.IPv4HeaderSize);
        }
        else
        {
            InnerPacket.Write16(_first.Ip + 4, _length - InnerPacket.IPv6HeaderSize);
        }
        if (!tcp) InnerPacket.Write16(_first.Ip + _first.HeaderLength + 4, _length - _first.HeaderLength);
        Virtio->GsoType = !tcp ? VirtioNetHeader.GsoUdp : _first.IsIPv4 ? VirtioNetHeader.GsoTcp4 : VirtioNetHeader.GsoTcp6;
        Virtio->HeaderLength = (ushort)_headers;
        Virtio->SegmentSize = (ushort)_segment;
        LeaveChecksumToKernel();
    }

    private void LeaveChecksumToKernel()
    {
        int offset = _first.ChecksumOffset;
        Virtio->Flags = VirtioNetHeader.NeedsChecksum;
        Virtio->ChecksumStart = (ushort)_first.HeaderLength;
        Virtio->ChecksumOffset = (ushort)offset;
        ulong pseudo = InternetChecksum.PseudoHeader(_first.Ip, _first.Protocol, _length - _first.HeaderLength);
        *(ushort*)(_first.Ip + _first.HeaderLength + offset) = InternetChecksum.Fold(pseudo);
    }

    private void Write(Libc.IoVec* vectors, int count, int packets)
    {
        nint written;
        do written = Libc.writev(descriptor, vectors, count);
        while (Libc.Interrupted(written));
        if (written < 0) drops.Add(Libc.errno == Libc.EIO ? DropReason.TunNotUp : DropReason.TunWrite, packets);
    }
}
