using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.Linux;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class FileLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("jump-lock-").FullName;

    private string LockFile => Path.Combine(_directory, "node.lock");

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void The_second_is_told_who_holds_it_and_gets_it_after_release()
    {
        FileLock first = FileLock.Acquire(LockFile);
        Assert.Null(FileLock.TryAcquire(LockFile, out int? holder));
        Assert.Equal(Environment.ProcessId, holder);
        LinuxException error = Assert.Throws<LinuxException>(() => FileLock.Acquire(LockFile));
        Assert.Equal($"{LockFile}: in use by process {Environment.ProcessId}", error.Message);
        first.Dispose();
        using FileLock second = FileLock.Acquire(LockFile);
        Assert.Equal(LockFile, second.Path);
    }

    /// <summary>A child process that is just being started has copies of all descriptors until it execs.</summary>
    [Fact]
    public void A_copy_of_the_descriptor_does_not_keep_what_was_released()
    {
        string path = Path.Combine(_directory, "copied");
        FileLock held = FileLock.Acquire(path);
        string link = Directory.EnumerateFileSystemEntries("/proc/self/fd").First(link => new FileInfo(link).LinkTarget == path);
        int copy = Duplicate(int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture));
        try
        {
            Assert.Null(FileLock.TryAcquire(path, out _));
            held.Dispose();
            using FileLock? next = FileLock.TryAcquire(path, out _);
            Assert.NotNull(next);
        }
        finally
        {
            _ = Close(copy);
        }
    }

    [DllImport("libc", EntryPoint = "dup")]
    private static extern int Duplicate(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);

    [Fact]
    public void A_killed_holder_holds_nothing()
    {
        using var process = Process.Start(new ProcessStartInfo("flock", ["--exclusive", LockFile, "sleep", "60"]))!;
        Waiting.Until("the other process holds the lock", () =>
        {
            using FileLock? mine = FileLock.TryAcquire(LockFile, out _);
            return mine is null;
        });
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        FileLock? lost = null;
        Waiting.Until("the lock is free", () => (lost = FileLock.TryAcquire(LockFile, out _)) is not null);
        lost!.Dispose();
    }

    [Fact]
    public void A_file_that_says_nothing_of_its_holder_still_refuses()
    {
        using FileLock held = FileLock.Acquire(LockFile);
        using (var shell = Process.Start("sh", ["-c", $"echo not a number > {LockFile}"])) shell.WaitForExit();
        Assert.Null(FileLock.TryAcquire(LockFile, out int? holder));
        Assert.Null(holder);
    }

    [Fact]
    public void A_lock_file_is_for_its_owner_alone_and_no_link_is_followed()
    {
        using FileLock held = FileLock.Acquire(LockFile);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LockFile));
        string link = Path.Combine(_directory, "link");
        File.CreateSymbolicLink(link, LockFile);
        Assert.Equal(Libc.ELOOP, Assert.Throws<LinuxException>(() => FileLock.Acquire(link)).Errno);
    }
}
