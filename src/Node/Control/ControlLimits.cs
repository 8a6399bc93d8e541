namespace JumpingVpn.Node.Control;

/// <summary>Bounds of the control socket: whoever may open it must still not be able to hurt the node.</summary>
public static class ControlLimits
{
    /// <summary>Connections at a time unless the node's operator sets another bound; more are told so and closed.</summary>
    public const int Connections = 16;

    /// <summary>Longest request, in bytes, its line feed included.</summary>
    public const int RequestSize = 4096;

    /// <summary>Longest answer that the command line reads, in bytes: some 100,000 sessions.</summary>
    public const int ResponseSize = 64 * 1024 * 1024;

    /// <summary>A connection that has asked nothing for so long is closed.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    /// <summary>The node's time to answer.</summary>
    public static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    /// <summary>The node's time to put an incident file together.</summary>
    public static readonly TimeSpan Export = TimeSpan.FromSeconds(120);

    /// <summary>Bytes of an incident file in one answer.</summary>
    public const int ExportChunk = 48 * 1024;

    /// <summary>The other side's time to take an answer.</summary>
    public static readonly TimeSpan Write = TimeSpan.FromSeconds(10);
}
