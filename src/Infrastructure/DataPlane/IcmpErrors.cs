namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// ICMP errors about packets that the data plane cannot forward (RFC 792, RFC 1191, RFC 4443), written for the host's own stack.
/// They come from the address that the packet was for: it is the one address that surely is reached through the tunnel.
/// </summary>
internal static unsafe class IcmpErrors
{
    /// <summary>Room that an error needs, in bytes: IPv6's minimum MTU.</summary>
    public const int MaxSize = 1280;

    private const int HeaderSize = 8;
    private const int MaxSizeIPv4 = 576;
    private const byte Icmp = 1;
    private const byte IcmpV6 = 58;
    private const byte HopLimit = 64;

    /// <summary>"Fragmentation needed" or "packet too big"; 0 if the packet is one that nobody may answer with an error.</summary>
    public static int TooBig(in InnerPacket packet, int mtu, byte* error) =>
        packet.IsIPv4 ? Write4(packet, 3, 4, (uint)mtu, error) : Write6(packet, 2, 0, (uint)mtu, error);

    /// <summary>"Host unreachable" or "address unreachable"; 0 if the packet is one that nobody may answer with an error.</summary>
    public static int Unreachable(in InnerPacket packet, byte* error) =>
        packet.IsIPv4 ? Write4(packet, 3, 1, 0, error) : Write6(packet, 1, 3, 0, error);

    private static int Write4(in InnerPacket packet, byte type, byte code, uint word, byte* error)
    {
        if (!MayAnswer4(packet)) return 0;
        int quoted = Math.Min(packet.Length, MaxSizeIPv4 - InnerPacket.IPv4HeaderSize - HeaderSize);
        int length = InnerPacket.IPv4HeaderSize + HeaderSize + quoted;
        new Span<byte>(error, InnerPacket.IPv4HeaderSize).Clear();
        error[0] = 0x45;
        error[1] = 0xC0;
        InnerPacket.Write16(error + 2, length);
        error[8] = HopLimit;
        error[9] = Icmp;
        *(uint*)(error + 12) = *(uint*)(packet.Ip + 16);
        *(uint*)(error + 16) = *(uint*)(packet.Ip + 12);
        InternetChecksum.WriteIPv4(error, InnerPacket.IPv4HeaderSize);
        byte* icmp = error + InnerPacket.IPv4HeaderSize;
        WriteBody(icmp, type, code, word, packet.Ip, quoted);
        *(ushort*)(icmp + 2) = (ushort)~InternetChecksum.Fold(InternetChecksum.Sum(icmp, HeaderSize + quoted));
        return length;
    }

    private static int Write6(in InnerPacket packet, byte type, byte code, uint word, byte* error)
    {
        if (!MayAnswer6(packet)) return 0;
        int quoted = Math.Min(packet.Length, MaxSize - InnerPacket.IPv6HeaderSize - HeaderSize);
        int payload = HeaderSize + quoted;
        new Span<byte>(error, 8).Clear();
        error[0] = 0x60;
        InnerPacket.Write16(error + 4, payload);
        error[6] = IcmpV6;
        error[7] = HopLimit;
        Buffer.MemoryCopy(packet.Ip + 24, error + 8, 16, 16);
        Buffer.MemoryCopy(packet.Ip + 8, error + 24, 16, 16);
        byte* icmp = error + InnerPacket.IPv6HeaderSize;
        WriteBody(icmp, type, code, word, packet.Ip, quoted);
        ulong sum = InternetChecksum.PseudoHeader(error, IcmpV6, payload) + InternetChecksum.Sum(icmp, payload);
        *(ushort*)(icmp + 2) = (ushort)~InternetChecksum.Fold(sum);
        return InnerPacket.IPv6HeaderSize + payload;
    }

    private static void WriteBody(byte* icmp, byte type, byte code, uint word, byte* quoted, int length)
    {
        icmp[0] = type;
        icmp[1] = code;
        *(ushort*)(icmp + 2) = 0;
        InnerPacket.Write32(icmp + 4, word);
        Buffer.MemoryCopy(quoted, icmp + HeaderSize, length, length);
    }

    // RFC 1122, 3.2.2: never about an ICMP error, a later fragment, or a packet to or from many.
    private static bool MayAnswer4(in InnerPacket packet)
    {
        uint source = packet.Source4, destination = packet.Destination4;
        if (source == 0 || source >= 0xE000_0000 || destination >= 0xE000_0000) return false;
        if ((InnerPacket.Read16(packet.Ip + 6) & 0x1FFF) != 0) return false;
        if (packet.Protocol != Icmp || packet.Length <= packet.HeaderLength) return true;
        return packet.Ip[packet.HeaderLength] is not (3 or 4 or 5 or 11 or 12);
    }

    // RFC 4443, 2.4 (e).
    private static bool MayAnswer6(in InnerPacket packet)
    {
        if (packet.Ip[24] == 0xFF || packet.Ip[8] == 0xFF || packet.Source6 == UInt128.Zero) return false;
        return packet.Protocol != IcmpV6 || packet.Length <= packet.HeaderLength || packet.Ip[packet.HeaderLength] >= 128;
    }
}
