namespace JumpingVpn.Fuzz.Tests.Kernel;

/// <summary>Directories for targets that read files: in memory where the host has such a place.</summary>
internal static class Scratch
{
    private const string Memory = "/dev/shm";

    /// <summary>A new, empty directory; its owner deletes it.</summary>
    public static string Directory()
    {
        string root = System.IO.Directory.Exists(Memory) ? Memory : Path.GetTempPath();
        return System.IO.Directory.CreateDirectory(Path.Combine(root, "jvpn-fuzz-" + Path.GetRandomFileName())).FullName;
    }
}
