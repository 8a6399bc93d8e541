using System.Globalization;
using JumpingVpn.Infrastructure.Telemetry.Recorder;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads the `audit` section: where a node keeps what proves its doings, for how long, and how much evidence.</summary>
internal static class AuditReader
{
    /// <summary>The most that a flight recorder may take.</summary>
    public const long MaxRecorder = 64L << 30;

    public static readonly TimeSpan DefaultRetention = TimeSpan.FromDays(90);

    /// <param name="beside">The directory where the file names none.</param>
    /// <param name="isGateway">A client archives nothing, so it has no retention.</param>
    public static AuditConfiguration Read(Section section, FilePaths paths, string beside, bool isGateway)
    {
        if (section.Nested("audit") is not { } audit) return new(beside, DefaultRetention, FlightRecorderOptions.DefaultBytes);
        string directory = paths.Read(audit, "directory") ?? beside;
        TimeSpan retention = isGateway ? audit.Duration("retention", DefaultRetention, TimeSpan.FromHours(1), Duration.Max) : DefaultRetention;
        long recorder = ReadSize(audit, "recorder", FlightRecorderOptions.DefaultBytes);
        audit.Done(isGateway ? null : new Dictionary<string, string> { ["retention"] = "belongs to a gateway; a client keeps only what its recorder has room for" });
        return new(directory, retention, recorder);
    }

    private static long ReadSize(Section section, string key, long fallback)
    {
        if (section.Scalar(key) is not { } scalar) return fallback;
        if (TryParse(scalar.Text, out long bytes) && bytes is >= FlightRecorderOptions.MinBytes and <= MaxRecorder) return bytes;
        section.Fail(scalar.Line, key, $"{Printable.Quoted(scalar.Text)} is no size between 1MiB and 64GiB; write one as 64MiB or 1GiB");
        return fallback;
    }

    private static bool TryParse(string text, out long bytes)
    {
        (string Suffix, int Shift)[] units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
        foreach ((string suffix, int shift) in units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal)) continue;
            bool whole = long.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= 1L << 30;
            bytes = whole ? number << shift : 0;
            return whole;
        }
        bytes = 0;
        return false;
    }
}
