using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// A store that several nodes share. To the streams come the nodes' leases, the marks by which a node asks another for a session, and
/// the registry of clients (DESIGN 6). As with <see cref="IEventStore"/>, expected outcomes are values and none throws.
/// </summary>
public interface IClusterStore : IEventStore
{
    /// <summary>The incarnation that this process writes as. Appends of one that has not entered, or is fenced, are refused.</summary>
    Owner Self { get; }

    /// <summary>
    /// Enters a fresh incarnation of this node, which then writes, and counts an opening. An earlier incarnation of the same node
    /// that is not fenced stands in the way, unless this process proves that it is dead (same machine, same boot, and the lock of its
    /// file is ours) or brings evidence that its number has stood still.
    /// </summary>
    ValueTask<EnterResult> EnterAsync(FenceEvidence? evidence);

    /// <summary>Raises this incarnation's number and reads what the lease needs to know.</summary>
    /// <param name="serviceTime">Where this node's service clock stands; the store's goes forward to it.</param>
    ValueTask<Renewal> RenewAsync(Instant serviceTime);

    /// <summary>Fences this incarnation itself: a planned stop, after the sessions have been handed over.</summary>
    ValueTask<bool> LeaveAsync();

    /// <summary>
    /// Asks a session's owner for it: a mark in the session's row, and a notice to the owner. Where there is nobody to ask, or something has
    /// been stored since, nothing is asked, and this node itself hears that the session is released. False if the session has ended, or the
    /// store cannot write.
    /// </summary>
    /// <param name="version">Of the stream, as the node that asks has read it.</param>
    ValueTask<bool> WantAsync(SessionId session, long version);

    /// <summary>The live session of a client, as <see cref="IEventStore.LoadAsync"/> gives it; missing if it has none.</summary>
    ValueTask<LoadResult> LoadClientAsync(PublicKey client);

    /// <summary>
    /// Live sessions without a living owner that something is due for: their lifetime or recovery window is over, or they are bound
    /// to a node that is gone. In order of their ids, from above <paramref name="after"/>. Left where the store cannot be read.
    /// </summary>
    /// <param name="gone">Incarnations that the caller can prove to be gone.</param>
    ValueTask<Either<string, ImmutableArray<SessionId>>> OrphansAsync(Instant now, ImmutableArray<IncarnationId> gone, SessionId after, int limit);

    /// <summary>All clients that may connect. Left where the store cannot be read.</summary>
    ValueTask<Either<string, StoredRegistry>> LoadRegistryAsync();

    /// <summary>Adds a client. Null when it is durable; otherwise one line that says why not: its name, key or an address is taken.</summary>
    ValueTask<string?> AddClientAsync(RegistryEntry client);

    /// <summary>Removes the client of that name. Null when it is durable; otherwise one line that says why not.</summary>
    ValueTask<string?> RemoveClientAsync(string name);
}

/// <summary>What became of an entry.</summary>
public abstract record EnterResult
{
    private EnterResult()
    {
    }

    /// <summary>This process writes as a new incarnation. It serves nothing before its first renewal.</summary>
    public sealed record Entered(StoreOpening Opening) : EnterResult;

    /// <summary>Another incarnation of the node is not known to be dead: watch its number.</summary>
    /// <param name="Where">The machine that it runs on, for messages.</param>
    public sealed record Busy(NodeRow Row, string Where) : EnterResult;

    /// <summary>In one line, why not: the store cannot be reached, or it refuses for good.</summary>
    public sealed record Failed(string Reason) : EnterResult;
}

/// <summary>The registry of clients as the store has it.</summary>
/// <param name="Revision">Raised by every change.</param>
public sealed record StoredRegistry(long Revision, ImmutableArray<RegistryEntry> Clients);

/// <summary>A client that may connect. It holds no secret: preshared keys lie in files.</summary>
public sealed record RegistryEntry(string Name, PublicKey Key, AddressSet Addresses);

/// <summary>What other nodes, or the store itself, let this node know. It may come late or not at all: each renewal says the same.</summary>
public abstract record ClusterNotice
{
    private ClusterNotice()
    {
    }

    /// <summary>Another node wants a session of this node.</summary>
    public sealed record Wanted(SessionId Session) : ClusterNotice;

    /// <summary>A session that this node asked for has no owner any more, has ended, or is not what it was when it was read.</summary>
    public sealed record Released(SessionId Session) : ClusterNotice;

    /// <summary>The registry of clients has changed.</summary>
    public sealed record RegistryChanged : ClusterNotice;
}
