using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// A store's contents in memory, with synchronous operations for one thread at a time. Everything is ordered, so a run under
/// virtual time repeats exactly.
/// </summary>
public sealed partial class InMemoryStoreState(StorePolicy policy) : IStoreView
{
    private readonly SortedDictionary<SessionId, StoredStream> _streams = [];
    private readonly SortedDictionary<SessionId, ImmutableArray<EventEnvelope>> _envelopes = [];
    private readonly SortedDictionary<PublicKey, StoredClient> _clients = [];

    public StorePolicy Policy => policy;

    /// <summary>The same contents once more, for whoever goes on from here in more than one way. Nobody gets its notices.</summary>
    public InMemoryStoreState Copy()
    {
        var copy = new InMemoryStoreState(policy) { ServiceTime = ServiceTime, Openings = Openings, LiveEvents = LiveEvents };
        foreach ((SessionId id, StoredStream stream) in _streams) copy._streams.Add(id, stream);
        foreach ((SessionId id, ImmutableArray<EventEnvelope> envelopes) in _envelopes) copy._envelopes.Add(id, envelopes);
        foreach ((PublicKey key, StoredClient client) in _clients) copy._clients.Add(key, client);
        copy.TakeCluster(this);
        return copy;
    }

    /// <summary>The latest instant of the service clock that an append or a checkpoint has shown.</summary>
    public Instant ServiceTime { get; private set; } = Instant.Zero;

    /// <summary>How often the store was opened.</summary>
    public long Openings { get; private set; }

    /// <summary>Envelopes held.</summary>
    public long LiveEvents { get; private set; }

    /// <summary>Counts an opening by a new incarnation.</summary>
    public StoreOpening Open(IncarnationId incarnation) => new(incarnation, ++Openings, ServiceTime);

    public StoredStream? Stream(SessionId id) => _streams.GetValueOrDefault(id);

    public StoredClient? Client(PublicKey key) => _clients.GetValueOrDefault(key);

    /// <param name="writer">The incarnation that asks, where several nodes share the store.</param>
    public AppendResult Apply(AppendRequest request, IncarnationId? writer = null) =>
        AppendRules.Decide(request, this, policy, writer).Match(
            Right: plan =>
            {
                if (plan.Fences is { } fenced) Fence(fenced);
                foreach (StreamPlan stream in plan.Streams)
                {
                    SessionId id = stream.After.Head.Stream;
                    _streams[id] = stream.After;
                    _envelopes[id] = Envelopes(id).AddRange(stream.Envelopes);
                    LiveEvents += stream.Envelopes.Length;
                    Released(stream.After);
                }
                _clients[plan.Client.Client] = plan.Client;
                Checkpoint(plan.ServiceTime);
                return plan.Result(policy);
            },
            Left: static refusal => refusal);

    public LoadResult Load(SessionId id) =>
        _streams.TryGetValue(id, out StoredStream? stream) ? StreamReading.Check(stream, Envelopes(id)) : new LoadResult.Missing(id);

    public ImmutableArray<StoredStream> List() => [.. _streams.Values];

    public ImmutableArray<LoadResult> LoadAllLive() =>
        [.. _streams.Values.Where(static stream => !stream.Summary.Ended).Select(stream => Load(stream.Head.Stream))];

    /// <summary>What a compaction would do. The caller archives the plan's envelopes, then calls <see cref="Replace"/>.</summary>
    public Either<CompactResult, CompactionPlan> PlanCompaction(SessionId id, long upToVersion, EventDraft snapshot) =>
        CompactionRules.Decide(id, Envelopes(id), upToVersion, snapshot);

    /// <summary>Puts the snapshot in place, if the stream still holds what it replaces.</summary>
    public CompactResult Replace(CompactionPlan plan)
    {
        SessionId id = plan.Snapshot.Stream;
        ImmutableArray<EventEnvelope> held = Envelopes(id);
        int count = plan.Replaced.Length;
        if (held.Length < count || held[count - 1].Hash != plan.Replaced[^1].Hash) return new CompactResult.NotThere(id, plan.Snapshot.Version);
        _envelopes[id] = held.RemoveRange(0, count).Insert(0, plan.Snapshot);
        _streams[id] = _streams[id] with { LiveEvents = held.Length - count + 1 };
        LiveEvents -= count - 1;
        return new CompactResult.Done(count) { Snapshot = plan.Snapshot };
    }

    /// <summary>The ended sessions whose retention is over at <paramref name="now"/>, with their envelopes.</summary>
    public ImmutableArray<LoadResult> DueForRetirement(Instant now)
    {
        Instant until = CompactionRules.RetireUntil(now, policy);
        return [.. _streams.Values.Where(stream => stream.Summary.Ended && stream.EndedAt <= until).Select(stream => Load(stream.Head.Stream))];
    }

    /// <summary>Removes an ended session.</summary>
    public void Remove(SessionId id)
    {
        if (!_streams.TryGetValue(id, out StoredStream? stream)) return;
        if (!stream.Summary.Ended) throw new InvalidOperationException("a live session cannot be removed");
        _streams.Remove(id);
        LiveEvents -= Envelopes(id).Length;
        _envelopes.Remove(id);
    }

    /// <summary>Forgets clients of earlier days without a session.</summary>
    public void ForgetIdleClients(Instant now)
    {
        foreach (StoredClient client in _clients.Values.ToList())
            if (client.Day < StoredClient.DayOf(now) && !_streams.ContainsKey(client.Session)) _clients.Remove(client.Client);
    }

    public void Checkpoint(Instant now) => ServiceTime = Instant.Max(ServiceTime, now);

    private ImmutableArray<EventEnvelope> Envelopes(SessionId id) => _envelopes.GetValueOrDefault(id, []);
}
