using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Shell;

/// <summary>A shared store whose answers a test gives. What the script does not answer fails the test.</summary>
internal sealed class ScriptedClusterStore : IClusterStore
{
    public Func<FenceEvidence?, EnterResult> OnEnter { get; set; } = _ => throw new InvalidOperationException("nobody was to enter");

    public Func<Instant, ValueTask<Renewal>> OnRenew { get; set; } = _ => throw new InvalidOperationException("nobody was to renew");

    public Func<SessionId, ValueTask<LoadResult>> OnLoad { get; set; } = _ => throw new InvalidOperationException("nobody was to read");

    public Func<ImmutableArray<IncarnationId>, SessionId, ImmutableArray<SessionId>> OnOrphans { get; set; } = (_, _) => [];

    public Func<AppendRequest, ValueTask<AppendResult>> OnAppend { get; set; } = _ => throw new InvalidOperationException("nobody was to append");

    public Func<SessionId, ValueTask<LoadResult>> OnResolve { get; set; } = _ => throw new InvalidOperationException("nobody was to find out");

    public List<SessionId> Wanted { get; } = [];

    public Owner Self { get; set; } = new("gw-a", new IncarnationId(1));

    public StoreOpening Opening => new(Self.Incarnation, 1, Instant.Zero);

    public StoreStatus Status => new("scripted", 0, null);

    public ValueTask<EnterResult> EnterAsync(FenceEvidence? evidence) => ValueTask.FromResult(OnEnter(evidence));

    public ValueTask<Renewal> RenewAsync(Instant serviceTime) => OnRenew(serviceTime);

    public ValueTask<LoadResult> LoadAsync(SessionId stream) => OnLoad(stream);

    public ValueTask<LoadResult> LoadClientAsync(PublicKey client) => OnLoad(new SessionId(0));

    public ValueTask<bool> WantAsync(SessionId session, long version)
    {
        lock (Wanted) Wanted.Add(session);
        return ValueTask.FromResult(true);
    }

    public ValueTask<Either<string, ImmutableArray<SessionId>>> OrphansAsync(Instant now, ImmutableArray<IncarnationId> gone, SessionId after, int limit) =>
        ValueTask.FromResult<Either<string, ImmutableArray<SessionId>>>(OnOrphans(gone, after));

    public ValueTask<bool> LeaveAsync() => ValueTask.FromResult(true);

    public ValueTask<Either<string, StoredRegistry>> LoadRegistryAsync() => throw new NotSupportedException();

    public ValueTask<string?> AddClientAsync(RegistryEntry client) => throw new NotSupportedException();

    public ValueTask<string?> RemoveClientAsync(string name) => throw new NotSupportedException();

    public ValueTask<AppendResult> AppendAsync(AppendRequest request) => OnAppend(request);

    public ValueTask<LoadResult> ResolveAsync(SessionId stream) => OnResolve(stream);

    public ValueTask<Either<string, ImmutableArray<StoredStream>>> ListAsync() => throw new NotSupportedException();

    public ValueTask<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync() => throw new NotSupportedException();

    public ValueTask<CompactResult> CompactAsync(SessionId stream, long upToVersion, EventDraft snapshot) => throw new NotSupportedException();

    public ValueTask<RetireResult> RetireAsync(Instant now) => throw new NotSupportedException();

    public ValueTask<bool> CheckpointAsync(Instant now) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
