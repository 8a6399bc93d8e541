using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Paths;

/// <summary>When which path is probed, and when to decide again.</summary>
public sealed partial record PathSelection
{
    private ImmutableArray<PathId> ProbesDue(Instant at, bool isActive)
    {
        bool isAlert = Bound is { } bound && Paths.TryGetValue(bound, out PathEntry? entry) && IsAlert(entry, at);
        return [.. Paths.Values.Where(path => ProbeDue(path, at, isActive, isAlert) <= at).Select(path => path.Id)];
    }

    private Instant ProbeDue(PathEntry path, Instant at, bool isActive, bool isAlert)
    {
        if (!path.Health.IsLinkUp) return Instant.Never;
        if (path.Health.LastSentAt is not { } last) return at;
        return last + ProbeInterval(path, at, isActive, isAlert);
    }

    private TimeSpan ProbeInterval(PathEntry path, Instant at, bool isActive, bool isAlert)
    {
        TimeSpan interval = path.Id == Bound
            ? (isActive ? Policy.ReportInterval : Policy.IdleProbeInterval)
            : StandbyInterval(path);
        if (SuspectSince is { } since)
        {
            TimeSpan silent = at - since;
            TimeSpan asked = silent < TimeSpan.FromMilliseconds(100) ? PathConstants.SuspicionProbeInterval
                : silent < PathConstants.SilenceIsLong ? 5 * PathConstants.SuspicionProbeInterval
                : PathConstants.SilenceProbeInterval;
            return asked < interval || path.Id == Bound ? asked : interval;
        }

        if (path.Id == Bound) return interval;
        TimeSpan close = isAlert ? PathConstants.AlertProbeInterval
            : Checking?.Candidate == path.Id ? PathConstants.ReturnProbeInterval
            : interval;
        return close < interval ? close : interval;
    }

    /// <summary>
    /// Sparse for what is proven or dead, close together for what is new or has just lost one. The interval varies by a
    /// quarter up and down, so that probes do not beat in time with a path that flaps.
    /// </summary>
    private TimeSpan StandbyInterval(PathEntry path)
    {
        PathHealth health = path.Health;
        bool isOpen = health.LostInRow < PathConstants.StandbyLosses
            && (health.State == PathState.Unknown || (health.State == PathState.Suspect && health.LostInRow > 0));
        if (isOpen && PathConstants.LossSlice < Policy.StandbyProbeInterval) return PathConstants.LossSlice;
        ulong mixed = unchecked(((ulong)(health.LastSentAt?.Ticks ?? 0) ^ ((ulong)path.Id.Value << 48)) * 0x9E37_79B9_7F4A_7C15UL);
        long quarter = Policy.StandbyProbeInterval.Ticks / 4;
        return new((3 * quarter) + (long)((mixed >> 33) * (ulong)(2 * quarter) >> 31));
    }

    private Instant Wake(Instant at, bool isActive, ImmutableArray<PathId> sent)
    {
        Instant wake = Instant.Never;
        PathEntry? bound = Bound is { } id && Paths.TryGetValue(id, out PathEntry? found) ? found : null;
        bool isAlert = bound is not null && IsAlert(bound, at);
        foreach (PathEntry path in Paths.Values)
        {
            Instant due = sent.Contains(path.Id) ? at + ProbeInterval(path, at, isActive, isAlert) : ProbeDue(path, at, isActive, isAlert);
            Later(due);
            if (path.Health.SilentSince == Instant.Never) continue;
            Later(path.Health.SilentSince + (4 * path.Health.Rtt.Variation) + PathConstants.ProbeGrace + TimeSpan.FromMilliseconds(1));
            if (path == bound) Later(Instant.Max(path.Health.SilentSince, NotBefore) + SuspicionThreshold(path.Health));
        }

        if (bound is not null && SuspectSince is { } since)
        {
            Later(since + ConfirmWait(bound.Health, TimeSpan.Zero));
            Later(since + AllSilentWait());
        }

        if (Moving is { } move && Paths.TryGetValue(move.To, out PathEntry? to)) Later(move.Since + PathConstants.MoveTimeout + (3 * to.Health.Rtt.Smoothed) + new TimeSpan(1));
        if (BadSince != Instant.Never) Later(BadSince + Policy.SwitchHold);
        if (Checking is { } check) Later(check.Since + PathConstants.ReturnCheck);
        if ((SuspectSince is not null || Rebinding is not null) && !MayRecover(at))
            Later(Instant.Min(at + Budgets.Recovery.Wait(at, Policy.RecoveryRate), BoundAt + Policy.OverBudgetSpacing));
        return wake;

        void Later(Instant due)
        {
            if (due > at) wake = Instant.Min(wake, due);
        }
    }
}
