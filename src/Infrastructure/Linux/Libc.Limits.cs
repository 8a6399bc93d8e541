using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

// Limits of the process.
internal static unsafe partial class Libc
{
    public const int RLIMIT_NOFILE = 7;

    /// <summary>struct rlimit of a 64-bit system.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getrlimit(int resource, ResourceLimit* limit);
}
