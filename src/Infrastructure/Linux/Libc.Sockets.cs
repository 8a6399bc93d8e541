using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

// Sockets, their options and control messages.
internal static unsafe partial class Libc
{
    public const int AF_UNSPEC = 0;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;

    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;

    public const int SOL_IP = 0;
    public const int SOL_SOCKET = 1;
    public const int SOL_UDP = 17;
    public const int SOL_IPV6 = 41;
    public const int SOL_NETLINK = 270;

    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_RCVTIMEO = 20;
    public const int SO_BINDTODEVICE = 25;
    public const int SO_ATTACH_FILTER = 26;
    public const int SO_DETACH_FILTER = 27;
    public const int SO_SNDBUFFORCE = 32;
    public const int SO_RCVBUFFORCE = 33;
    public const int SO_MARK = 36;
    public const int SO_MEMINFO = 55;

    public const int IP_PKTINFO = 8;
    public const int IP_MTU_DISCOVER = 10;
    public const int IP_RECVERR = 11;
    public const int IP_MTU = 14;
    public const int IPV6_MTU_DISCOVER = 23;
    public const int IPV6_MTU = 24;
    public const int IPV6_RECVERR = 25;
    public const int IPV6_V6ONLY = 26;
    public const int IPV6_RECVPKTINFO = 49;
    public const int IPV6_PKTINFO = 50;

    public const int UDP_SEGMENT = 103;
    public const int UDP_GRO = 104;

    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_ERRQUEUE = 0x2000;
    public const int MSG_NOSIGNAL = 0x4000;

    /// <summary>struct iovec, 16 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVec
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr of a 64-bit system, 56 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MsgHdr
    {
        public byte* Name;
        public uint NameLength;
        public IoVec* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct cmsghdr of a 64-bit system, 16 bytes; its data follows at once.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct CmsgHdr
    {
        public nuint Length;
        public int Level;
        public int Type;
    }

    /// <summary>struct sock_fprog of a 64-bit system, 16 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SockFprog
    {
        public ushort Length;
        public ulong* Filter;
    }

    /// <summary>struct in_pktinfo; the addresses are in network order.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct InPktInfo
    {
        public int InterfaceIndex;
        public uint SpecificDestination;
        public uint Address;
    }

    /// <summary>struct sock_extended_err (linux/errqueue.h), 16 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SockExtendedErr
    {
        public uint Errno;
        public byte Origin;
        public byte Type;
        public byte Code;
        public byte Pad;
        public uint Info;
        public uint Data;
    }

    [LibraryImport(Library, SetLastError = true)]
    public static partial int socket(int domain, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int bind(int descriptor, byte* address, uint length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int connect(int descriptor, byte* address, uint length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getsockname(int descriptor, byte* address, uint* length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int setsockopt(int descriptor, int level, int name, void* value, uint length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getsockopt(int descriptor, int level, int name, void* value, uint* length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint send(int descriptor, byte* buffer, nuint count, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint sendmsg(int descriptor, MsgHdr* message, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint recvmsg(int descriptor, MsgHdr* message, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint if_nametoindex(string name);

    /// <summary>The next control message after <paramref name="current"/>, or null (CMSG_NXTHDR).</summary>
    public static CmsgHdr* NextControl(in MsgHdr message, CmsgHdr* current)
    {
        byte* end = message.Control + message.ControlLength;
        byte* next = current == null ? message.Control : (byte*)current + Align(current->Length);
        if (next == null || next < message.Control || end - next < sizeof(CmsgHdr)) return null;
        var header = (CmsgHdr*)next;
        return header->Length < (nuint)sizeof(CmsgHdr) || header->Length > (nuint)(end - next) ? null : header;
    }

    private static nuint Align(nuint length) => (length + 7) & ~(nuint)7;
}
