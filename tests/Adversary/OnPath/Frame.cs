using System.Buffers.Binary;
using System.Net;

namespace JumpingVpn.Adversary.OnPath;

/// <summary>An Ethernet frame with UDP over IPv4 or IPv6 in it: read, made and altered, with checksums that are right again afterwards.</summary>
public sealed class Frame(byte[] bytes)
{
    private const int Ethernet = 14;
    private const int UdpHeader = 8;
    private const byte Udp = 17;

    public byte[] Bytes { get; } = bytes;

    /// <summary>True for a whole UDP datagram; all else an attacker lets pass.</summary>
    public bool IsUdp => IsUdp4 || IsUdp6;

    public IPEndPoint Source => new(new IPAddress(Bytes.AsSpan(SourceOffset, AddressSize)), BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(UdpOffset)));

    public IPEndPoint Destination =>
        new(new IPAddress(Bytes.AsSpan(SourceOffset + AddressSize, AddressSize)), BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(UdpOffset + 2)));

    public ReadOnlySpan<byte> SourceMac => Bytes.AsSpan(6, 6);

    public ReadOnlySpan<byte> DestinationMac => Bytes.AsSpan(0, 6);

    /// <summary>The UDP payload.</summary>
    public ReadOnlySpan<byte> Payload => Bytes.AsSpan(UdpOffset + UdpHeader, BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(UdpOffset + 4)) - UdpHeader);

    /// <summary>The first byte of the payload: the message's type; 0 for an empty one.</summary>
    public byte Type => Payload.IsEmpty ? (byte)0 : Payload[0];

    private bool IsUdp4 => Bytes.Length >= Ethernet + 20 + UdpHeader && EtherType == 0x0800 && Bytes[Ethernet] == 0x45 && Bytes[Ethernet + 9] == Udp
        && (BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(Ethernet + 6)) & 0x3fff) == 0 && IsWhole;

    private bool IsUdp6 => Bytes.Length >= Ethernet + 40 + UdpHeader && EtherType == 0x86dd && Bytes[Ethernet + 6] == Udp && IsWhole;

    private bool IsWhole => BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(UdpOffset + 4)) is >= UdpHeader and var length && UdpOffset + length <= Bytes.Length;

    private ushort EtherType => BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(12));

    private bool IsIPv6 => EtherType == 0x86dd;

    private int UdpOffset => Ethernet + (IsIPv6 ? 40 : 20);

    private int SourceOffset => Ethernet + (IsIPv6 ? 8 : 12);

    private int AddressSize => IsIPv6 ? 16 : 4;

    /// <summary>A frame with this datagram in it.</summary>
    public static Frame Make(ReadOnlySpan<byte> fromMac, ReadOnlySpan<byte> toMac, IPEndPoint source, IPEndPoint destination, ReadOnlySpan<byte> payload)
    {
        byte[] from = source.Address.GetAddressBytes(), to = destination.Address.GetAddressBytes();
        bool six = from.Length == 16;
        int ip = six ? 40 : 20, udp = UdpHeader + payload.Length;
        byte[] bytes = new byte[Ethernet + ip + udp];
        toMac.CopyTo(bytes);
        fromMac.CopyTo(bytes.AsSpan(6));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(12), (ushort)(six ? 0x86dd : 0x0800));
        Span<byte> header = bytes.AsSpan(Ethernet, ip);
        if (six)
        {
            header[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)udp);
            header[6] = Udp;
            header[7] = 64;
            from.CopyTo(header[8..]);
            to.CopyTo(header[24..]);
        }
        else
        {
            header[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(ip + udp));
            header[6] = 0x40;
            header[8] = 64;
            header[9] = Udp;
            from.CopyTo(header[12..]);
            to.CopyTo(header[16..]);
        }
        Span<byte> datagram = bytes.AsSpan(Ethernet + ip);
        BinaryPrimitives.WriteUInt16BigEndian(datagram, (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[2..], (ushort)destination.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[4..], (ushort)udp);
        payload.CopyTo(datagram[UdpHeader..]);
        var frame = new Frame(bytes);
        frame.Repair();
        return frame;
    }

    /// <summary>The same datagram with another payload.</summary>
    public Frame With(ReadOnlySpan<byte> payload) => Make(SourceMac, DestinationMac, Source, Destination, payload);

    /// <summary>Sets both checksums.</summary>
    private void Repair()
    {
        Span<byte> datagram = Bytes.AsSpan(UdpOffset);
        if (!IsIPv6)
        {
            Span<byte> header = Bytes.AsSpan(Ethernet, 20);
            header[10] = header[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(header[10..], Fold(Sum(header)));
        }
        datagram[6] = datagram[7] = 0;
        ulong sum = Sum(Bytes.AsSpan(SourceOffset, 2 * AddressSize)) + Udp + (ulong)datagram.Length + Sum(datagram);
        ushort checksum = Fold(sum);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], checksum == 0 ? (ushort)0xffff : checksum);
    }

    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (int i = 0; i + 1 < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        return bytes.Length % 2 == 1 ? sum + ((ulong)bytes[^1] << 8) : sum;
    }

    private static ushort Fold(ulong sum)
    {
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
