using System.Globalization;

namespace JumpingVpn.Node.Configuration;

/// <summary>Spans of time as people write them: `250ms`, `30s`, `5m`, `12h`, `90d`, and sums such as `1h30m`.</summary>
public static class Duration
{
    /// <summary>Longest span that can be written: ten years.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(3650);

    /// <summary>False for anything else, a number without a unit included, and for what is longer than <see cref="Max"/>.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        ArgumentNullException.ThrowIfNull(text);
        span = default;
        if (text.Length is 0 or > 32) return false;
        decimal milliseconds = 0, previous = decimal.MaxValue;
        int at = 0;
        while (at < text.Length)
        {
            int start = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.')) at++;
            if (!decimal.TryParse(text.AsSpan(start, at - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)) return false;
            start = at;
            while (at < text.Length && char.IsAsciiLetterLower(text[at])) at++;
            decimal unit = text.AsSpan(start, at - start) switch
            {
                "ms" => 1,
                "s" => 1000,
                "m" or "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => 0,
            };
            // Units go down: `1h30m`, not `30m1h`, and none twice.
            if (unit == 0 || unit >= previous || number > 1_000_000_000) return false;
            previous = unit;
            milliseconds += number * unit;
        }
        if (milliseconds > (decimal)Max.TotalMilliseconds) return false;
        span = TimeSpan.FromTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond));
        return true;
    }

    /// <summary>The shortest form that <see cref="TryParse"/> reads back.</summary>
    public static string Format(TimeSpan span)
    {
        if (span == TimeSpan.Zero) return "0s";
        (long ticks, string unit)[] units =
            [(TimeSpan.TicksPerDay, "d"), (TimeSpan.TicksPerHour, "h"), (TimeSpan.TicksPerMinute, "m"), (TimeSpan.TicksPerSecond, "s"), (TimeSpan.TicksPerMillisecond, "ms")];
        foreach ((long ticks, string unit) in units)
            if (span.Ticks % ticks == 0) return (span.Ticks / ticks).ToString(CultureInfo.InvariantCulture) + unit;
        return (span.Ticks / (decimal)TimeSpan.TicksPerMillisecond).ToString(CultureInfo.InvariantCulture) + "ms";
    }
}
