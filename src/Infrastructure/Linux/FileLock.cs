using System.Globalization;
using System.Text;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// An exclusive lock on a file (flock(2)), held until <see cref="Dispose"/> or the end of the process, however it ends: the kernel lets
/// go, so there is no stale lock to clean up. The file holds the owner's process id for messages, and stays. Give the lock a file of its
/// own: the platform's file classes take locks of the same kind when they open one. On a network file system the lock is only as good as
/// that file system's.
/// </summary>
public sealed unsafe class FileLock : IDisposable
{
    private const int MaxContent = 32;
    private const int Tries = 16;

    private int _descriptor;

    private FileLock(string path, int descriptor)
    {
        Path = path;
        _descriptor = descriptor;
    }

    public string Path { get; }

    /// <summary>Takes the lock, making the file (mode 0600) if it is not there.</summary>
    /// <exception cref="LinuxException">Another process holds it, and the message says which; or the file cannot be opened.</exception>
    public static FileLock Acquire(string path) =>
        TryAcquire(path, out int? holder) ?? throw LinuxException.Refused(
            $"{path}: in use by {(holder is { } pid ? $"process {pid.ToString(CultureInfo.InvariantCulture)}" : "another process")}");

    /// <summary>Takes the lock, or returns null and, if it can be read, the process id of who holds it.</summary>
    /// <exception cref="LinuxException">The file cannot be opened.</exception>
    public static FileLock? TryAcquire(string path, out int? holder)
    {
        holder = null;
        for (int i = 0; i < Tries; i++)
        {
            int descriptor = Libc.open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC | Libc.O_NOFOLLOW, 0x180);
            if (descriptor < 0) throw LinuxException.Last($"open {path}");
            if (!Lock(descriptor))
            {
                int errno = Libc.errno;
                holder = ReadHolder(descriptor);
                _ = Libc.close(descriptor);
                if (errno == Libc.EAGAIN) return null;
                throw new LinuxException($"lock {path}", errno);
            }
            // Somebody may have removed or replaced the file between the two calls: a lock on that one keeps nobody out.
            if (IsStill(path, descriptor))
            {
                WriteHolder(descriptor);
                return new(path, descriptor);
            }
            _ = Libc.close(descriptor);
        }
        throw LinuxException.Refused($"{path}: replaced again and again while it was to be locked");
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor < 0) return;
        _ = Libc.ftruncate(descriptor, 0);
        // Closing alone lets go only once every copy is closed, and a child process that is just being started has one until it execs.
        _ = Libc.flock(descriptor, Libc.LOCK_UN);
        _ = Libc.close(descriptor);
    }

    private static bool Lock(int descriptor)
    {
        int result;
        do result = Libc.flock(descriptor, Libc.LOCK_EX | Libc.LOCK_NB);
        while (Libc.Interrupted(result));
        return result == 0;
    }

    private static bool IsStill(string path, int descriptor)
    {
        Libc.StatX named, opened;
        return Libc.statx(Libc.AT_FDCWD, path, 0, Libc.STATX_BASIC_STATS, &named) == 0
            && Libc.statx(descriptor, "", Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS, &opened) == 0
            && (named.Inode, named.DeviceMajor, named.DeviceMinor) == (opened.Inode, opened.DeviceMajor, opened.DeviceMinor);
    }

    private static void WriteHolder(int descriptor)
    {
        byte[] text = Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        _ = Libc.ftruncate(descriptor, 0);
        fixed (byte* bytes = text) _ = Libc.pwrite(descriptor, bytes, (nuint)text.Length, 0);
    }

    private static int? ReadHolder(int descriptor)
    {
        byte* bytes = stackalloc byte[MaxContent];
        nint length = Libc.pread(descriptor, bytes, MaxContent, 0);
        if (length <= 0) return null;
        string text = Encoding.ASCII.GetString(bytes, (int)length).Trim();
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : null;
    }
}
