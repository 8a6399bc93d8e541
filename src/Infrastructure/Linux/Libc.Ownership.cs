using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

// Owners and kinds of files.
internal static unsafe partial class Libc
{
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int S_IFSOCK = 0xC000;

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int lchown(string path, uint user, uint group);
}
