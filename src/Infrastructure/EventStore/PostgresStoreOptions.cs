using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What a node needs to open the store that it shares with others.</summary>
/// <param name="ConnectionString">
/// Npgsql's: `Host=a,b;Database=...;Username=...`. Of several hosts the primary is used, and it must have synchronous standbys.
/// </param>
/// <param name="Wall">The wall clock, for the record of entries.</param>
public sealed record PostgresStoreOptions(
    string ConnectionString, NodeIdentity Identity, StorePolicy Policy, IAuditArchive Archive, Func<WallTime> Wall)
{
    public const string DefaultSchema = "jumping_vpn";

    /// <summary>The schema that holds the tables; it is made if it is missing.</summary>
    public string Schema { get; init; } = DefaultSchema;

    /// <summary>What must be the same on all nodes; null for a tool that only looks at the store or changes the registry.</summary>
    public ClusterSettings? Settings { get; init; }

    /// <summary>For a tool that stores nothing: it has nothing to lose in a failover, and works right after one too.</summary>
    public bool StoresNothing { get; init; }

    /// <summary>Takes notices, on any thread; it must return at once.</summary>
    public Action<ClusterNotice>? Notice { get; init; }
}

/// <summary>What all nodes of a cluster must agree on; the first one to open the store writes it there.</summary>
/// <param name="KeyFingerprints">Public names of the node's cluster keys, at least one: the first seals, all of them open.</param>
public sealed record ClusterSettings(ImmutableArray<string> KeyFingerprints, LeaseTimes Lease);
