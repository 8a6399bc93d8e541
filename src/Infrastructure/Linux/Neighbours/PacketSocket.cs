using System.Buffers.Binary;

namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>
/// A packet socket on one Ethernet device, in the network namespace of the thread that opened it, that receives questions about
/// addresses of one family (packet(7)) and sends any frame. The kernel filters, so nothing else wakes the reader; memberships and filter
/// end with the socket, however the process ends. Needs CAP_NET_RAW.
/// </summary>
internal sealed unsafe class PacketSocket : IDisposable
{
    private const int AF_PACKET = 17;
    private const int SOL_PACKET = 263;
    private const int SO_ATTACH_FILTER = 26;
    private const int PACKET_ADD_MEMBERSHIP = 1;
    private const ushort PACKET_MR_ALLMULTI = 2;
    private const ushort ARPHRD_ETHER = 1;

    /// <summary>sizeof(struct sockaddr_ll) with room for the longest address.</summary>
    private const int AddressSize = 20;

    private int _descriptor;

    private PacketSocket(int descriptor, ulong link)
    {
        _descriptor = descriptor;
        Link = link;
    }

    public int Descriptor => _descriptor;

    /// <summary>The device's link-layer address, in the low 48 bits.</summary>
    public ulong Link { get; }

    /// <exception cref="LinuxException">There is no such device, it is no Ethernet, or the right is missing.</exception>
    public static PacketSocket Open(string device, bool isIPv4)
    {
        uint index = Libc.if_nametoindex(device);
        if (index == 0) throw new LinuxException($"announce on {device}", Libc.ENODEV);
        ushort protocol = isIPv4 ? NeighbourFrames.ArpType : NeighbourFrames.Ip6Type;
        // Protocol 0 receives nothing: what matters comes with the bind, after the filter is in place.
        int descriptor = Libc.socket(AF_PACKET, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK, 0);
        if (descriptor < 0) throw LinuxException.LastNeeding($"announce on {device}", "CAP_NET_RAW");
        try
        {
            Attach(descriptor, device, isIPv4 ? ArpRequests : Solicitations);
            byte* address = stackalloc byte[AddressSize];
            new Span<byte>(address, AddressSize).Clear();
            *(ushort*)address = AF_PACKET;
            *(ushort*)(address + 2) = BinaryPrimitives.ReverseEndianness(protocol);
            *(uint*)(address + 4) = index;
            if (Libc.bind(descriptor, address, AddressSize) < 0) throw LinuxException.Last($"announce on {device}");
            // Questions about an IPv6 address go to a group of its own; which ones changes with the sessions.
            if (!isIPv4) Join(descriptor, device, index);
            uint length = AddressSize;
            if (Libc.getsockname(descriptor, address, &length) < 0) throw LinuxException.Last($"look at {device}");
            if (*(ushort*)(address + 8) != ARPHRD_ETHER || address[11] != NeighbourFrames.LinkSize) throw LinuxException.Refused($"announce on {device}: it is no Ethernet device");
            ulong link = 0;
            for (int i = 0; i < NeighbourFrames.LinkSize; i++) link = link << 8 | address[12 + i];
            return new(descriptor, link);
        }
        catch
        {
            _ = Libc.close(descriptor);
            throw;
        }
    }

    /// <summary>The next frame's length, or a negative error number: -EAGAIN if none waits.</summary>
    public int Receive(Span<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            nint length;
            do length = Libc.read(_descriptor, bytes, (nuint)frame.Length);
            while (Libc.Interrupted(length));
            return length < 0 ? -Libc.errno : (int)length;
        }
    }

    /// <summary>Sends a frame; 0 or an error number.</summary>
    public int Send(ReadOnlySpan<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            nint sent;
            do sent = Libc.send(_descriptor, bytes, (nuint)frame.Length, Libc.MSG_DONTWAIT | Libc.MSG_NOSIGNAL);
            while (Libc.Interrupted(sent));
            return sent < 0 ? Libc.errno : 0;
        }
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0) _ = Libc.close(descriptor);
    }

    private static void Join(int descriptor, string device, uint index)
    {
        // struct packet_mreq: index, type, address length, address.
        byte* request = stackalloc byte[16];
        new Span<byte>(request, 16).Clear();
        *(uint*)request = index;
        *(ushort*)(request + 4) = PACKET_MR_ALLMULTI;
        if (Libc.setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, 16) < 0) throw LinuxException.Last($"receive multicast on {device}");
    }

    private static void Attach(int descriptor, string device, ReadOnlySpan<ulong> program)
    {
        fixed (ulong* instructions = program)
        {
            // struct sock_fprog: a count and, aligned, a pointer.
            nint* filter = stackalloc nint[2];
            filter[0] = 0;
            *(ushort*)filter = (ushort)program.Length;
            filter[1] = (nint)instructions;
            if (Libc.setsockopt(descriptor, Libc.SOL_SOCKET, SO_ATTACH_FILTER, filter, 16) < 0) throw LinuxException.Last($"filter on {device}");
        }
    }

    /// <summary>struct sock_filter (linux/filter.h): code, jump if true, jump if false, and a number.</summary>
    private static ulong Instruction(ushort code, byte ifTrue, byte ifFalse, uint number) =>
        BitConverter.IsLittleEndian ? code | (ulong)ifTrue << 16 | (ulong)ifFalse << 24 | (ulong)number << 32 : throw new PlatformNotSupportedException();

    private const ushort LoadHalf = 0x28, LoadByte = 0x30, JumpEqual = 0x15, Return = 0x06;

    private static readonly ulong[] ArpRequests =
    [
        Instruction(LoadHalf, 0, 0, 20), // operation
        Instruction(JumpEqual, 0, 1, 1),
        Instruction(Return, 0, 0, uint.MaxValue),
        Instruction(Return, 0, 0, 0),
    ];

    private static readonly ulong[] Solicitations =
    [
        Instruction(LoadByte, 0, 0, 20), // next header
        Instruction(JumpEqual, 0, 3, 58),
        Instruction(LoadByte, 0, 0, 54), // type
        Instruction(JumpEqual, 0, 1, 135),
        Instruction(Return, 0, 0, uint.MaxValue),
        Instruction(Return, 0, 0, 0),
    ];
}
