using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Paths;

/// <summary>One path in the selection.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Rank">Its place in the order of preference, 0 best.</param>
/// <param name="Health">What is known of it.</param>
/// <param name="Relapses">How often it was left because something was wrong with it, until forgiven.</param>
/// <param name="LeftAt">When that happened last.</param>
public sealed record PathEntry(PathId Id, int Rank, PathHealth Health, int Relapses, Instant? LeftAt)
{
    /// <summary>REQ-OSCILLATION-4: how long it must be healthy before a return; doubles after each relapse, bounded.</summary>
    public TimeSpan ReturnHold(SessionPolicy policy) => Doubled(policy.ReturnHold, Relapses - 1, policy.ReturnHoldMax);

    /// <summary>When it may be chosen for its quality again.</summary>
    public Instant QualityFrom(SessionPolicy policy) =>
        LeftAt is { } left ? left + Doubled(policy.Cooldown, Relapses, policy.ReturnHold) : new Instant(long.MinValue);

    /// <summary>What speaks against it, as loss in millionths: loss of probes over the last second, and the round trip with 10 ms as 1 %.</summary>
    public long Score(Instant at) => Health.RoundTrip.Sum(at, 10).Ppm + RttPpm;

    /// <summary>The round trip as loss: one microsecond counts as one millionth.</summary>
    public long RttPpm => Health.Rtt.Min.Ticks / TimeSpan.TicksPerMicrosecond;

    private static TimeSpan Doubled(TimeSpan start, int times, TimeSpan bound)
    {
        TimeSpan doubled = start * (1L << Math.Clamp(times, 0, PathConstants.MaxRelapses));
        return doubled < bound ? doubled : bound;
    }
}
