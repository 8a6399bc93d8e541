using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The store's port over <see cref="InMemoryStoreState"/>. Nothing outlives the process.</summary>
public sealed class InMemoryEventStore(InMemoryStoreState state, IAuditArchive archive, StoreOpening opening, Lock gate) : IEventStore
{
    private readonly Lock _gate = gate;

    /// <summary>One node's store: opens it for an incarnation.</summary>
    public InMemoryEventStore(InMemoryStoreState state, IAuditArchive archive, IncarnationId incarnation)
        : this(state, archive, state.Open(incarnation), new())
    {
    }

    public StoreOpening Opening { get; } = opening;

    public StoreStatus Status
    {
        get
        {
            lock (_gate) return new("memory", state.LiveEvents, null);
        }
    }

    public ValueTask<AppendResult> AppendAsync(AppendRequest request)
    {
        lock (_gate) return ValueTask.FromResult(state.Apply(request));
    }

    public ValueTask<LoadResult> LoadAsync(SessionId stream)
    {
        lock (_gate) return ValueTask.FromResult(state.Load(stream));
    }

    public ValueTask<LoadResult> ResolveAsync(SessionId stream) => LoadAsync(stream);

    public ValueTask<Either<string, ImmutableArray<StoredStream>>> ListAsync()
    {
        lock (_gate) return ValueTask.FromResult<Either<string, ImmutableArray<StoredStream>>>(state.List());
    }

    public ValueTask<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync()
    {
        lock (_gate) return ValueTask.FromResult<Either<string, ImmutableArray<LoadResult>>>(state.LoadAllLive());
    }

    public async ValueTask<CompactResult> CompactAsync(SessionId stream, long upToVersion, EventDraft snapshot)
    {
        Either<CompactResult, CompactionPlan> decision;
        lock (_gate) decision = state.PlanCompaction(stream, upToVersion, snapshot);
        if (decision.IsLeft) return (CompactResult)decision;
        var plan = (CompactionPlan)decision;
        if (await archive.AppendSegmentAsync(plan.Replaced).ConfigureAwait(false) is { } failure) return new CompactResult.Unavailable(failure);
        lock (_gate) return state.Replace(plan);
    }

    public async ValueTask<RetireResult> RetireAsync(Instant now)
    {
        ImmutableArray<LoadResult> due;
        lock (_gate) due = state.DueForRetirement(now);
        int retired = 0;
        string? failure = null;
        foreach (LoadResult loaded in due)
        {
            if (loaded is not LoadResult.Found found)
            {
                failure = loaded is LoadResult.Corrupt corrupt ? corrupt.Reason : failure;
                continue;
            }
            if (await archive.AppendSegmentAsync(found.History.Envelopes).ConfigureAwait(false) is { } reason) return new(retired, reason);
            lock (_gate) state.Remove(found.History.Stream);
            retired++;
        }
        lock (_gate) state.ForgetIdleClients(now);
        return new(retired, failure);
    }

    public ValueTask<bool> CheckpointAsync(Instant now)
    {
        lock (_gate) state.Checkpoint(now);
        return ValueTask.FromResult(true);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
