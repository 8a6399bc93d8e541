using System.Globalization;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// Where a process runs that holds a lock: machine, boot and lock file. Two processes of one place cannot live at the same time, so the
/// one that holds the lock knows that the one before is dead.
/// </summary>
public static unsafe class NodePlace
{
    private const string Boot = "/proc/sys/kernel/random/boot_id";
    private const string Machine = "/etc/machine-id";

    /// <summary>
    /// The place of a lock file that the caller holds. Empty where it cannot be said. The boot's id is random and tells machines apart by
    /// itself; device and inode tell apart what has one path in two containers.
    /// </summary>
    public static string Of(string lockFile)
    {
        Libc.StatX file;
        if (Read(Boot) is not { Length: > 0 } boot || Libc.statx(Libc.AT_FDCWD, lockFile, 0, Libc.STATX_BASIC_STATS, &file) != 0) return "";
        return string.Create(CultureInfo.InvariantCulture, $"{Read(Machine)} {boot} {file.DeviceMajor}:{file.DeviceMinor}:{file.Inode} {Path.GetFullPath(lockFile)}");
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
