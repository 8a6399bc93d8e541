using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// The C library, declared function by function under its own names, so that a package of such declarations (Tmds.LibC) can
/// take this file set's place. Functions return what libc returns: -1 with the error in <see cref="errno"/>. Numbers are
/// those of the generic Linux ABI; the few that differ between x86-64 and arm64 are chosen at run time.
/// </summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    /// <summary>The error number of the last failed call on this thread.</summary>
    public static int errno => Marshal.GetLastPInvokeError();

    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int EBADF = 9;
    public const int EAGAIN = 11;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int ENOSYS = 38;
    public const int ELOOP = 40;
    public const int EMSGSIZE = 90;
    public const int ENOPROTOOPT = 92;
    public const int EOPNOTSUPP = 95;
    public const int EAFNOSUPPORT = 97;
    public const int EADDRINUSE = 98;
    public const int EADDRNOTAVAIL = 99;
    public const int ENETDOWN = 100;
    public const int ENETUNREACH = 101;
    public const int ENOBUFS = 105;
    public const int ETIMEDOUT = 110;
    public const int ECONNREFUSED = 111;
    public const int EHOSTUNREACH = 113;

    public const int CLOCK_BOOTTIME = 7;

    /// <summary>struct timespec of a 64-bit system.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    // The vDSO answers this without a system call, far below a microsecond.
    [LibraryImport(Library), SuppressGCTransition]
    public static partial int clock_gettime(int clock, TimeSpec* time);

    [LibraryImport(Library)]
    public static partial uint geteuid();

    [LibraryImport(Library, SetLastError = true)]
    public static partial int kill(int pid, int signal);

    /// <summary>Runs a call again for as long as a signal interrupts it.</summary>
    public static bool Interrupted(nint result) => result < 0 && errno == EINTR;
}
