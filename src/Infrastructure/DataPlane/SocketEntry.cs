namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// A socket as the packet threads see it. One entry is one <see cref="IDataPlane.AddSocket"/>: if a socket is removed and
/// another added under the same number, bindings to the first do not move to the second.
/// </summary>
internal sealed class SocketEntry(int socket, int token, int descriptor, bool isIPv6, ushort port, bool connected, FloodShield? shield)
{
    private volatile bool _removed;

    /// <summary>The shell's number of the socket.</summary>
    public int Socket { get; } = socket;

    /// <summary>Names this entry in epoll; never given twice.</summary>
    public int Token { get; } = token;

    public int Descriptor { get; } = descriptor;

    public bool IsIPv6 { get; } = isIPv6;

    /// <summary>The port that it is bound to.</summary>
    public ushort Port { get; } = port;

    /// <summary>It has a fixed remote, so that sending names none.</summary>
    public bool Connected { get; } = connected;

    /// <summary>The receiving thread's; null if there is none.</summary>
    public FloodShield? Shield { get; } = shield;

    /// <summary>Set before the descriptor is given back: no thread may start to use it.</summary>
    public bool Removed => _removed;

    public void MarkRemoved() => _removed = true;

    /// <summary>The receiving thread's limit on reports of errors of this socket.</summary>
    public RateLimit ReceiveErrors = new(ReportsPerSecond);

    /// <summary>The sending thread's limit on reports of errors of this socket.</summary>
    public RateLimit SendErrors = new(ReportsPerSecond);

    /// <summary>The command thread's limit on reports of errors of this socket.</summary>
    public RateLimit ControlErrors = new(ReportsPerSecond);

    /// <summary>Until when (ticks) the sending thread does not try UDP segmentation on this socket.</summary>
    public long SegmentationOffUntil = long.MinValue;

    private const int ReportsPerSecond = 20;
}
