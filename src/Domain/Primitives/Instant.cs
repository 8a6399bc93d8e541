using System.Globalization;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// A point on a clock that never runs backwards, in ticks of 100 ns. On a gateway it is the service clock of its
/// store (it stands still while no node serves and goes on after a restart); on a client it counts from boot. Two nodes'
/// instants are never compared.
/// </summary>
public readonly record struct Instant(long Ticks) : IComparable<Instant>
{
    /// <summary>The clock's origin.</summary>
    public static readonly Instant Zero = new(0);

    /// <summary>Later than every instant that a clock will show: "no deadline".</summary>
    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>The instant that lies <paramref name="milliseconds"/> after the origin.</summary>
    public static Instant FromMilliseconds(long milliseconds) => new(checked(milliseconds * TimeSpan.TicksPerMillisecond));

    /// <summary>Whole milliseconds since the origin.</summary>
    public long Milliseconds => Ticks / TimeSpan.TicksPerMillisecond;

    /// <summary>Saturates at <see cref="Never"/>.</summary>
    public static Instant operator +(Instant instant, TimeSpan duration)
    {
        long sum = unchecked(instant.Ticks + duration.Ticks);
        if (duration.Ticks > 0 && sum < instant.Ticks) return Never;
        if (duration.Ticks < 0 && sum > instant.Ticks) return new(long.MinValue);
        return new(sum);
    }

    public static Instant operator -(Instant instant, TimeSpan duration) => instant + -duration;

    public static TimeSpan operator -(Instant left, Instant right) => new(left.Ticks - right.Ticks);

    public static bool operator <(Instant left, Instant right) => left.Ticks < right.Ticks;

    public static bool operator >(Instant left, Instant right) => left.Ticks > right.Ticks;

    public static bool operator <=(Instant left, Instant right) => left.Ticks <= right.Ticks;

    public static bool operator >=(Instant left, Instant right) => left.Ticks >= right.Ticks;

    public static Instant Min(Instant left, Instant right) => left < right ? left : right;

    public static Instant Max(Instant left, Instant right) => left > right ? left : right;

    public int CompareTo(Instant other) => Ticks.CompareTo(other.Ticks);

    public override string ToString() =>
        this == Never ? "never" : (Ticks / (double)TimeSpan.TicksPerSecond).ToString("0.000000", CultureInfo.InvariantCulture) + "s";
}
