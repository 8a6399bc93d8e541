using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

// Many packets, or one packet from many places, per system call.
internal static unsafe partial class Libc
{
    public const int EBADFD = 77;
    public const int IP_PMTUDISC_DONT = 0;

    /// <summary>struct mmsghdr of a 64-bit system, 64 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MMsgHdr
    {
        public MsgHdr Header;
        public uint Length;
    }

    [LibraryImport(Library, SetLastError = true)]
    public static partial int recvmmsg(int descriptor, MMsgHdr* messages, uint count, int flags, TimeSpec* timeout);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int sendmmsg(int descriptor, MMsgHdr* messages, uint count, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint writev(int descriptor, IoVec* vectors, int count);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getpeername(int descriptor, byte* address, uint* length);
}
