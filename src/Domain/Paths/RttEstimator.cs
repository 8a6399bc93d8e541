using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Paths;

/// <summary>
/// Smoothed round trip and its variation (RFC 6298, section 2), and the minimum over the last one to two seconds, which a
/// burst of queueing does not move.
/// </summary>
public readonly record struct RttEstimator(
    int Samples, TimeSpan Smoothed, TimeSpan Variation, TimeSpan Latest, TimeSpan WindowMin, TimeSpan PreviousMin, Instant WindowSince)
{
    /// <summary>No sample yet.</summary>
    public static readonly RttEstimator None = new(
        0, PathConstants.InitialRtt, PathConstants.InitialRtt / 2, TimeSpan.Zero, TimeSpan.MaxValue, TimeSpan.MaxValue, Instant.Zero);

    public bool IsKnown => Samples > 0;

    /// <summary>The recent minimum; the assumed round trip before the first sample.</summary>
    public TimeSpan Min => IsKnown ? (WindowMin < PreviousMin ? WindowMin : PreviousMin) : Smoothed;

    /// <summary>How long an answer may take before it is missing.</summary>
    public TimeSpan Expected => Smoothed + (4 * Variation);

    /// <summary>Takes one measurement; a negative one (a clock fault) counts as zero.</summary>
    public RttEstimator Measure(TimeSpan sample, Instant at)
    {
        if (sample < TimeSpan.Zero) sample = TimeSpan.Zero;
        int samples = Math.Min(Samples + 1, int.MaxValue - 1);
        (TimeSpan min, TimeSpan previous, Instant since) = at - WindowSince >= PathConstants.MinRttWindow
            ? (sample, WindowMin, at)
            : (sample < WindowMin ? sample : WindowMin, PreviousMin, WindowSince);
        if (Samples == 0) return new(1, sample, sample / 2, sample, sample, TimeSpan.MaxValue, at);
        long error = (Smoothed - sample).Duration().Ticks;
        long variation = Variation.Ticks + ((error - Variation.Ticks) >> PathConstants.RttVarShift);
        long smoothed = Smoothed.Ticks + ((sample.Ticks - Smoothed.Ticks) >> PathConstants.RttShift);
        return new(samples, new(smoothed), new(variation), sample, min, previous, since);
    }
}
