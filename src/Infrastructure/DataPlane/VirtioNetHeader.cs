using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>struct virtio_net_hdr, 10 bytes in host order, before every packet of the TUN device (virtio 1.2, 5.1.6).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct VirtioNetHeader
{
    /// <summary>sizeof(struct virtio_net_hdr).</summary>
    public const int Size = 10;

    /// <summary>The checksum at start + offset covers from start on and holds only the pseudo header's sum.</summary>
    public const byte NeedsChecksum = 1;

    public const byte GsoNone = 0;
    public const byte GsoTcp4 = 1;
    public const byte GsoTcp6 = 4;
    public const byte GsoUdp = 5;

    /// <summary>Or'ed to the type: the superpacket's first segment has CWR set (RFC 3168).</summary>
    public const byte GsoEcn = 0x80;

    public byte Flags;
    public byte GsoType;
    public ushort HeaderLength;
    public ushort SegmentSize;
    public ushort ChecksumStart;
    public ushort ChecksumOffset;
}
