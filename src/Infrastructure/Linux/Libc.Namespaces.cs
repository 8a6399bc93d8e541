using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

// Namespaces and the mounts that keep them alive.
internal static unsafe partial class Libc
{
    public const int CLONE_NEWNET = 0x40000000;
    public const nuint MS_BIND = 0x1000;
    public const nuint MS_REC = 0x4000;
    public const nuint MS_SHARED = 0x100000;
    public const int MNT_DETACH = 2;

    [LibraryImport(Library, SetLastError = true)]
    public static partial int unshare(int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int setns(int descriptor, int type);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int mount(string source, string target, string? type, nuint flags, void* data);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int umount2(string target, int flags);
}
