namespace JumpingVpn.Bench;

/// <summary>Median and spread of some rounds' figures. A figure that is missing counts as worse than all others.</summary>
internal sealed record Statistics(double Median, double Smallest, double Largest)
{
    public static Statistics? Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0) return null;
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Statistics(median, sorted[0], sorted[^1]);
    }

    /// <summary>`median (smallest..largest)`; an infinite figure reads as <paramref name="missing"/>.</summary>
    public string Format(string format, string missing = "never")
    {
        string One(double value) => double.IsFinite(value) ? value.ToString(format, System.Globalization.CultureInfo.InvariantCulture) : missing;
        return Smallest == Largest ? One(Median) : $"{One(Median)} ({One(Smallest)}..{One(Largest)})";
    }
}
