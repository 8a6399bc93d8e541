namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// A TCP or UDP packet of up to 64 KiB from the TUN device that stands for many. Its segments are made in place: each one's
/// headers are written just before its payload, over the end of the segment before, which must be sealed already.
/// </summary>
internal sealed unsafe class Superpacket : IDisposable
{
    private const int HeaderRoom = 256;
    private const byte TcpFin = 0x01;
    private const byte TcpPush = 0x08;
    private const byte TcpCwr = 0x80;

    private readonly NativeBuffer _headers = new(HeaderRoom);
    private byte* _payload;
    private int _transport;
    private int _checksumOffset;
    private uint _sequence;
    private int _identification;
    private byte _tcpFlags;
    private byte _protocol;
    private bool _isIPv4;

    /// <summary>Number of segments.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of payload in every segment but the last.</summary>
    public int SegmentSize { get; private set; }

    /// <summary>Bytes of all payload.</summary>
    public int PayloadLength { get; private set; }

    /// <summary>Bytes of IP, TCP or UDP headers of each segment.</summary>
    public int HeaderLength { get; private set; }

    /// <summary>The receiver can fill in the transport checksums.</summary>
    public bool ChecksumCanBeMissing { get; private set; }

    /// <summary>Bytes of the largest segment.</summary>
    public int LargestSegment => HeaderLength + Math.Min(SegmentSize, PayloadLength);

    /// <summary>Takes a packet apart; false if its header contradicts it.</summary>
    public bool TryOpen(in VirtioNetHeader virtio, in InnerPacket packet)
    {
        int type = virtio.GsoType & ~VirtioNetHeader.GsoEcn;
        bool tcp = type is VirtioNetHeader.GsoTcp4 or VirtioNetHeader.GsoTcp6;
        if (!tcp && type != VirtioNetHeader.GsoUdp) return false;
        _protocol = tcp ? InnerPacket.Tcp : InnerPacket.Udp;
        _transport = virtio.ChecksumStart;
        _checksumOffset = tcp ? 16 : 6;
        _isIPv4 = packet.IsIPv4;
        int least = tcp ? InnerPacket.TcpHeaderSize : InnerPacket.UdpHeaderSize;
        if (virtio.SegmentSize == 0 || (virtio.Flags & VirtioNetHeader.NeedsChecksum) == 0) return false;
        if (virtio.ChecksumOffset != _checksumOffset || _transport < packet.HeaderLength || _transport + least > packet.Length) return false;
        int transportHeader = tcp ? (packet.Ip[_transport + 12] >> 4) * 4 : InnerPacket.UdpHeaderSize;
        HeaderLength = _transport + transportHeader;
        if (transportHeader < least || HeaderLength >= packet.Length || HeaderLength > HeaderRoom) return false;

        SegmentSize = virtio.SegmentSize;
        PayloadLength = packet.Length - HeaderLength;
        Count = (PayloadLength + SegmentSize - 1) / SegmentSize;
        ChecksumCanBeMissing = _transport == packet.HeaderLength && packet.Protocol == _protocol && packet.ChecksumOffset != 0;
        _payload = packet.Ip + HeaderLength;
        Buffer.MemoryCopy(packet.Ip, _headers.Start, HeaderRoom, HeaderLength);
        if (_isIPv4) _identification = InnerPacket.Read16(packet.Ip + 4);
        if (tcp)
        {
            _sequence = InnerPacket.Read32(packet.Ip + _transport + 4);
            _tcpFlags = packet.Ip[_transport + 13];
        }
        *(ushort*)(_headers.Start + _transport + _checksumOffset) = 0;
        return true;
    }

    /// <summary>Writes the headers of a segment and returns where it begins. Segments are asked for in order.</summary>
    public byte* Segment(int index, out int length)
    {
        int offset = index * SegmentSize;
        int payload = Math.Min(SegmentSize, PayloadLength - offset);
        byte* segment = _payload + offset - HeaderLength;
        length = HeaderLength + payload;
        Buffer.MemoryCopy(_headers.Start, segment, HeaderLength, HeaderLength);
        WriteIp(segment, index, length);
        byte* transport = segment + _transport;
        if (_protocol == InnerPacket.Tcp)
        {
            InnerPacket.Write32(transport + 4, _sequence + (uint)offset);
            byte flags = _tcpFlags;
            if (index != 0) flags &= unchecked((byte)~TcpCwr);
            if (index != Count - 1) flags &= unchecked((byte)~(TcpFin | TcpPush));
            transport[13] = flags;
        }
        else
        {
            InnerPacket.Write16(transport + 4, length - _transport);
        }
        if (!ChecksumCanBeMissing) FillChecksum(segment, length);
        return segment;
    }

    public void Dispose() => _headers.Dispose();

    private void WriteIp(byte* segment, int index, int length)
    {
        if (!_isIPv4)
        {
            InnerPacket.Write16(segment + 4, length - InnerPacket.IPv6HeaderSize);
            return;
        }
        InnerPacket.Write16(segment + 2, length);
        InnerPacket.Write16(segment + 4, _identification + index);
        InternetChecksum.WriteIPv4(segment, (segment[0] & 15) * 4);
    }

    private void FillChecksum(byte* segment, int length)
    {
        int covered = length - _transport;
        ulong sum = InternetChecksum.PseudoHeader(segment, _protocol, covered) + InternetChecksum.Sum(segment + _transport, covered);
        ushort checksum = (ushort)~InternetChecksum.Fold(sum);
        // Zero would mean "no checksum" in UDP (RFC 768).
        *(ushort*)(segment + _transport + _checksumOffset) = checksum == 0 && _protocol == InnerPacket.Udp ? (ushort)0xFFFF : checksum;
    }
}
