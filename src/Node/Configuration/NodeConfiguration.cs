using System.Collections.Immutable;
using System.Net;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry;

namespace JumpingVpn.Node.Configuration;

/// <summary>A configuration file that was read without an error. All paths are absolute. It holds no secret, only where secrets lie.</summary>
public abstract record NodeConfiguration
{
    private protected NodeConfiguration() { }

    /// <summary>The file this was read from.</summary>
    public required string File { get; init; }

    /// <summary>The node's name, unique in its cluster; the host's name where the file is silent.</summary>
    public required string Node { get; init; }

    /// <summary>The file that holds the X25519 private key: <see cref="Keys.KeyFile"/> reads it.</summary>
    public required string PrivateKeyFile { get; init; }

    /// <summary>The public key that belongs to it, read when the configuration was checked.</summary>
    public required PublicKey PublicKey { get; init; }

    public required ControlConfiguration Control { get; init; }

    public required MetricsConfiguration Metrics { get; init; }

    public required LogConfiguration Log { get; init; }

    /// <summary>What this node bounds for itself, whatever other nodes do.</summary>
    public required LimitsConfiguration Limits { get; init; }

    /// <summary>Where the node keeps what proves its doings.</summary>
    public required AuditConfiguration Audit { get; init; }

    /// <summary>`gateway` or `client`.</summary>
    public abstract string Role { get; }
}

/// <summary>A gateway: keeps many sessions.</summary>
public sealed record GatewayConfiguration : NodeConfiguration
{
    public override string Role => "gateway";

    /// <summary>One key a line, the first seals; made at the first start where it is absent (<see cref="ClusterKeyFileGiven"/> says whether the file named it).</summary>
    public required string ClusterKeyFile { get; init; }

    public required bool ClusterKeyFileGiven { get; init; }

    /// <summary>UDP addresses to listen on; the unspecified address of a family means all of that family.</summary>
    public required ImmutableArray<Endpoint> Listen { get; init; }

    public required TunnelConfiguration Tunnel { get; init; }

    /// <summary>
    /// Keys, names and addresses are each unique, and every address lies in one of the tunnel's networks. Empty with a shared store, which
    /// holds the registry itself.
    /// </summary>
    public required ImmutableArray<ClientEntry> Clients { get; init; }

    public required StoreConfiguration Store { get; init; }

    /// <summary>What rules sessions and paths; valid.</summary>
    public required SessionPolicy Policy { get; init; }

    public required StorePolicy StorePolicy { get; init; }
}

/// <summary>A client: keeps one session to a gateway.</summary>
public sealed record ClientConfiguration : NodeConfiguration
{
    public override string Role => "client";

    public required PublicKey GatewayPublicKey { get; init; }

    /// <summary>Where the gateway may be reached, best first.</summary>
    public required ImmutableArray<GatewayEndpoint> Endpoints { get; init; }

    /// <summary>What goes into the tunnel.</summary>
    public required ImmutableArray<IpPrefix> AllowedIps { get; init; }

    /// <summary>The file with the 32-byte secret shared with the gateway; null for none.</summary>
    public required string? PresharedKeyFile { get; init; }

    /// <summary>The TUN device's name.</summary>
    public required string TunnelName { get; init; }

    /// <summary>Devices to use, best first; empty for all that have a route (`auto`).</summary>
    public required ImmutableArray<string> Uplinks { get; init; }

    /// <summary>Where the session's resumption state is kept; null to forget it at the end.</summary>
    public required string? StateFile { get; init; }
}

/// <summary>The gateway's TUN device. Addresses carry their network's length; the MTU is in bytes.</summary>
/// <param name="Announce">Devices on whose networks the node answers for the inner addresses of the sessions that it serves.</param>
public sealed record TunnelConfiguration(string Name, ImmutableArray<IpPrefix> Addresses, int Mtu, ImmutableArray<string> Announce);

/// <summary>Where a gateway's sessions are kept.</summary>
public abstract record StoreConfiguration
{
    private StoreConfiguration()
    {
    }

    /// <summary>The embedded store of one node.</summary>
    public sealed record Sqlite(string File) : StoreConfiguration;

    /// <summary>A database that several nodes share.</summary>
    /// <param name="Connection">Npgsql's connection string; it holds no password.</param>
    /// <param name="PasswordFile">A file whose first line is the password; null where PostgreSQL's own means are to find it.</param>
    /// <param name="Lease">What the nodes promise each other; the same on all of them.</param>
    public sealed record Postgres(string Connection, string Schema, string? PasswordFile, LeaseTimes Lease) : StoreConfiguration;
}

/// <summary>One client that a gateway knows. Its addresses are those it may use inside the tunnel.</summary>
public sealed record ClientEntry(string Name, PublicKey PublicKey, ImmutableArray<IpPrefix> Addresses, string? PresharedKeyFile);

/// <summary>A gateway's address and port, or a host name that is resolved at start and whenever all paths are dead.</summary>
public readonly record struct GatewayEndpoint(string Host, ushort Port, Endpoint? Address)
{
    public override string ToString() => Address?.ToString() ?? $"{Host}:{Port}";
}

/// <summary>Where a node keeps its audit key, its signatures, and its flight recorder; on a gateway the archive too.</summary>
/// <param name="Retention">Segments of compacted history are deleted after it.</param>
/// <param name="RecorderBytes">What the flight recorder's files may take together.</param>
public sealed record AuditConfiguration(string Directory, TimeSpan Retention, long RecorderBytes);

/// <summary>The control socket has mode 0600, or 0660 with the group where one is given.</summary>
public sealed record ControlConfiguration(string Socket, string? Group);

/// <summary>Bounds of one node that no other node and no stored event depends on.</summary>
/// <param name="ControlConnections">Connections to the control socket at a time.</param>
/// <param name="HalfOpenHandshakes">On a gateway: handshakes that wait for their confirmation.</param>
public sealed record LimitsConfiguration(int ControlConnections, int HalfOpenHandshakes);

/// <summary>Where metrics may be fetched from, over HTTP; null for no metrics at all.</summary>
public sealed record MetricsConfiguration(IPEndPoint? Prometheus);

/// <summary>Lines below the level are not written. The file is optional; standard output is always written.</summary>
public sealed record LogConfiguration(LogLevel Level, LogFileOptions? File);

/// <summary>How much a node says.</summary>
public enum LogLevel
{
    Verbose,
    Debug,
    Information,
    Warning,
    Error,
    Fatal,
}
