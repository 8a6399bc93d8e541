using System.Globalization;

namespace JumpingVpn.Node.Configuration;

/// <summary>Numbers of bytes as people write them: `64KiB`, `16MiB`, `1GiB`.</summary>
public static class ByteSize
{
    private static readonly (string Suffix, int Shift)[] Units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];

    /// <summary>False for anything else, a number without a unit included.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        ArgumentNullException.ThrowIfNull(text);
        bytes = 0;
        foreach ((string suffix, int shift) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal)) continue;
            bool whole = long.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= 1L << 30;
            bytes = whole ? number << shift : 0;
            return whole;
        }
        return false;
    }

    /// <summary>The shortest form that <see cref="TryParse"/> reads back, of a whole number of KiB.</summary>
    public static string Format(long bytes)
    {
        (string suffix, int shift) = Units.First(unit => bytes % (1L << unit.Shift) == 0);
        return (bytes >> shift).ToString(CultureInfo.InvariantCulture) + suffix;
    }
}
