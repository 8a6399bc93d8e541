using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;
using Microsoft.Win32.SafeHandles;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The lock beside a store's file that proves its holder to be the only node there (REQ-PARTITION-1). It is an flock: the kernel
/// drops it with the process, whatever ended that. The file stays and names its last holder.
/// </summary>
internal sealed class StoreLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private StoreLock(SafeFileHandle file) => _file = file;

    /// <summary>Left, in one line that names file and holder, if another process has it or the file cannot be opened.</summary>
    public static Either<string, StoreLock> Acquire(string storePath, string node)
    {
        string path = storePath + ".lock";
        SafeFileHandle? file = PosixFile.OpenOrCreate(path);
        if (file is null) return $"{path}: {PosixFile.LastError}";
        if (!PosixFile.TryLock(file))
        {
            string holder = Read(file);
            file.Dispose();
            return $"{storePath} is in use by {(holder.Length > 0 ? holder : "another process")}";
        }
        byte[] text = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"node {node} (process {Environment.ProcessId})"));
        try
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, text, 0);
        }
        // The name is a courtesy to whoever finds the lock taken; a full disk must not keep a node from the lock.
        catch (IOException)
        {
        }
        return new StoreLock(file);
    }

    private static string Read(SafeFileHandle file)
    {
        var buffer = new byte[256];
        int length = RandomAccess.Read(file, buffer, 0);
        return Encoding.UTF8.GetString(buffer, 0, length).Trim();
    }

    public void Dispose() => _file.Dispose();
}

/// <summary>What the platform's file classes do not offer: advisory locks taken on purpose, and directories made durable.</summary>
internal static class PosixFile
{
    /// <summary>The last failed call's error, in words.</summary>
    public static string LastError => new Win32Exception(Marshal.GetLastPInvokeError()).Message;

    /// <summary>Opens for reading and writing, made with mode 0600 if it is not there; null on failure.</summary>
    public static SafeFileHandle? OpenOrCreate(string path) => Wrap(Libc.open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, 0x180));

    /// <summary>flock(2); false if another holds it.</summary>
    public static bool TryLock(SafeFileHandle file) =>
        Libc.flock((int)file.DangerousGetHandle(), Libc.LOCK_EX | Libc.LOCK_NB) == 0;

    /// <summary>Makes the names in a directory durable (fsync(2)); false on failure.</summary>
    public static bool SyncDirectory(string path)
    {
        using SafeFileHandle? directory = Wrap(Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0));
        return directory is not null && Libc.fsync((int)directory.DangerousGetHandle()) == 0;
    }

    private static SafeFileHandle? Wrap(int descriptor) => descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
}
