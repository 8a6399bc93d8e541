using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

// Waiting: epoll, poll and eventfd.
internal static unsafe partial class Libc
{
    public const int EPOLL_CLOEXEC = 0x80000;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;
    public const short POLLIN = 1;
    public const short POLLOUT = 4;

    /// <summary>The number of epoll_pwait2, the same on every architecture (kernel 5.11).</summary>
    public const nint SYS_epoll_pwait2 = 441;

    /// <summary>sizeof(struct epoll_event): packed on x86-64 only.</summary>
    public static readonly int EpollEventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    /// <summary>Where the user's word lies in struct epoll_event.</summary>
    public static readonly int EpollDataOffset = EpollEventSize - 8;

    /// <summary>struct pollfd, 8 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollFd
    {
        public int Descriptor;
        public short Events;
        public short Ready;
    }

    [LibraryImport(Library, SetLastError = true)]
    public static partial int epoll_create1(int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int epoll_ctl(int epoll, int operation, int descriptor, byte* epollEvent);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int epoll_wait(int epoll, byte* events, int count, int timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    public static partial nint epoll_pwait2(nint number, int epoll, byte* events, int count, TimeSpec* timeout, void* mask, nuint maskSize);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int poll(PollFd* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int eventfd(uint initial, int flags);
}
