namespace JumpingVpn.Node;

/// <summary>Says in a few words why a file could not be used.</summary>
public static class FileProblem
{
    /// <summary>`PATH: why`.</summary>
    public static string Of(string path, Exception e) => $"{path}: {Why(e)}";

    /// <summary>The reason alone.</summary>
    public static string Why(Exception e) => e switch
    {
        FileNotFoundException => "no such file",
        DirectoryNotFoundException => "no such directory",
        UnauthorizedAccessException => "permission denied",
        PathTooLongException => "the path is too long",
        ArgumentException => "not a path",
        // ENOSPC and EROFS (errno.h); .NET carries the errno in HResult.
        IOException { HResult: 28 } => "no space left on the device",
        IOException { HResult: 30 } => "the file system is read-only",
        _ => e.Message,
    };
}
