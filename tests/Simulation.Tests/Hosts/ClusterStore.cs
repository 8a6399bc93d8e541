using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;
using StreamAppend = JumpingVpn.Domain.Gateway.StreamAppend;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>
/// The store that several nodes share: what the server does. Each node reaches it over its own <see cref="StoreLink"/>, which has the
/// faults of the way.
/// </summary>
internal sealed class ClusterStore : StoreFaults
{
    private readonly List<StoreLink> _links = [];
    private readonly Oracle _oracle;
    private readonly Mutation _mutation;

    public ClusterStore(Agenda agenda, SimRandom random, Trace trace, Oracle oracle, Mutation mutation, StorePolicy policy) : base(policy)
    {
        (Agenda, Random, Trace, _oracle, _mutation) = (agenda, random, trace, oracle, mutation);
        State.Notify = Notify;
    }

    public Agenda Agenda { get; }

    public SimRandom Random { get; }

    public Trace Trace { get; }

    /// <summary>Percentage of appends that the server carries out only when their node has long been told nothing.</summary>
    public int LateAppends { get; set; }

    /// <summary>Percentage of notices that get lost.</summary>
    public int LostNotices { get; set; }

    public bool IsAway => Agenda.Now < UnavailableUntil;

    public StoreLink Connect(string node)
    {
        var link = new StoreLink(this, node);
        _links.Add(link);
        return link;
    }

    public override void Heal()
    {
        base.Heal();
        LateAppends = LostNotices = 0;
        foreach (StoreLink link in _links) link.CutUntil = Instant.Zero;
    }

    public EnterResult Enter(NodeIdentity identity, IncarnationId incarnation, FenceEvidence? evidence)
    {
        EnterResult result = State.Enter(identity, incarnation, evidence);
        if (result is EnterResult.Entered) _oracle.Entered(identity.Node, incarnation);
        return result;
    }

    public void Leave(IncarnationId incarnation)
    {
        State.Leave(incarnation);
        _oracle.Fenced(incarnation);
    }

    public Renewal Renew(IncarnationId incarnation, Instant serviceTime)
    {
        Renewal result = State.Renew(incarnation, serviceTime);
        if (result is Renewal.Renewed) _oracle.Require(!_oracle.IsFenced(incarnation), () => "a fenced incarnation renews its lease");
        return result;
    }

    public AppendResult Append(ImmutableArray<StreamAppend> streams, AppendRequest request, IncarnationId writer)
    {
        AppendRequest asked = Broken(request);
        IncarnationId? named = _mutation.StoreIgnoresFences ? null : writer;
        AppendResult result = State.Apply(asked, named);
        if (Random.Chance(Repeats)) State.Apply(asked, named);
        if (result is AppendResult.Committed committed)
        {
            if (asked.Fence is { } fence) _oracle.Fenced(fence.Owner.Incarnation);
            _oracle.Committed(streams, writer);
            for (int i = 0; i < streams.Length; i++) CompactIfDue(streams[i].After, committed.Positions[i]);
        }
        return result;
    }

    /// <summary>What mutations make of a request: the store then compares less than it should.</summary>
    private AppendRequest Broken(AppendRequest request)
    {
        if (_mutation.StoreIgnoresVersions)
        {
            ImmutableArray<Domain.EventStore.StreamAppend> streams =
                [.. request.Streams.Select(stream => stream with { ExpectedVersion = State.Stream(stream.Stream)?.Head.Version ?? 0 })];
            request = new(streams) { Fence = request.Fence };
        }
        if (_mutation.ClaimsCompareNoNumber && request.Fence is { } fence && State.Node(fence.Owner.Incarnation) is { } row)
            request = request with { Fence = fence with { Number = row.Number } };
        return request;
    }

    private void Notify(IncarnationId? incarnation, ClusterNotice notice)
    {
        foreach (StoreLink link in _links)
            if (!Random.Chance(LostNotices)) link.Carry(incarnation, notice);
    }

    private void CompactIfDue(Session session, StreamPosition position)
    {
        if (!position.CompactionDue || session.IsTerminal) return;
        Owner by = session.Owner.IfNone(() => new Owner("gw", default));
        Either<CompactResult, CompactionPlan> plan = State.PlanCompaction(
            session.Id, position.Head.Version, SessionRecords.SnapshotOf(session, by, session.UpdatedAt, new WallTime(Agenda.Now.Ticks)));
        plan.IfRight(right => { State.Replace(right); });
    }
}
