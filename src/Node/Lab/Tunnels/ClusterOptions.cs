using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>How a cluster of two of this program's gateways is set up in the lab.</summary>
/// <param name="Servers">The servers that hold the cluster's database, the primary first.</param>
public sealed record ClusterOptions(IReadOnlyList<PostgresServer> Servers)
{
    /// <summary>Address and network of the nodes inside the tunnel.</summary>
    public string TunnelAddress { get; init; } = NodeConfiguration.GatewayInside4 + "/24";

    /// <summary>The nodes reach the database with nothing between: their way cannot be broken.</summary>
    public bool DirectToDatabase { get; init; }

    /// <summary>What runs the first node instead of the program itself; the program's own arguments follow.</summary>
    public (string File, IReadOnlyList<string> Arguments)? FirstNodeProgram { get; init; }

    /// <summary>Policy keys of the nodes that differ from their defaults.</summary>
    public IReadOnlyDictionary<string, string> Policy { get; init; } = new Dictionary<string, string>();
}
