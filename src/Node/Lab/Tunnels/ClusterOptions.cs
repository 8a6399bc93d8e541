using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>How a cluster of two of this program's gateways is set up in the lab.</summary>
/// <param name="Servers">The servers that hold the cluster's database, the primary first.</param>
public sealed record ClusterOptions(IReadOnlyList<PostgresServer> Servers)
{
    /// <summary>Policy keys of the nodes that differ from their defaults.</summary>
    public IReadOnlyDictionary<string, string> Policy { get; init; } = new Dictionary<string, string>();
}
