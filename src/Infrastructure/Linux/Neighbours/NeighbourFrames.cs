using System.Buffers.Binary;

namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>Somebody on the network asks who has an address.</summary>
/// <param name="Target">The address; an IPv4 one in its mapped form.</param>
/// <param name="Asker">Who asks; unspecified for one who only looks whether the address is free.</param>
/// <param name="AskerLink">The asker's link-layer address, in the low 48 bits.</param>
internal readonly record struct NeighbourQuestion(UInt128 Target, bool IsIPv4, UInt128 Asker, ulong AskerLink);

/// <summary>
/// Frames of ARP over Ethernet (RFC 826, RFC 5227) and of neighbour discovery (RFC 4861): questions read, answers and announcements
/// written. Reading is total: any bytes give a question or none.
/// </summary>
internal static class NeighbourFrames
{
    /// <summary>Longest frame written, in bytes: a neighbour advertisement with its link-layer address.</summary>
    public const int MaxSize = Ethernet + Ip6 + AdvertisementSize;

    public const ushort ArpType = 0x0806;
    public const ushort Ip6Type = 0x86DD;
    public const int LinkSize = 6;

    private const int Ethernet = 14;
    private const int Ip6 = 40;
    private const int ArpSize = 28;
    private const int SolicitationSize = 24;
    private const int AdvertisementSize = 32;
    private const ushort Request = 1;
    private const ushort Reply = 2;
    private const byte Icmp6 = 58;
    private const byte Solicitation = 135;
    private const byte Advertisement = 136;
    private const byte HopLimit = 255;
    private const byte Solicited = 0x40;
    private const byte Override = 0x20;
    private const byte SourceLinkOption = 1;
    private const byte TargetLinkOption = 2;
    private const ulong Broadcast = 0xFFFF_FFFF_FFFF;

    /// <summary>All nodes of the link: ff02::1, and its Ethernet address.</summary>
    private static readonly UInt128 AllNodes = new(0xff02_0000_0000_0000, 1);
    private const ulong AllNodesLink = 0x3333_0000_0001;

    private static readonly UInt128 MappedPrefix = (UInt128)0xFFFF << 32;

    /// <summary>Reads a frame that arrived; null for all that is no question.</summary>
    public static NeighbourQuestion? TryRead(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < Ethernet) return null;
        return BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            ArpType => ReadArp(frame[Ethernet..]),
            Ip6Type => ReadSolicitation(frame),
            _ => null,
        };
    }

    /// <summary>Writes the answer that the address is here; returns its length.</summary>
    /// <param name="link">This device's link-layer address.</param>
    public static int Answer(Span<byte> frame, NeighbourQuestion question, ulong link)
    {
        if (question.IsIPv4) return WriteArp(frame, Reply, question.AskerLink, link, question.Target, question.AskerLink, question.Asker);
        // One who looks whether the address is free has none of its own yet.
        bool isKnown = question.Asker != 0;
        return WriteAdvertisement(frame, question.Target, link, isKnown ? question.Asker : AllNodes, isKnown ? question.AskerLink : AllNodesLink, isKnown ? Solicited : (byte)0);
    }

    /// <summary>Writes the news that an address is here now. ARP knows two forms, and receivers that heed only one of them.</summary>
    /// <param name="asReply">Of ARP, the second form; IPv6 has one.</param>
    public static int Announce(Span<byte> frame, UInt128 address, bool isIPv4, ulong link, bool asReply) => isIPv4
        ? WriteArp(frame, asReply ? Reply : Request, Broadcast, link, address, asReply ? link : 0, address)
        : WriteAdvertisement(frame, address, link, AllNodes, AllNodesLink, 0);

    private static NeighbourQuestion? ReadArp(ReadOnlySpan<byte> arp)
    {
        // Ethernet (1), IPv4, sizes 6 and 4, a request.
        if (arp.Length < ArpSize || BinaryPrimitives.ReadUInt64BigEndian(arp) != 0x0001_0800_0604_0001) return null;
        uint asker = BinaryPrimitives.ReadUInt32BigEndian(arp[14..]), target = BinaryPrimitives.ReadUInt32BigEndian(arp[24..]);
        // An announcement of somebody else's asks nothing.
        if (asker == target) return null;
        return new(MappedPrefix | target, true, asker == 0 ? 0 : MappedPrefix | asker, ReadLink(arp[8..]));
    }

    private static NeighbourQuestion? ReadSolicitation(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> ip = frame[Ethernet..];
        if (ip.Length < Ip6 + SolicitationSize || ip[0] >> 4 != 6 || ip[6] != Icmp6 || ip[7] != HopLimit) return null;
        int length = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        if (length < SolicitationSize || length > ip.Length - Ip6) return null;
        ReadOnlySpan<byte> icmp = ip.Slice(Ip6, length);
        if (icmp[0] != Solicitation || icmp[1] != 0 || Checksum(ip, icmp) != 0) return null;
        UInt128 asker = BinaryPrimitives.ReadUInt128BigEndian(ip[8..]);
        ulong link = ReadLink(frame[LinkSize..]);
        for (ReadOnlySpan<byte> options = icmp[SolicitationSize..]; options.Length >= 8;)
        {
            int size = options[1] * 8;
            if (size == 0 || size > options.Length) return null;
            if (options[0] == SourceLinkOption) link = ReadLink(options[2..]);
            options = options[size..];
        }
        return new(BinaryPrimitives.ReadUInt128BigEndian(icmp[8..]), false, asker, link);
    }

    private static int WriteArp(Span<byte> frame, ushort operation, ulong to, ulong link, UInt128 sender, ulong targetLink, UInt128 target)
    {
        WriteEthernet(frame, to, link, ArpType);
        Span<byte> arp = frame.Slice(Ethernet, ArpSize);
        BinaryPrimitives.WriteUInt64BigEndian(arp, 0x0001_0800_0604_0000UL | operation);
        WriteLink(arp[8..], link);
        BinaryPrimitives.WriteUInt32BigEndian(arp[14..], (uint)sender);
        WriteLink(arp[18..], targetLink);
        BinaryPrimitives.WriteUInt32BigEndian(arp[24..], (uint)target);
        return Ethernet + ArpSize;
    }

    private static int WriteAdvertisement(Span<byte> frame, UInt128 address, ulong link, UInt128 to, ulong toLink, byte solicited)
    {
        WriteEthernet(frame, toLink, link, Ip6Type);
        Span<byte> ip = frame.Slice(Ethernet, Ip6 + AdvertisementSize);
        ip.Clear();
        ip[0] = 6 << 4;
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], AdvertisementSize);
        ip[6] = Icmp6;
        ip[7] = HopLimit;
        BinaryPrimitives.WriteUInt128BigEndian(ip[8..], address);
        BinaryPrimitives.WriteUInt128BigEndian(ip[24..], to);
        Span<byte> icmp = ip[Ip6..];
        icmp[0] = Advertisement;
        // It overrides what others remember: the node before may not be able to say that it has let go.
        icmp[4] = (byte)(solicited | Override);
        BinaryPrimitives.WriteUInt128BigEndian(icmp[8..], address);
        icmp[24] = TargetLinkOption;
        icmp[25] = 1;
        WriteLink(icmp[26..], link);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], Checksum(ip, icmp));
        return Ethernet + Ip6 + AdvertisementSize;
    }

    private static void WriteEthernet(Span<byte> frame, ulong to, ulong from, ushort type)
    {
        WriteLink(frame, to);
        WriteLink(frame[LinkSize..], from);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], type);
    }

    private static ulong ReadLink(ReadOnlySpan<byte> bytes) => (ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32 | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]);

    private static void WriteLink(Span<byte> bytes, ulong link)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(link >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)link);
    }

    /// <summary>RFC 4443, section 2.3: over the addresses, length and type of the pseudo header, and the message; 0 over one that is whole.</summary>
    private static ushort Checksum(ReadOnlySpan<byte> ip, ReadOnlySpan<byte> icmp)
    {
        uint sum = (uint)icmp.Length + Icmp6;
        for (int i = 8; i < Ip6; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
        int at = 0;
        for (; at + 1 < icmp.Length; at += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(icmp[at..]);
        if (at < icmp.Length) sum += (uint)icmp[at] << 8;
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
