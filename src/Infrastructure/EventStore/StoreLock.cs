using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The lock that proves its holder to be the only node on a store or an archive (REQ-PARTITION-1): a file `.lock` beside it.</summary>
internal static class StoreLock
{
    /// <summary>Left, in one line that names the path and the holder, if another process has it or it cannot be taken.</summary>
    public static Either<string, FileLock> Acquire(string path)
    {
        try
        {
            if (FileLock.TryAcquire(path + ".lock", out int? holder) is { } held) return held;
            return $"{path} is in use by {(holder is { } process ? $"process {process}" : "another process")}";
        }
        catch (LinuxException e)
        {
            return $"{path}: {e.Message}";
        }
    }
}
