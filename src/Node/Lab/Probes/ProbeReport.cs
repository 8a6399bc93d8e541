namespace JumpingVpn.Node.Lab.Probes;

/// <summary>
/// One direction of the datagram stream, measured from one second before the event to the end.
/// </summary>
/// <param name="LongestGap">The longest time without an arrival.</param>
/// <param name="Recovered">Datagrams arrived again at the end.</param>
public sealed record DirectionReport(TimeSpan LongestGap, bool Recovered, int Sent, int Received, int Duplicates, int Reordered)
{
    public int Lost => Sent - Received;

    /// <summary>From 0 to 1; 1 if nothing was sent.</summary>
    public double Delivered => Sent == 0 ? 1 : Received / (double)Sent;
}

/// <summary>What the streams saw. A direction that did not send is null.</summary>
/// <param name="Up">From client to gateway.</param>
/// <param name="Down">From gateway to client.</param>
/// <param name="TcpStall">The longest time between two messages that arrived, the worse direction; null if the connection was idle.</param>
/// <param name="TcpAlive">The one connection carried messages both ways after the event, in order and without a gap.</param>
public sealed record ProbeReport(DirectionReport? Up, DirectionReport? Down, TimeSpan? TcpStall, bool TcpAlive)
{
    private IEnumerable<DirectionReport> Directions => new[] { Up, Down }.OfType<DirectionReport>();

    /// <summary>The longest gap of the worse direction; null if a direction never came back.</summary>
    public TimeSpan? Outage => Directions.All(direction => direction.Recovered) ? Directions.Max(direction => direction.LongestGap) : null;

    public int Lost => Directions.Sum(direction => direction.Lost);

    /// <summary>Share delivered in the worse direction.</summary>
    public double Delivered => Directions.Min(direction => direction.Delivered);
}
