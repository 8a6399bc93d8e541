using JumpingVpn.Node.Lab.Database;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>How a cluster of two of this program's gateways is set up in the lab.</summary>
/// <param name="Database">The servers that hold the cluster's database, the primary first.</param>
public sealed record ClusterOptions(IReadOnlyList<LabDatabase> Database)
{
    /// <summary>Clients that are registered; the first one gets a host and a process.</summary>
    public int Clients { get; init; } = 1;

    /// <summary>Policy keys of the nodes that differ from their defaults.</summary>
    public IReadOnlyDictionary<string, string> Policy { get; init; } = new Dictionary<string, string>();
}
