using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Admission;

/// <summary>
/// How fast a bucket fills: one token per <paramref name="Interval"/>, at most <paramref name="Burst"/> of them. In any
/// span of time T at most Burst + T / Interval tokens are taken.
/// </summary>
public readonly record struct TokenRate(int Burst, TimeSpan Interval)
{
    /// <summary>
    /// At most <paramref name="count"/> in any minute: half of them at once, the rest one by one
    /// (Burst + one minute / Interval never exceeds the count).
    /// </summary>
    public static TokenRate PerMinute(int count)
    {
        int burst = Math.Max(1, count / 2);
        return new(burst, TimeSpan.FromMinutes(1) / Math.Max(1, count - burst));
    }

    /// <summary>A steady rate of <paramref name="count"/> each second with the given burst.</summary>
    public static TokenRate PerSecond(int count, int burst) => new(burst, new TimeSpan(TimeSpan.TicksPerSecond / Math.Max(1, count)));
}

/// <summary>
/// A token bucket in one number: the instant at which it will be full again (the "theoretical arrival time" of the
/// generic cell rate algorithm, ITU-T I.371 A). Integers only, so it never drifts; a clock that steps back refuses
/// rather than grants. The default value is a full bucket.
/// </summary>
public readonly record struct TokenBucket(Instant FullAt)
{
    /// <summary>A bucket with all its tokens.</summary>
    public static readonly TokenBucket Full = default;

    /// <summary>True if <paramref name="cost"/> tokens are there. A cost above the burst never is.</summary>
    public bool Has(Instant at, in TokenRate rate, int cost = 1) => Wait(at, rate, cost) == TimeSpan.Zero;

    /// <summary>Takes tokens if they are there; otherwise the bucket stays as it is.</summary>
    public bool TryTake(Instant at, in TokenRate rate, out TokenBucket after, int cost = 1)
    {
        after = this;
        if (!Has(at, rate, cost)) return false;
        after = new(Instant.Max(FullAt, at) + Times(rate.Interval, cost));
        return true;
    }

    /// <summary>How long until <paramref name="cost"/> tokens are there; <see cref="TimeSpan.MaxValue"/> if they never are.</summary>
    public TimeSpan Wait(Instant at, in TokenRate rate, int cost = 1)
    {
        if (cost <= 0) return TimeSpan.Zero;
        if (cost > rate.Burst) return TimeSpan.MaxValue;
        if (FullAt <= at) return TimeSpan.Zero;
        Instant granted = FullAt - Times(rate.Interval, rate.Burst - cost);
        return granted <= at ? TimeSpan.Zero : granted - at;
    }

    /// <summary>Whole tokens that are there, 0 to the burst.</summary>
    public int Available(Instant at, in TokenRate rate)
    {
        if (FullAt <= at || rate.Interval.Ticks <= 0) return rate.Burst;
        long missing = (FullAt - at).Ticks;
        long tokens = rate.Burst - (missing / rate.Interval.Ticks) - (missing % rate.Interval.Ticks == 0 ? 0 : 1);
        return (int)Math.Max(0, tokens);
    }

    private static TimeSpan Times(TimeSpan interval, int count)
    {
        Int128 ticks = (Int128)interval.Ticks * count;
        return ticks > long.MaxValue ? TimeSpan.MaxValue : new TimeSpan((long)ticks);
    }
}
