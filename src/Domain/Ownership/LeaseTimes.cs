namespace JumpingVpn.Domain.Ownership;

/// <summary>
/// The times of the nodes' leases; the same for all nodes of a cluster. A node serves until the start of its last renewal plus
/// <paramref name="Lease"/> less <paramref name="Margin"/>; others hold it for gone once its number has stood still for
/// <paramref name="Lease"/> plus <paramref name="Margin"/> by their own clocks. No two clocks are compared (REQ-PARTITION-2).
/// </summary>
/// <param name="Lease">What one renewal grants.</param>
/// <param name="Margin">What lies between the last check of a deadline and the packet that passed it, and clocks that run unevenly.</param>
/// <param name="Interval">Between renewals.</param>
public sealed record LeaseTimes(TimeSpan Lease, TimeSpan Margin, TimeSpan Interval)
{
    /// <summary>A lease of 2 s with a margin of 300 ms, renewed eight times in that time.</summary>
    public static readonly LeaseTimes Default = Of(TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(300));

    /// <summary>Eight renewals in a lease: seven may fail or come late before the node stops.</summary>
    public static LeaseTimes Of(TimeSpan lease, TimeSpan margin) => new(lease, margin, lease / 8);
}
