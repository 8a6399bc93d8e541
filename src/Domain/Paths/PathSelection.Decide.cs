using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Paths;

/// <summary>The decisions, the urgent one first: own address, death, the move under way, quality, return.</summary>
public sealed partial record PathSelection
{
    private (PathSelection Next, PathDecision Decision) Decide(Instant at)
    {
        if (Bound is not { } bound || !Paths.TryGetValue(bound, out PathEntry? entry)) return (this, new PathDecision.Stay(StayReason.NotBound));
        PathSelection next = this;
        if (next.Moving is { } move && next.HasFailed(move, at)) next = next with { Moving = null, NextMoveAt = at + Policy.Cooldown };
        if (next.Rebinding is { } kind && entry.Health.IsLinkUp) return next.DecideRebind(entry, kind, at);
        (next, PathDecision? urgent) = next.DecideDeath(entry, at);
        if (urgent is not null) return (next, urgent);
        if (next.Moving is not null) return (next, new PathDecision.Stay(StayReason.Moving));
        (next, PathDecision? better) = next.DecideQuality(entry, at);
        if (better is not null) return (next, better);
        (next, PathDecision? home) = next.DecideReturn(entry, at);
        return (next, home ?? new PathDecision.Stay(StayReason.Good));
    }

    private bool HasFailed(PathMove move, Instant at)
    {
        if (!Paths.TryGetValue(move.To, out PathEntry? to) || !to.Health.IsLinkUp) return true;
        return at - move.Since > PathConstants.MoveTimeout + (3 * to.Health.Rtt.Smoothed);
    }

    private (PathSelection Next, PathDecision Decision) DecideRebind(PathEntry bound, ReattachKind kind, Instant at)
    {
        if (Moving is { Cause: MoveCause.Rebound or MoveCause.Dead }) return (this, new PathDecision.Stay(StayReason.Moving));
        if (!MayRecover(at)) return (this, new PathDecision.Stay(StayReason.BudgetSpent));
        return Start(new PathMove(bound.Id, null, kind, MoveCause.Rebound, at));
    }

    /// <summary>
    /// REQ-PATH-3: silence raises suspicion; death is declared only when a standby answers what the bound path does not, or when the
    /// host itself knows. Null: the bound path needs nothing urgent.
    /// </summary>
    private (PathSelection Next, PathDecision? Decision) DecideDeath(PathEntry bound, Instant at)
    {
        PathHealth health = bound.Health;
        if (!health.IsLinkUp || health.State == PathState.Dead) return Leave(bound, at, SuspectSince ?? at);
        if (health.Overdue(at, NotBefore) < SuspicionThreshold(health))
            return (SuspectSince is null ? this : this with { SuspectSince = null }, null);
        if (SuspectSince is not { } since)
            return (Update(bound.Id, entry => entry.Suspected()) with { SuspectSince = at, IsSuspectLossy = health.IsLossy(at) }, Pending());

        ImmutableArray<PathEntry> answering = [.. Paths.Values.Where(entry => entry.Id != bound.Id && entry.Health.IsLinkUp && entry.Health.LastAnsweredSentAt >= since)];
        if (answering.IsEmpty)
            return at >= since + AllSilentWait() ? (this, new PathDecision.AllSilent(Best(at), since)) : (this, Pending());
        TimeSpan slowest = answering.Min(entry => entry.Health.Rtt.Smoothed);
        if (at < since + ConfirmWait(health, slowest)) return (this, Pending());
        return Update(bound.Id, entry => entry.Died()).Leave(bound, at, since);

        // A move for quality that is under way may be what saves the session.
        PathDecision Pending() => new PathDecision.Stay(Moving is null ? StayReason.Suspecting : StayReason.Moving);
    }

    private (PathSelection Next, PathDecision? Decision) Leave(PathEntry bound, Instant at, Instant since)
    {
        if (Moving is { } move && move.To != bound.Id) return (this, new PathDecision.Stay(StayReason.Moving));
        PathId[] candidates =
        [
            .. Best(at).Where(id => id != bound.Id && Paths[id].Health is { State: PathState.Live } or { State: PathState.Suspect, LostInRow: 0 }),
        ];
        if (candidates.Length == 0) return ((this with { SuspectSince = since }), new PathDecision.AllSilent(Best(at), since));
        if (!MayRecover(at)) return (this with { SuspectSince = since }, new PathDecision.Stay(StayReason.BudgetSpent));
        return Start(new PathMove(candidates[0], candidates.Length > 1 ? candidates[1] : null, ReattachKind.Dead, MoveCause.Dead, at));
    }

    /// <summary>REQ-OSCILLATION-1: a better path must be better by a margin, for a hold time, after the cooldown, within the budget.</summary>
    private (PathSelection Next, PathDecision? Decision) DecideQuality(PathEntry bound, Instant at)
    {
        bool isBad = IsBad(bound, at);
        PathSelection next = this with { BadSince = isBad ? Instant.Min(BadSince, at) : Instant.Never };
        if (!isBad) return (next, null);
        // Loss that lasts is proven well enough for half the margin.
        bool isSustained = IsSustained(bound, at);
        int margin = isSustained ? Policy.SwitchMarginPpm / 2 : Policy.SwitchMarginPpm;
        long boundScore = Math.Max(bound.Health.LossLowerPpm(at), isSustained ? bound.Health.SustainedLossLowerPpm(at) : 0) + bound.RttPpm;
        PathEntry? best = null;
        foreach (PathEntry entry in Paths.Values)
        {
            if (entry.Id == bound.Id || !IsProven(entry, at) || entry.QualityFrom(Policy) > at) continue;
            if (entry.Score(at) + margin > boundScore) continue;
            if (best is null || entry.Score(at) < best.Score(at)) best = entry;
        }

        if (best is null || at - next.BadSince < Policy.SwitchHold) return (next, new PathDecision.Stay(StayReason.Holding));
        if (next.RefusesChoice(at) is { } reason) return (next, new PathDecision.Stay(reason));
        return next.Start(new PathMove(best.Id, null, ReattachKind.Voluntary, MoveCause.Quality, at));
    }

    /// <summary>REQ-OSCILLATION-4: back to a preferred path only after long health and a close look.</summary>
    private (PathSelection Next, PathDecision? Decision) DecideReturn(PathEntry bound, Instant at)
    {
        PathEntry? home = Paths.Values
            .Where(entry => entry.Rank < bound.Rank && entry.Health.State == PathState.Live
                && entry.Health.HealthySince != Instant.Never && at >= entry.Health.HealthySince + entry.ReturnHold(Policy)
                && entry.RttPpm <= bound.RttPpm + (Policy.SwitchMarginPpm / 2))
            .MinBy(entry => (entry.Rank, entry.Id.Value));
        if (home is null || RefusesChoice(at) is not null) return (Checking is null ? this : this with { Checking = null }, null);
        if (Checking is not { } check || check.Candidate != home.Id) return (this with { Checking = new(home.Id, at) }, null);
        LossFigure figure = home.Health.RoundTrip.Sum(at, PathConstants.LossSlices);
        if (figure.Lost >= PathConstants.ReturnCheckLosses)
            return (Update(home.Id, entry => entry.Left()) with { Checking = null }, null);
        if (at < check.Since + PathConstants.ReturnCheck || figure.Expected < PathConstants.ReturnCheck / PathConstants.ReturnProbeInterval / 2)
            return (this, null);
        return (this with { Checking = null }).Start(new PathMove(home.Id, null, ReattachKind.Voluntary, MoveCause.Return, at));
    }

    private (PathSelection Next, PathDecision Decision) Start(PathMove move) =>
        (this with { Moving = move, BadSince = Instant.Never }, new PathDecision.Switch(move.To, move.Alternative, move.Kind, move.Cause));

    /// <summary>Why a move by choice must wait; null if it need not.</summary>
    private StayReason? RefusesChoice(Instant at) =>
        IsDegraded || !Budgets.Quality.Has(at, Policy.QualityRate) ? StayReason.BudgetSpent
        : at < BoundAt + Policy.Cooldown || at < NextMoveAt ? StayReason.Cooldown
        : null;

    /// <summary>REQ-OSCILLATION-2: a move from a dead path has its own budget, and beyond it is only spaced.</summary>
    private bool MayRecover(Instant at) => Budgets.Recovery.Has(at, Policy.RecoveryRate) || at >= BoundAt + Policy.OverBudgetSpacing;

    /// <summary>Bad by the margin against the best that a standby could be.</summary>
    private bool IsBad(PathEntry bound, Instant at)
    {
        long loss = bound.Health.IsLosing(at) ? bound.Health.LossLowerPpm(at) : 0;
        return IsSustained(bound, at) || loss + bound.RttPpm >= Policy.SwitchMarginPpm + StandbyRttPpm(bound);
    }

    private bool IsSustained(PathEntry bound, Instant at) =>
        bound.Health.SustainedLossLowerPpm(at) >= Policy.SwitchMarginPpm / 2 && bound.Health.IsLosing(at);

    /// <summary>Perhaps bad soon: time to look at the standbys closely.</summary>
    private bool IsAlert(PathEntry bound, Instant at)
    {
        if (Moving is not null || RefusesChoice(at) is not null) return false;
        long loss = bound.Health.IsLosing(at) ? bound.Health.LossLowerPpm(at) : 0;
        return loss + bound.RttPpm >= (Policy.SwitchMarginPpm / 2) + StandbyRttPpm(bound);
    }

    private long StandbyRttPpm(PathEntry bound)
    {
        long best = long.MaxValue / 2;
        foreach (PathEntry entry in Paths.Values)
            if (entry.Id != bound.Id && entry.Health.IsLinkUp && entry.Health.Rtt.IsKnown && entry.Health.State != PathState.Dead) best = Math.Min(best, entry.RttPpm);
        return best;
    }

    private static bool IsProven(PathEntry entry, Instant at)
    {
        LossFigure figure = entry.Health.RoundTrip.Sum(at, 10);
        return entry.Health is { State: PathState.Live, IsLinkUp: true } && figure.Expected - figure.Lost >= PathConstants.MinStandbyAnswers;
    }

    /// <summary>Three reports' time and the round trip's variation, within the policy's bounds; half of the least where an error is claimed.</summary>
    private TimeSpan SuspicionThreshold(PathHealth health)
    {
        TimeSpan adaptive = (3 * Policy.ReportInterval) + (4 * health.Rtt.Variation);
        if (health.IsDoubtful) return Policy.SuspicionMin / 2;
        return adaptive < Policy.SuspicionMin ? Policy.SuspicionMin : adaptive > Policy.SuspicionMax ? Policy.SuspicionMax : adaptive;
    }

    /// <summary>What the suspected path has to answer in: its own round trip with its variation, or that of the standby if that is longer.</summary>
    private TimeSpan ConfirmWait(PathHealth bound, TimeSpan standby)
    {
        TimeSpan wait = (bound.Rtt.Expected > standby ? bound.Rtt.Expected : standby) + PathConstants.ConfirmSlack;
        if (IsSuspectLossy) wait += PathConstants.ConfirmLossy;
        return wait < PathConstants.ConfirmMin ? PathConstants.ConfirmMin : wait > PathConstants.ConfirmMax ? PathConstants.ConfirmMax : wait;
    }

    private TimeSpan AllSilentWait()
    {
        TimeSpan longest = TimeSpan.Zero;
        foreach (PathEntry entry in Paths.Values)
            if (entry.Health is { IsLinkUp: true, Rtt.IsKnown: true } && entry.Health.Rtt.Expected > longest) longest = entry.Health.Rtt.Expected;
        TimeSpan wait = longest + PathConstants.ConfirmSlack;
        return wait < PathConstants.AllSilentMin ? PathConstants.AllSilentMin : wait > PathConstants.ConfirmMax ? PathConstants.ConfirmMax : wait;
    }
}
