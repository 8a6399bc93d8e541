using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// What a store keeps beside the events so that they can be proven later: the public audit keys of its nodes, and the policies that events
/// name by their hashes. As with <see cref="IEventStore"/>, expected outcomes are values and none throws.
/// </summary>
public interface IAuditStore
{
    /// <summary>Policies that are kept: those used last (REQ-EXHAUST-3).</summary>
    public const int MaxPolicies = 256;

    /// <summary>Keys that are kept: those listed last.</summary>
    public const int MaxKeys = 1024;

    /// <summary>Lists a node's key and keeps its policy. Null when both are durable; otherwise why not, in one line.</summary>
    ValueTask<string?> ListAsync(IncidentRecord.NodeKey key, IncidentRecord.Policy policy, WallTime wall);

    /// <summary>All that is kept. Left where the store cannot be read.</summary>
    ValueTask<Either<string, AuditListing>> ListedAsync();
}

/// <summary>Keys and policies of a store.</summary>
public sealed record AuditListing(ImmutableArray<IncidentRecord.NodeKey> Keys, ImmutableArray<IncidentRecord.Policy> Policies)
{
    public static readonly AuditListing Empty = new([], []);
}
