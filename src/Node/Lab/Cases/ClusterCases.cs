using JumpingVpn.Domain.Ownership;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Cases;

/// <summary>What happens to a cluster's node that serves a session; the session goes on at the other one.</summary>
public static class ClusterCases
{
    /// <summary>Beyond the time that a dead owner's lease takes to be over.</summary>
    private static readonly TimeSpan Takeover = TimeSpan.FromMilliseconds(500);

    public static IReadOnlyList<OutageCase> All { get; } =
    [
        new("owner-killed", "owner killed", Within(LeaseTimes.Default.Lease + LeaseTimes.Default.Margin + Takeover),
            (lab, tunnel) => new OwnerEndedFault(lab, (ClusterTunnel)tunnel, LabSignal.Kill), NeedsSession: true),
        new("move", "client moves to another live node", Within(TimeSpan.FromMilliseconds(300)),
            (lab, tunnel) => new NodeBlockedFault(lab, (ClusterTunnel)tunnel), NeedsSession: true),
        new("drain", "planned drain of a node", Within(TimeSpan.FromMilliseconds(300)),
            (lab, tunnel) => new OwnerEndedFault(lab, (ClusterTunnel)tunnel, LabSignal.Terminate), NeedsSession: true),
    ];

    /// <summary>The case of this name, or null.</summary>
    public static OutageCase? Find(string name) => All.FirstOrDefault(entry => entry.Name == name);

    private static OutageLimits Within(TimeSpan outage) => new(OutageMilliseconds: outage.TotalMilliseconds);
}
