namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>How a pair of this program's nodes is set up in the lab.</summary>
public sealed record NodeTunnelOptions
{
    /// <summary>Client nodes, each on a client host of its own.</summary>
    public int Clients { get; init; } = 1;

    /// <summary>The transports use IPv6 only.</summary>
    public bool OutsideIPv6 { get; init; }

    /// <summary>The probes use the tunnel's IPv6 addresses.</summary>
    public bool InsideIPv6 { get; init; }

    /// <summary>Clients keep a state file and resume their session after a restart.</summary>
    public bool State { get; init; }

    /// <summary>Forces a cipher's implementation (`openssl`, `ipsec-mb`, `bcl`); null leaves the choice to the node.</summary>
    public string? Cipher { get; init; }

    /// <summary>The gateway's policy keys that differ from their defaults.</summary>
    public IReadOnlyDictionary<string, string> Policy { get; init; } = new Dictionary<string, string>();

    /// <summary>More top-level lines of the clients' configuration.</summary>
    public IReadOnlyList<string> ClientLines { get; init; } = [];

    /// <summary>More top-level lines of the gateway's configuration.</summary>
    public IReadOnlyList<string> GatewayLines { get; init; } = [];

    /// <summary>Where the nodes' standard output goes instead of being kept; null keeps it.</summary>
    public string? OutputTo { get; init; }

    /// <summary>Told each line that a node says: the node's name and the line.</summary>
    public Action<string, string>? OnLine { get; init; }
}
