namespace JumpingVpn.Node.Cli;

/// <summary>What a process says when it ends; scripts rely on it.</summary>
public static class ExitCode
{
    /// <summary>The work was done.</summary>
    public const int Done = 0;

    /// <summary>The work failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line, the configuration or an input file is wrong.</summary>
    public const int BadInput = 2;
}
