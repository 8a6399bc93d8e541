using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// What was measured on the bound transport, and since when it has been bad or good without a break.
/// <see cref="Instant.Never"/> where it is not.
/// </summary>
/// <param name="LossPpm">Loss of the worse direction, 0 to 1,000,000 millionths.</param>
/// <param name="RttMicros">Smoothed round trip, microseconds.</param>
/// <param name="BelowFloorSince">Below the policy's floor since then.</param>
/// <param name="AboveCeilingSince">Above the policy's ceiling since then.</param>
public readonly record struct QualityReport(int LossPpm, long RttMicros, Instant BelowFloorSince, Instant AboveCeilingSince);

/// <summary>
/// Follows quality against the policy's two thresholds. Between them (hysteresis, REQ-OSCILLATION-1) quality is neither
/// bad nor good, and both clocks stop.
/// </summary>
public readonly record struct QualityGauge(Instant BelowFloorSince, Instant AboveCeilingSince)
{
    /// <summary>Nothing measured yet.</summary>
    public static readonly QualityGauge Unknown = new(Instant.Never, Instant.Never);

    /// <summary>Takes one measurement.</summary>
    public QualityGauge Measure(Instant at, int lossPpm, long rttMicros, SessionPolicy policy)
    {
        long floorRtt = policy.VolatileRtt.Ticks / TimeSpan.TicksPerMicrosecond;
        long ceilingRtt = policy.StableRtt.Ticks / TimeSpan.TicksPerMicrosecond;
        bool bad = lossPpm > policy.VolatileLossPpm || rttMicros > floorRtt;
        bool good = lossPpm <= policy.StableLossPpm && rttMicros <= ceilingRtt;
        return new(
            bad ? Instant.Min(BelowFloorSince, at) : Instant.Never,
            good ? Instant.Min(AboveCeilingSince, at) : Instant.Never);
    }

    /// <summary>The report for <see cref="SessionCommand.ReportQuality"/>.</summary>
    public QualityReport Report(int lossPpm, long rttMicros) => new(lossPpm, rttMicros, BelowFloorSince, AboveCeilingSince);
}
