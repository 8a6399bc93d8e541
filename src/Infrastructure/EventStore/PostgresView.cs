using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The rows that a transaction has locked and read, and over them what its requests have decided so far: a later request sees the
/// earlier ones' results. What is to be written is gathered on the way.
/// </summary>
internal sealed class PostgresView : IStoreView
{
    private readonly SortedDictionary<SessionId, PostgresStream> _streams = [];
    private readonly SortedDictionary<PublicKey, StoredClient> _clients = [];
    private readonly SortedDictionary<IncarnationId, NodeRow> _nodes = [];
    private readonly SortedDictionary<SessionId, long> _expected = [];
    private readonly SortedDictionary<SessionId, Instant> _times = [];
    private readonly SortedSet<PublicKey> _changedClients = [];
    private readonly System.Collections.Generic.HashSet<IncarnationId> _fenced = [];
    private readonly List<EventEnvelope> _events = [];
    private readonly List<(IncarnationId To, SessionId Session)> _released = [];

    public bool IsUnchanged => _expected.Count == 0;

    /// <summary>Changed streams with the version that each had before; 0 for a new one.</summary>
    public IEnumerable<(PostgresStream Stream, long Before, Instant Time)> ChangedStreams =>
        _expected.Select(pair => (_streams[pair.Key], pair.Value, _times[pair.Key]));

    public IEnumerable<StoredClient> ChangedClients => _changedClients.Select(key => _clients[key]);

    public IEnumerable<IncarnationId> Fenced => _fenced;

    /// <summary>New events in the order of the requests.</summary>
    public IReadOnlyList<EventEnvelope> Events => _events;

    /// <summary>Who is told that a session which it wanted has no owner any more.</summary>
    public IReadOnlyList<(IncarnationId To, SessionId Session)> Released => _released;

    public StoredStream? Stream(SessionId id) => _streams.GetValueOrDefault(id)?.Row;

    public StoredClient? Client(PublicKey key) => _clients.GetValueOrDefault(key);

    public NodeRow? Node(IncarnationId incarnation) => _nodes.GetValueOrDefault(incarnation);

    public void Read(PostgresStream stream) => _streams[stream.Row.Head.Stream] = stream;

    public void Read(StoredClient client) => _clients[client.Client] = client;

    public void Read(NodeRow node) => _nodes[node.Owner.Incarnation] = node;

    /// <summary>Takes over what a request has decided.</summary>
    public void Apply(AppendPlan plan)
    {
        if (plan.Fences is { } incarnation)
        {
            _fenced.Add(incarnation);
            _nodes[incarnation] = _nodes[incarnation] with { IsFenced = true };
        }
        foreach (StreamPlan stream in plan.Streams)
        {
            SessionId id = stream.After.Head.Stream;
            PostgresStream? before = _streams.GetValueOrDefault(id);
            _expected.TryAdd(id, before?.Row.Head.Version ?? 0);
            _times[id] = Instant.Max(plan.ServiceTime, _times.GetValueOrDefault(id, plan.ServiceTime));
            Release(stream.After, before?.WantedBy);
            _streams[id] = new(stream.After, null);
            _events.AddRange(stream.Envelopes);
        }
        _clients[plan.Client.Client] = plan.Client;
        _changedClients.Add(plan.Client.Client);
    }

    /// <summary>
    /// Every append takes the mark away, so that a late notice ends no newer binding; who still wants the session asks again. If it
    /// has no owner any more, or has ended, whoever asked hears of it.
    /// </summary>
    private void Release(StoredStream stream, IncarnationId? by)
    {
        if (by is { } asks && (stream.Summary.Owner.IsNone || stream.Summary.Ended)) _released.Add((asks, stream.Head.Stream));
    }
}
