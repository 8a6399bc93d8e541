using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Paths;

/// <summary>
/// The client's view of its paths and the choice between them: pure, bounded, immutable. Tell it what happens, call
/// <see cref="Step"/> after each batch of inputs and at <see cref="PathStep.WakeAt"/>, and do what it says. It decides only
/// which path to try; the gateway decides what is bound.
/// </summary>
public sealed partial record PathSelection
{
    private PathSelection(SessionPolicy policy) => Policy = policy;

    /// <summary>No paths yet.</summary>
    public static PathSelection Create(SessionPolicy policy) => new(policy);

    public SessionPolicy Policy { get; init; }

    /// <summary>All paths, by number; at most <see cref="PathConstants.MaxPaths"/>.</summary>
    public ImmutableSortedDictionary<PathId, PathEntry> Paths { get; private init; } = StateMap.Empty<PathId, PathEntry>();

    /// <summary>The bound path, if there is one.</summary>
    public PathId? Bound { get; private init; }

    /// <summary>When a transport was last bound.</summary>
    public Instant BoundAt { get; private init; } = Instant.Zero;

    /// <summary>What is left of the two budgets, counted as the gateway counts them.</summary>
    public SwitchBudgets Budgets { get; private init; } = SwitchBudgets.Full;

    /// <summary>True while the gateway says that the session is Degraded: no move by choice.</summary>
    public bool IsDegraded { get; init; }

    /// <summary>Since when an overdue answer makes the bound path suspect; null if none does.</summary>
    public Instant? SuspectSince { get; private init; }

    /// <summary>True if the suspect was losing probes all along.</summary>
    private bool IsSuspectLossy { get; init; }

    /// <summary>The move under way, if there is one.</summary>
    public PathMove? Moving { get; private init; }

    private Instant NotBefore { get; init; } = new(long.MinValue);

    private int LateRestarts { get; init; }

    private Instant WakeAt { get; init; } = Instant.Never;

    private Instant NextMoveAt { get; init; } = new(long.MinValue);

    private Instant BadSince { get; init; } = Instant.Never;

    private PathCheck? Checking { get; init; }

    private ReattachKind? Rebinding { get; init; }

    /// <summary>
    /// Adds a path, or changes the rank of one that is there. False if there are <see cref="PathConstants.MaxPaths"/> already.
    /// </summary>
    public bool TryAdd(PathId id, int rank, out PathSelection next)
    {
        next = this;
        if (Paths.TryGetValue(id, out PathEntry? known))
        {
            next = this with { Paths = Paths.SetItem(id, known with { Rank = rank }) };
            return true;
        }

        if (Paths.Count >= PathConstants.MaxPaths) return false;
        next = this with { Paths = Paths.SetItem(id, new PathEntry(id, rank, PathHealth.New, 0, null)) };
        return true;
    }

    /// <summary>
    /// Forgets a path. Removing the bound one leaves it dead in the table until another is bound, so that the move away is
    /// decided as for any dead path.
    /// </summary>
    public PathSelection Remove(PathId id)
    {
        if (id == Bound) return LinkLost(id);
        return this with { Paths = Paths.Remove(id), Moving = Moving is { } move && move.To == id ? null : Moving };
    }

    public PathSelection ProbeSent(PathId id, ulong counter, Instant at) => Update(id, entry => entry.ProbeSent(counter, at));

    /// <summary>An authentic answer to a probe or report came on that path.</summary>
    /// <param name="fromBoundSource">The gateway says that the probe came from the source that it has bound; null if it cannot say.</param>
    public PathSelection ProbeAnswered(PathId id, ulong counter, Instant at, bool? fromBoundSource = null)
    {
        PathSelection next = Update(id, entry => entry.ProbeAnswered(counter, at));
        if (id != Bound) return next;
        next = next with { LateRestarts = 0 };
        return fromBoundSource == false ? next.Challenged(ReattachKind.Rebound) : next;
    }

    /// <summary>Counters of real traffic on the bound path: see <see cref="PathHealth.Counted"/>.</summary>
    public PathSelection Counted(TrafficSample sample, Instant at) => Bound is { } bound ? Update(bound, entry => entry.Counted(sample, at)) : this;

    /// <summary>The link or route is gone, or the host itself cannot send there (no route, no device, no such address).</summary>
    public PathSelection LinkLost(PathId id) => Update(id, entry => entry.LinkLost());

    /// <summary>The link is back.</summary>
    public PathSelection LinkFound(PathId id) => Update(id, entry => entry.LinkFound());

    /// <summary>The path's own address changed. On the bound path that is a rebinding.</summary>
    public PathSelection AddressChanged(PathId id)
    {
        PathSelection next = LinkFound(id);
        return id == Bound ? next.Challenged(ReattachKind.Rebound) : next;
    }

    /// <summary>An ICMP error arrived: raises suspicion only, because it can be forged.</summary>
    public PathSelection ErrorClaimed(PathId id) => Update(id, entry => entry.ErrorClaimed());

    /// <summary>The gateway says that this client's packets come from an unbound source.</summary>
    public PathSelection Challenged(ReattachKind kind = ReattachKind.Challenge) => this with { Rebinding = kind };

    /// <summary>The first transport of a session, or the transport of a session whose binding this client did not choose.</summary>
    public PathSelection Attach(PathId id, Instant at) => (this with { Budgets = SwitchBudgets.Full }).Bind(id, at);

    /// <summary>The gateway has bound the path. Charges the budget as the gateway does.</summary>
    public PathSelection Bind(PathId id, ReattachKind kind, Instant at)
    {
        if (kind == ReattachKind.Rekey && id == Bound) return this;
        PathSelection next = this with { Budgets = Charge(kind, at) };
        bool isFault = Moving is not { Cause: MoveCause.Return } && kind != ReattachKind.Rekey;
        if (isFault && Bound is { } left && left != id && Paths.TryGetValue(left, out PathEntry? entry))
        {
            int relapses = at - BoundAt > PathConstants.Forgiveness ? 1 : Math.Min(entry.Relapses + 1, PathConstants.MaxRelapses);
            next = next with { Paths = next.Paths.SetItem(left, entry with { Health = entry.Health.Left(), Relapses = relapses, LeftAt = at }) };
        }

        return next.Bind(id, at);
    }

    /// <summary>The gateway refused the move; no move by choice before <paramref name="retryAfter"/> has passed.</summary>
    public PathSelection Refused(Instant at, TimeSpan retryAfter) => this with
    {
        Moving = null,
        NextMoveAt = Instant.Max(NextMoveAt, at + (retryAfter > Policy.Cooldown ? retryAfter : Policy.Cooldown)),
    };

    /// <summary>The session is gone: nothing is bound.</summary>
    public PathSelection Detach() => this with
    {
        Bound = null, Moving = null, SuspectSince = null, Checking = null, Rebinding = null, BadSince = Instant.Never, IsDegraded = false,
    };

    /// <summary>Paths to connect on, best first: those whose link is there, known to live before unknown before silent, then by rank.</summary>
    public ImmutableArray<PathId> Best(Instant at) =>
    [
        .. Paths.Values
            .Where(entry => entry.Health.IsLinkUp)
            .OrderBy(entry => entry.Health.State switch { PathState.Live => 0, PathState.Unknown => 1, PathState.Suspect => 1, _ => 2 })
            .ThenBy(entry => entry.Score(at) / Math.Max(1, Policy.SwitchMarginPpm))
            .ThenBy(entry => entry.Rank)
            .ThenBy(entry => entry.Id)
            .Select(entry => entry.Id),
    ];

    /// <summary>Decides, and says what to probe and when to come back.</summary>
    /// <param name="at">Now.</param>
    /// <param name="lastTraffic">When an inner packet last passed, in either direction; the origin if none has.</param>
    public PathStep Step(Instant at, Instant lastTraffic)
    {
        PathSelection next = Late(at).Expire(at);
        (next, PathDecision decision) = next.Decide(at);
        bool isActive = lastTraffic > Instant.Zero && at - lastTraffic < Policy.ReportLinger;
        ImmutableArray<PathId> probes = next.ProbesDue(at, isActive);
        Instant wake = next.Wake(at, isActive, probes);
        return new(next with { WakeAt = wake }, decision, probes, wake);
    }

    private PathSelection Bind(PathId id, Instant at)
    {
        PathSelection next = Update(id, entry => entry.Proven(at));
        return next with
        {
            Bound = id,
            BoundAt = at,
            Moving = null,
            SuspectSince = null,
            Checking = null,
            Rebinding = null,
            BadSince = Instant.Never,
            LateRestarts = 0,
        };
    }

    private SwitchBudgets Charge(ReattachKind kind, Instant at)
    {
        TokenBucket after;
        switch (kind)
        {
            case ReattachKind.Rekey:
                return Budgets;
            case ReattachKind.Voluntary when Budgets.Quality.TryTake(at, Policy.QualityRate, out after):
                return Budgets with { Quality = after };
            default:
                Budgets.Recovery.TryTake(at, Policy.RecoveryRate, out after);
                return Budgets with { Recovery = after };
        }
    }

    private PathSelection Update(PathId id, Func<PathHealth, PathHealth> change) =>
        Paths.TryGetValue(id, out PathEntry? entry) ? this with { Paths = Paths.SetItem(id, entry with { Health = change(entry.Health) }) } : this;

    private PathSelection Expire(Instant at)
    {
        PathSelection next = this;
        foreach (PathEntry entry in Paths.Values)
        {
            PathHealth health = entry.Health.Expire(at, entry.Id == Bound);
            if (!ReferenceEquals(health, entry.Health)) next = next with { Paths = next.Paths.SetItem(entry.Id, entry with { Health = health }) };
        }

        return next;
    }

    /// <summary>
    /// A timer that fired late proves nothing: what came meanwhile may wait in the socket. Silence is counted anew, a
    /// bounded number of times until the bound path answers.
    /// </summary>
    private PathSelection Late(Instant at)
    {
        if (WakeAt == Instant.Never || at <= WakeAt + PathConstants.LateTimer || LateRestarts >= PathConstants.MaxLateRestarts) return this;
        return this with { NotBefore = at, LateRestarts = LateRestarts + 1 };
    }
}

/// <summary>A move under way.</summary>
public sealed record PathMove(PathId To, PathId? Alternative, ReattachKind Kind, MoveCause Cause, Instant Since);

/// <summary>The close look at a preferred path before the return to it.</summary>
internal sealed record PathCheck(PathId Candidate, Instant Since);
