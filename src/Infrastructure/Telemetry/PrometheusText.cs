using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>
/// Gathers what the instruments of the program's meters say (System.Diagnostics.Metrics) and writes it in Prometheus' text
/// format 0.0.4. Nothing is gathered, and instruments cost next to nothing, while no such object exists. The number of
/// series is bounded: what comes above <see cref="MaxSeries"/> is left out.
/// </summary>
public sealed class PrometheusText : IDisposable
{
    /// <summary>Meters whose names begin so are gathered.</summary>
    public const string MeterPrefix = "jumping_vpn";

    /// <summary>Most series, over all instruments.</summary>
    public const int MaxSeries = 4096;

    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, Family> families = new(StringComparer.Ordinal);
    private int series;

    public PrometheusText()
    {
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name.StartsWith(MeterPrefix, StringComparison.Ordinal)) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.Start();
    }

    /// <summary>Reads the observable instruments and writes everything.</summary>
    public string Collect()
    {
        listener.RecordObservableInstruments();
        var text = new StringBuilder();
        lock (gate)
        {
            foreach ((string name, Family family) in families)
            {
                text.Append("# HELP ").Append(name).Append(' ').Append(family.Help).Append('\n');
                text.Append("# TYPE ").Append(name).Append(' ').Append(family.Kind).Append('\n');
                foreach ((string labels, Value value) in family.Series)
                {
                    if (family.Kind == Summary)
                    {
                        Append(text, name + "_sum", labels, value.Sum);
                        Append(text, name + "_count", labels, value.Count);
                    }
                    else Append(text, name, labels, value.Sum);
                }
            }
        }
        return text.ToString();
    }

    public void Dispose() => listener.Dispose();

    private const string Summary = "summary";

    private void Take(Instrument instrument, double measured, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Type type = instrument.GetType().GetGenericTypeDefinition();
        bool adds = type == typeof(Counter<>) || type == typeof(UpDownCounter<>), spreads = type == typeof(Histogram<>);
        bool counts = type == typeof(Counter<>) || type == typeof(ObservableCounter<>);
        string labels = LabelsOf(tags);
        lock (gate)
        {
            string name = NameOf(instrument, counts);
            if (!families.TryGetValue(name, out Family? family))
            {
                string help = (instrument.Description ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
                families.Add(name, family = new(help, spreads ? Summary : counts ? "counter" : "gauge"));
            }
            if (!family.Series.TryGetValue(labels, out Value? value))
            {
                if (series == MaxSeries) return;
                series++;
                family.Series.Add(labels, value = new());
            }
            value.Sum = adds || spreads ? value.Sum + measured : measured;
            value.Count++;
        }
    }

    private static string NameOf(Instrument instrument, bool counts)
    {
        string name = instrument.Name.StartsWith(MeterPrefix, StringComparison.Ordinal) ? instrument.Name : $"{MeterPrefix}_{instrument.Name}";
        name = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c == '_' ? c : '_'));
        return counts && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty) return "";
        var text = new StringBuilder("{");
        foreach ((string key, object? value) in tags)
        {
            if (text.Length > 1) text.Append(',');
            string escaped = Convert.ToString(value, CultureInfo.InvariantCulture) is { } plain
                ? plain.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)
                : "";
            text.Append(key).Append("=\"").Append(escaped).Append('"');
        }
        return text.Append('}').ToString();
    }

    private static void Append(StringBuilder text, string name, string labels, double value) =>
        text.Append(name).Append(labels).Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');

    private sealed record Family(string Help, string Kind)
    {
        public SortedDictionary<string, Value> Series { get; } = new(StringComparer.Ordinal);
    }

    private sealed class Value
    {
        public double Sum;
        public long Count;
    }
}
