namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>Where a node logs to besides standard output, and how much of it is kept.</summary>
/// <param name="Path">The file that is written; those before it have `.1`, `.2` and so on after their names.</param>
/// <param name="MaxSize">Size at which a file is closed and the next one begun, in bytes.</param>
/// <param name="Files">Files that are kept, the present one included.</param>
public sealed record LogFileOptions(string Path, long MaxSize = LogFileOptions.DefaultSize, int Files = LogFileOptions.DefaultFiles)
{
    public const long DefaultSize = 16L << 20;

    /// <summary>Above the longest line, which has no more than 6 KiB (<see cref="LogLineFormatter.MaxMessage"/> characters).</summary>
    public const long SmallestSize = 64L << 10;

    public const long LargestSize = 16L << 30;

    public const int DefaultFiles = 4;

    public const int MostFiles = 100;
}
