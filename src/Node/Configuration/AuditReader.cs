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
        long recorder = audit.Size("recorder", FlightRecorderOptions.DefaultBytes, FlightRecorderOptions.MinBytes, MaxRecorder);
        audit.Done(isGateway ? null : new Dictionary<string, string> { ["retention"] = "belongs to a gateway; a client keeps only what its recorder has room for" });
        return new(directory, retention, recorder);
    }
}
