using System.Globalization;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// Files that hold secrets: made with mode 0600 and never over another file, read only if nobody else can read them, replaced whole or
/// not at all (REQ-KEYS-1). What is passed in and out belongs to the caller, who zeroes it.
/// </summary>
public static unsafe class SecureFile
{
    private const uint OwnerOnly = 0x180;
    private const uint OthersMask = 0x3F;
    private const uint ModeMask = 0xFFF;

    /// <summary>Makes the file, with mode 0600, and returns when it is on disk.</summary>
    /// <exception cref="LinuxException">A file of that name exists (EEXIST), or it cannot be written; then nothing is left of
    /// it.</exception>
    public static void Create(string path, ReadOnlySpan<byte> content)
    {
        CheckPath(path);
        int descriptor = Libc.open(path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, OwnerOnly);
        if (descriptor < 0)
        {
            int errno = Libc.errno;
            throw new LinuxException($"create {path}", errno, errno == Libc.EEXIST ? "an existing file is never overwritten" : null);
        }
        WriteOrRemove(path, descriptor, content);
        SyncDirectory(path);
    }

    /// <summary>
    /// Puts new content in the file's place, with mode 0600: written beside it, flushed, renamed over it, the directory flushed.
    /// Whoever reads the name, after a crash too, finds the old content or the new, whole. One writer at a time; what an interrupted
    /// one left is replaced.
    /// </summary>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        CheckPath(path);
        string temporary = Path.Combine(DirectoryOf(path), $".{Path.GetFileName(path)}.new");
        _ = Libc.unlink(temporary);
        int descriptor = Libc.open(temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, OwnerOnly);
        if (descriptor < 0) throw LinuxException.Last($"create {temporary}");
        WriteOrRemove(temporary, descriptor, content);
        if (Libc.rename(temporary, path) < 0)
        {
            int errno = Libc.errno;
            _ = Libc.unlink(temporary);
            throw new LinuxException($"replace {path}", errno);
        }
        SyncDirectory(path);
    }

    /// <summary>Removes the file, and returns when that is on disk; false if it was not there.</summary>
    public static bool Delete(string path)
    {
        CheckPath(path);
        if (Libc.unlink(path) < 0) return Libc.errno == Libc.ENOENT ? false : throw LinuxException.Last($"remove {path}");
        SyncDirectory(path);
        return true;
    }

    /// <summary>Reads a file that only its owner can read; returns the number of bytes.</summary>
    /// <param name="path">A regular file, or a link to one.</param>
    /// <param name="buffer">Where to put it; a longer file is refused.</param>
    /// <exception cref="LinuxException">
    /// It does not exist, its group or others have any right to it, somebody else owns it (and the message says how to mend that), or
    /// it is longer than the buffer.
    /// </exception>
    public static int Read(string path, Span<byte> buffer)
    {
        CheckPath(path);
        // Non-blocking, so that a pipe of that name cannot hold the program up.
        int descriptor = Libc.open(path, Libc.O_RDONLY | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        if (descriptor < 0) throw LinuxException.Last($"open {path}");
        try
        {
            CheckPrivate(path, descriptor);
            int length = ReadAll(path, descriptor, buffer);
            return length <= buffer.Length ? length : throw LinuxException.Refused($"{path}: longer than {buffer.Length} bytes");
        }
        finally
        {
            _ = Libc.close(descriptor);
        }
    }

    private static void CheckPrivate(string path, int descriptor)
    {
        Libc.StatX status;
        if (Libc.statx(descriptor, "", Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS, &status) < 0)
            throw LinuxException.Last($"inspect {path}");
        if ((status.Mode & Libc.S_IFMT) != Libc.S_IFREG) throw LinuxException.Refused($"{path}: not a regular file");
        if ((status.Mode & OthersMask) != 0)
        {
            string mode = Convert.ToString(status.Mode & ModeMask, 8).PadLeft(4, '0');
            throw LinuxException.Refused($"{path}: others than its owner can use it (mode {mode}): chmod 600 {path}");
        }
        uint self = Libc.geteuid();
        if (status.UserId != self && status.UserId != 0)
        {
            string owner = status.UserId.ToString(CultureInfo.InvariantCulture), reader = self.ToString(CultureInfo.InvariantCulture);
            throw LinuxException.Refused($"{path}: belongs to user {owner}, not to this program's user {reader}: chown {reader} {path}");
        }
    }

    /// <summary>Returns more than the buffer's length if there is more than fits.</summary>
    private static int ReadAll(string path, int descriptor, Span<byte> buffer)
    {
        int length = 0;
        byte extra;
        while (true)
        {
            nint read;
            fixed (byte* bytes = buffer)
            {
                bool full = length == buffer.Length;
                read = Libc.read(descriptor, full ? &extra : bytes + length, full ? 1 : (nuint)(buffer.Length - length));
            }
            if (Libc.Interrupted(read)) continue;
            if (read < 0) throw LinuxException.Last($"read {path}");
            if (read == 0) return length;
            length += (int)read;
            if (length > buffer.Length) return length;
        }
    }

    private static void WriteOrRemove(string path, int descriptor, ReadOnlySpan<byte> content)
    {
        int errno = Write(descriptor, content);
        if (Libc.close(descriptor) < 0 && errno == 0) errno = Libc.errno;
        if (errno == 0) return;
        _ = Libc.unlink(path);
        throw new LinuxException($"write {path}", errno);
    }

    private static int Write(int descriptor, ReadOnlySpan<byte> content)
    {
        // The mode given to open is narrowed by the umask; this makes it exact.
        if (Libc.fchmod(descriptor, OwnerOnly) < 0) return Libc.errno;
        fixed (byte* bytes = content)
        {
            for (int done = 0; done < content.Length;)
            {
                nint written = Libc.write(descriptor, bytes + done, (nuint)(content.Length - done));
                if (Libc.Interrupted(written)) continue;
                if (written < 0) return Libc.errno;
                done += (int)written;
            }
        }
        return Libc.fsync(descriptor) < 0 ? Libc.errno : 0;
    }

    /// <summary>Makes a new or changed name durable. File systems that keep directories durable by themselves answer EINVAL.</summary>
    /// <exception cref="LinuxException">The directory could not be written.</exception>
    public static void SyncDirectory(string path)
    {
        string directory = DirectoryOf(path);
        int descriptor = Libc.open(directory, Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
        if (descriptor < 0) throw LinuxException.Last($"open {directory}");
        int errno = Libc.fsync(descriptor) < 0 ? Libc.errno : 0;
        _ = Libc.close(descriptor);
        if (errno is not (0 or Libc.EINVAL)) throw new LinuxException($"flush {directory}", errno);
    }

    private static string DirectoryOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";

    private static void CheckPath(string path)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
            throw LinuxException.Refused($"'{path.Replace('\0', '?')}' is not a path");
    }
}
