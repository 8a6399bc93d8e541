using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Infrastructure.EventStore;

// What several nodes share beside the streams: leases, wanted marks, the registry.
public sealed partial class InMemoryStoreState
{
    private readonly SortedDictionary<IncarnationId, (NodeRow Row, NodeIdentity Identity)> _nodes = [];
    private readonly SortedDictionary<SessionId, IncarnationId> _wanted = [];
    private readonly SortedDictionary<string, RegistryEntry> _registry = new(StringComparer.Ordinal);
    private long _registryRevision;

    /// <summary>Takes a notice for an incarnation; for all of them where that is null.</summary>
    public Action<IncarnationId?, ClusterNotice>? Notify { get; set; }

    public NodeRow? Node(IncarnationId incarnation) => _nodes.TryGetValue(incarnation, out (NodeRow Row, NodeIdentity Identity) known) ? known.Row : null;

    /// <summary>All incarnations that have entered, in order of their ids.</summary>
    public IEnumerable<NodeRow> Nodes => _nodes.Values.Select(static known => known.Row);

    /// <summary>Who has asked for a session that another owns; null if nobody has.</summary>
    public IncarnationId? WantedBy(SessionId session) => _wanted.TryGetValue(session, out IncarnationId by) ? by : null;

    /// <summary>See <see cref="IClusterStore.EnterAsync"/>.</summary>
    public EnterResult Enter(NodeIdentity identity, IncarnationId incarnation, FenceEvidence? evidence)
    {
        foreach ((NodeRow row, NodeIdentity former) in _nodes.Values.Where(known => known.Identity.Node == identity.Node && !known.Row.IsFenced).ToArray())
        {
            bool isDead = identity.Place.Length > 0 && former.Place == identity.Place;
            bool stoodStill = evidence is { } watched && watched.Owner == row.Owner && watched.Number == row.Number;
            if (!isDead && !stoodStill) return new EnterResult.Busy(row, former.Where);
            Fence(row.Owner.Incarnation);
        }
        _nodes.Add(incarnation, (new(new Owner(identity.Node, incarnation), 0, false), identity));
        return new EnterResult.Entered(Open(incarnation));
    }

    /// <summary>See <see cref="IClusterStore.RenewAsync"/>.</summary>
    public Renewal Renew(IncarnationId incarnation, Instant serviceTime)
    {
        if (Node(incarnation) is not { IsFenced: false } own) return new Renewal.Fenced();
        _nodes[incarnation] = (own with { Number = own.Number + 1 }, _nodes[incarnation].Identity);
        Checkpoint(serviceTime);
        return new Renewal.Renewed(
            ServiceTime,
            _registryRevision,
            [.. _nodes.Values.Select(known => known.Row).Where(row => row.Owner.Incarnation != incarnation)],
            [.. _wanted.Keys.Where(session => Stream(session) is { } stream && stream.Summary.Owner.Exists(owner => owner.Incarnation == incarnation))]);
    }

    public void Leave(IncarnationId incarnation) => Fence(incarnation);

    /// <summary>See <see cref="IClusterStore.WantAsync"/>.</summary>
    public bool Want(SessionId session, long version, IncarnationId by)
    {
        if (Node(by) is not { IsFenced: false }) return false;
        StoredStream? live = Stream(session) is { Summary.Ended: false } stream ? stream : null;
        if (live is null || live.Summary.Owner.IsNone || live.Head.Version != version)
        {
            Notify?.Invoke(by, new ClusterNotice.Released(session));
            return live is not null;
        }
        live.Summary.Owner.IfSome(owner =>
        {
            if (owner.Incarnation == by) return;
            _wanted[session] = by;
            Notify?.Invoke(owner.Incarnation, new ClusterNotice.Wanted(session));
        });
        return true;
    }

    /// <summary>See <see cref="IClusterStore.LoadClientAsync"/>.</summary>
    public LoadResult LoadClient(PublicKey key) =>
        Client(key) is { } client && Stream(client.Session) is { Summary.Ended: false } ? Load(client.Session) : new LoadResult.Missing(default);

    /// <summary>See <see cref="IClusterStore.OrphansAsync"/>.</summary>
    public ImmutableArray<SessionId> Orphans(Instant now, ImmutableArray<IncarnationId> gone, SessionId after, int limit) =>
    [
        .. _streams.Values
            .Where(stream => stream.Head.Stream.CompareTo(after) > 0 && !stream.Summary.Ended && IsDue(stream.Summary, now, gone))
            .Select(stream => stream.Head.Stream)
            .Take(limit),
    ];

    public StoredRegistry Registry() => new(_registryRevision, [.. _registry.Values]);

    /// <summary>See <see cref="IClusterStore.AddClientAsync"/>.</summary>
    public string? AddClient(RegistryEntry client)
    {
        if (RegistryRules.WrongWith(client, _registry.Values) is { } problem) return problem;
        _registry.Add(client.Name, client);
        RegistryHasChanged();
        return null;
    }

    /// <summary>See <see cref="IClusterStore.RemoveClientAsync"/>.</summary>
    public string? RemoveClient(string name)
    {
        if (!_registry.Remove(name)) return RegistryRules.NoSuchClient(name);
        RegistryHasChanged();
        return null;
    }

    private void TakeCluster(InMemoryStoreState other)
    {
        foreach ((IncarnationId id, (NodeRow Row, NodeIdentity Identity) node) in other._nodes) _nodes.Add(id, node);
        foreach ((SessionId session, IncarnationId by) in other._wanted) _wanted.Add(session, by);
        foreach ((string name, RegistryEntry client) in other._registry) _registry.Add(name, client);
        _registryRevision = other._registryRevision;
    }

    private static bool IsDue(SessionSummary summary, Instant now, ImmutableArray<IncarnationId> gone) =>
        summary.Owner.Match(owner => gone.Contains(owner.Incarnation), () => true)
        && (summary.ExpiresAt <= now || summary.RecoverBy <= now || (summary.Owner.IsSome && summary.RecoverBy == Instant.Never));

    private void RegistryHasChanged()
    {
        _registryRevision++;
        Notify?.Invoke(null, new ClusterNotice.RegistryChanged());
    }

    private void Fence(IncarnationId incarnation)
    {
        if (_nodes.TryGetValue(incarnation, out (NodeRow Row, NodeIdentity Identity) known))
            _nodes[incarnation] = (known.Row with { IsFenced = true }, known.Identity);
    }

    /// <summary>
    /// Every append takes the mark away, so that a late notice ends no newer binding; who still wants the session asks again. If it
    /// has no owner any more, or has ended, whoever asked hears of it.
    /// </summary>
    private void Released(StoredStream stream)
    {
        SessionId id = stream.Head.Stream;
        if (!_wanted.Remove(id, out IncarnationId by)) return;
        if (stream.Summary.Owner.IsNone || stream.Summary.Ended) Notify?.Invoke(by, new ClusterNotice.Released(id));
    }
}
