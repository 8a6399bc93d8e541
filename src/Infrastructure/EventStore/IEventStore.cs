using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Where sessions live. Operations may be called from any thread and are carried out in the order of the calls; expected
/// outcomes are values and none throws. There is no cancellation: who stops waiting for a commit does not know what became
/// of it.
/// </summary>
public interface IEventStore : IAsyncDisposable
{
    /// <summary>How this node got hold of the store.</summary>
    StoreOpening Opening { get; }

    /// <summary>The store's condition, readable at any time without waiting.</summary>
    StoreStatus Status { get; }

    /// <summary>Appends to one or two streams, all or nothing. Durable when it returns <see cref="AppendResult.Committed"/>.</summary>
    ValueTask<AppendResult> AppendAsync(AppendRequest request);

    /// <summary>Reads one stream and verifies its chain.</summary>
    ValueTask<LoadResult> LoadAsync(SessionId stream);

    /// <summary>
    /// Reads one stream after an append of unknown fate: no write of this process can change afterwards what it says, because it waits for
    /// all that may still be on their way, and is itself acknowledged like an append.
    /// </summary>
    ValueTask<LoadResult> ResolveAsync(SessionId stream);

    /// <summary>What the store knows of every session, ended ones included, without their events. Left where it cannot be read.</summary>
    ValueTask<Either<string, ImmutableArray<StoredStream>>> ListAsync();

    /// <summary>Reads every live session, in order of their ids. Left where the store cannot be read; a corrupt stream is one result.</summary>
    ValueTask<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync();

    /// <summary>
    /// Replaces all envelopes up to <paramref name="upToVersion"/> by a snapshot (<see cref="Snapshot.Draft"/> of the state at that
    /// version), once the archive has said that they are durable there.
    /// </summary>
    ValueTask<CompactResult> CompactAsync(SessionId stream, long upToVersion, EventDraft snapshot);

    /// <summary>Moves sessions that ended longer ago than the policy's retention to the archive.</summary>
    ValueTask<RetireResult> RetireAsync(Instant now);

    /// <summary>
    /// Stores the service clock. Appends do it by themselves; the shell does it every few seconds. False if the store cannot write.
    /// </summary>
    ValueTask<bool> CheckpointAsync(Instant now);
}

/// <summary>How a node got hold of a store.</summary>
/// <param name="Incarnation">Fresh for every opening.</param>
/// <param name="Number">Counts the store's openings, from 1.</param>
/// <param name="ServiceTime">The latest instant of the service clock that the store has seen: where the clock goes on.</param>
public sealed record StoreOpening(IncarnationId Incarnation, long Number, Instant ServiceTime);

/// <summary>A store's condition.</summary>
/// <param name="Kind">`memory`, `sqlite` or `postgres`.</param>
/// <param name="LiveEvents">Envelopes in the store.</param>
/// <param name="Failure">Why it is not healthy, or null.</param>
public sealed record StoreStatus(string Kind, long LiveEvents, string? Failure)
{
    public bool Healthy => Failure is null;
}
