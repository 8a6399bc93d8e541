using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Paths;

/// <summary>Packets that were expected and those that did not come.</summary>
public readonly record struct LossFigure(long Expected, long Lost)
{
    /// <summary>The share that was lost, in millionths; 0 if nothing was expected.</summary>
    public int Ppm => Expected <= 0 ? 0 : (int)(Lost * 1_000_000 / Expected);

    /// <summary>
    /// The share that was lost at least, with <see cref="PathConstants.Confidence"/>: the lower end of Wilson's score
    /// interval (E. B. Wilson, 1927), so that few packets prove little.
    /// </summary>
    public int LowerPpm
    {
        get
        {
            if (Expected <= 0 || Lost <= 0) return 0;
            double n = Expected, p = Lost / n, z = PathConstants.Confidence, z2 = z * z;
            double center = p + (z2 / (2 * n));
            double spread = z * Math.Sqrt((p * (1 - p) / n) + (z2 / (4 * n * n)));
            return (int)Math.Max(0, (center - spread) / (1 + (z2 / n)) * 1_000_000);
        }
    }
}

/// <summary>Loss in one direction over the last two seconds, in slices of 100 ms: a bounded ring.</summary>
public sealed class LossWindow
{
    /// <summary>Nothing seen yet.</summary>
    public static readonly LossWindow Empty = new([.. Enumerable.Repeat(new Slice(-1, 0, 0), PathConstants.LossSlices)]);

    private readonly ImmutableArray<Slice> slices;

    private LossWindow(ImmutableArray<Slice> slices, Instant? lastLossAt = null)
    {
        this.slices = slices;
        LastLossAt = lastLossAt;
    }

    /// <summary>When a loss was last counted; null if none was.</summary>
    public Instant? LastLossAt { get; }

    /// <summary>
    /// Adds packets. <paramref name="lost"/> may be negative, when reordered packets arrive that an earlier figure had
    /// counted as lost.
    /// </summary>
    public LossWindow Add(Instant at, long expected, long lost)
    {
        if (expected == 0 && lost == 0) return this;
        long number = Number(at);
        int index = (int)(number % PathConstants.LossSlices);
        Slice slice = slices[index];
        slice = slice.Number == number ? new(number, slice.Expected + expected, slice.Lost + lost) : new(number, expected, lost);
        return new(slices.SetItem(index, slice), lost > 0 ? at : LastLossAt);
    }

    /// <summary>What the last <paramref name="count"/> slices hold, the present one included.</summary>
    public LossFigure Sum(Instant at, int count)
    {
        long number = Number(at), expected = 0, lost = 0;
        foreach (Slice slice in slices)
        {
            if (slice.Number <= number - count || slice.Number > number) continue;
            expected += slice.Expected;
            lost += slice.Lost;
        }

        return new(expected, Math.Clamp(lost, 0, expected));
    }

    /// <summary>The worst of the lower bounds over <see cref="PathConstants.JudgedSlices"/>.</summary>
    public int LowerPpm(Instant at)
    {
        int worst = 0;
        foreach (int count in PathConstants.JudgedSlices) worst = Math.Max(worst, Sum(at, count).LowerPpm);
        return worst;
    }

    /// <summary>Slices of the last two seconds in which something was lost: tells a burst from loss that goes on.</summary>
    public int LossySlices(Instant at)
    {
        long number = Number(at);
        int lossy = 0;
        foreach (Slice slice in slices)
            if (slice.Lost > 0 && slice.Number > number - PathConstants.LossSlices && slice.Number <= number) lossy++;
        return lossy;
    }

    /// <summary>Bursts of loss in the last two seconds, with slices without loss between them: tells loss that comes again and again.</summary>
    public int LossBursts(Instant at)
    {
        int bursts = 0;
        bool wasLossy = false;
        for (long number = Number(at) - PathConstants.LossSlices + 1; number <= Number(at); number++)
        {
            if (number < 0) continue;
            Slice slice = slices[(int)(number % PathConstants.LossSlices)];
            bool isLossy = slice.Number == number && slice.Lost > 0;
            if (isLossy && !wasLossy) bursts++;
            wasLossy = isLossy;
        }

        return bursts;
    }

    private static long Number(Instant at) => Math.Max(0, at.Ticks) / PathConstants.LossSlice.Ticks;

    private readonly record struct Slice(long Number, long Expected, long Lost);
}
