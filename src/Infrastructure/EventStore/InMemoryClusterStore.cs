using System.Collections.Immutable;
using System.Security.Cryptography;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>One node's port to an <see cref="InMemoryStoreState"/> that several nodes share. All of them must use the same gate.</summary>
public sealed class InMemoryClusterStore(InMemoryStoreState state, IAuditArchive archive, NodeIdentity identity, Lock gate) : IClusterStore
{
    private readonly InMemoryEventStore _events = new(state, archive, new StoreOpening(default, 0, Instant.Zero), gate);
    private StoreOpening? _opening;

    public Owner Self => new(identity.Node, Opening.Incarnation);

    public StoreOpening Opening => _opening ?? throw new InvalidOperationException("the node has not entered the store");

    public StoreStatus Status => _events.Status;

    public ValueTask<EnterResult> EnterAsync(FenceEvidence? evidence)
    {
        lock (gate)
        {
            EnterResult result = state.Enter(identity, IncarnationId.Read(RandomNumberGenerator.GetBytes(IncarnationId.Size)), evidence);
            if (result is EnterResult.Entered entered) _opening = entered.Opening;
            return ValueTask.FromResult(result);
        }
    }

    public ValueTask<Renewal> RenewAsync(Instant serviceTime)
    {
        lock (gate) return ValueTask.FromResult(state.Renew(Opening.Incarnation, serviceTime));
    }

    public ValueTask<bool> LeaveAsync()
    {
        lock (gate) state.Leave(Opening.Incarnation);
        return ValueTask.FromResult(true);
    }

    public ValueTask<bool> WantAsync(SessionId session, long version)
    {
        lock (gate) return ValueTask.FromResult(state.Want(session, version, Opening.Incarnation));
    }

    public ValueTask<AppendResult> AppendAsync(AppendRequest request)
    {
        lock (gate) return ValueTask.FromResult(state.Apply(request, Opening.Incarnation));
    }

    public ValueTask<LoadResult> LoadAsync(SessionId stream) => _events.LoadAsync(stream);

    public ValueTask<LoadResult> ResolveAsync(SessionId stream) => _events.ResolveAsync(stream);

    public ValueTask<LoadResult> LoadClientAsync(PublicKey client)
    {
        lock (gate) return ValueTask.FromResult(state.LoadClient(client));
    }

    public ValueTask<Either<string, ImmutableArray<StoredStream>>> ListAsync() => _events.ListAsync();

    public ValueTask<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync() => _events.LoadAllLiveAsync();

    public ValueTask<Either<string, ImmutableArray<SessionId>>> OrphansAsync(Instant now, ImmutableArray<IncarnationId> gone, SessionId after, int limit)
    {
        lock (gate) return ValueTask.FromResult<Either<string, ImmutableArray<SessionId>>>(state.Orphans(now, gone, after, limit));
    }

    public ValueTask<CompactResult> CompactAsync(SessionId stream, long upToVersion, EventDraft snapshot) => _events.CompactAsync(stream, upToVersion, snapshot);

    public ValueTask<RetireResult> RetireAsync(Instant now) => _events.RetireAsync(now);

    public ValueTask<bool> CheckpointAsync(Instant now) => _events.CheckpointAsync(now);

    public ValueTask<Either<string, StoredRegistry>> LoadRegistryAsync()
    {
        lock (gate) return ValueTask.FromResult<Either<string, StoredRegistry>>(state.Registry());
    }

    public ValueTask<string?> AddClientAsync(RegistryEntry client)
    {
        lock (gate) return ValueTask.FromResult(state.AddClient(client));
    }

    public ValueTask<string?> RemoveClientAsync(string name)
    {
        lock (gate) return ValueTask.FromResult(state.RemoveClient(name));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
