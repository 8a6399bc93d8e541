namespace JumpingVpn.Replay;

/// <summary>What the tool says when it ends; scripts rely on it.</summary>
public static class ExitCode
{
    /// <summary>The work was done; a verified file holds.</summary>
    public const int Done = 0;

    /// <summary>A file does not hold, or the work failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong, or a file is unreadable, foreign, newer, cut off or damaged.</summary>
    public const int BadInput = 2;
}
