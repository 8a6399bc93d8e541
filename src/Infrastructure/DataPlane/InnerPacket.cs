using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>What the data plane needs to know of an IP packet (RFC 791, RFC 8200). It points at the packet and owns nothing.</summary>
internal readonly unsafe struct InnerPacket
{
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const int IPv4HeaderSize = 20;
    public const int IPv6HeaderSize = 40;
    public const int UdpHeaderSize = 8;
    public const int TcpHeaderSize = 20;

    private InnerPacket(byte* ip, int length, int headerLength, byte protocol, bool isFragment)
    {
        Ip = ip;
        Length = length;
        HeaderLength = headerLength;
        Protocol = protocol;
        IsFragment = isFragment;
    }

    public byte* Ip { get; }

    /// <summary>Bytes of the packet.</summary>
    public int Length { get; }

    /// <summary>Bytes of the IP header; IPv6 extension headers are not counted.</summary>
    public int HeaderLength { get; }

    /// <summary>IPv4's protocol or IPv6's next header.</summary>
    public byte Protocol { get; }

    /// <summary>Part of a fragmented IPv4 packet.</summary>
    public bool IsFragment { get; }

    public bool IsIPv4 => Ip[0] >> 4 == 4;

    /// <summary>The packet may not be fragmented on its way: IPv4 with DF, and all of IPv6.</summary>
    public bool DontFragment => !IsIPv4 || (Ip[6] & 0x40) != 0;

    public uint Source4 => BinaryPrimitives.ReverseEndianness(*(uint*)(Ip + 12));

    public uint Destination4 => BinaryPrimitives.ReverseEndianness(*(uint*)(Ip + 16));

    public UInt128 Source6 => Read128(Ip + 8);

    public UInt128 Destination6 => Read128(Ip + 24);

    /// <summary>False unless the version is 4 or 6, the header is whole, and the packet's own length is exactly <paramref name="length"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(byte* ip, int length, out InnerPacket packet)
    {
        packet = default;
        if (length < IPv4HeaderSize) return false;
        switch (ip[0] >> 4)
        {
            case 4:
                int header = (ip[0] & 15) * 4;
                if (header < IPv4HeaderSize || header > length || Read16(ip + 2) != length) return false;
                packet = new(ip, length, header, ip[9], (Read16(ip + 6) & 0x3FFF) != 0);
                return true;
            case 6:
                if (length < IPv6HeaderSize || Read16(ip + 4) + IPv6HeaderSize != length) return false;
                packet = new(ip, length, IPv6HeaderSize, ip[6], false);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Where the checksum lies in a TCP or UDP header that follows the IP header at once and is whole; 0 if there is none.</summary>
    public int ChecksumOffset => Protocol switch
    {
        Tcp when !IsFragment && Length >= HeaderLength + TcpHeaderSize => 16,
        Udp when !IsFragment && Length >= HeaderLength + UdpHeaderSize => 6,
        _ => 0,
    };

    public static int Read16(byte* at) => at[0] << 8 | at[1];

    public static void Write16(byte* at, int value) => *(ushort*)at = BinaryPrimitives.ReverseEndianness((ushort)value);

    public static uint Read32(byte* at) => BinaryPrimitives.ReverseEndianness(*(uint*)at);

    public static void Write32(byte* at, uint value) => *(uint*)at = BinaryPrimitives.ReverseEndianness(value);

    private static UInt128 Read128(byte* at) =>
        new(BinaryPrimitives.ReverseEndianness(*(ulong*)at), BinaryPrimitives.ReverseEndianness(*(ulong*)(at + 8)));
}
