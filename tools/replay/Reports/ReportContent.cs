using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Replay.Reports;

/// <summary>What a row of the event table is about.</summary>
internal enum RowKind
{
    /// <summary>A version of the session.</summary>
    Step = 0,

    /// <summary>A client's mirror moved.</summary>
    Client = 1,

    /// <summary>Inputs were refused.</summary>
    Refused = 2,

    /// <summary>A link or path changed.</summary>
    Link = 3,

    /// <summary>The recorder dropped something.</summary>
    Recorder = 4,
}

/// <summary>A row of the event table and what its detail says.</summary>
/// <param name="Cause">The command as canonical JSON; null for what no command caused.</param>
internal sealed record ReportRow(
    RowKind Kind, TimelineRow Shown, string? Cause, ImmutableArray<(string Name, string Value)> Facts,
    ImmutableArray<(string Name, string Before, string After)> Changes);

/// <summary>An incident cut to what a page can hold (<see cref="ReportLimits"/>), read for drawing.</summary>
/// <param name="ClientTransports">By client node: its transport as it knew it.</param>
/// <param name="Omissions">What the page leaves out, each in a sentence.</param>
internal sealed record ReportContent(
    Incident Incident, IncidentLanes Lanes, ImmutableSortedDictionary<string, ImmutableArray<LaneSpan<string>>> ClientTransports,
    ImmutableArray<SampleLane> Samples, ImmutableArray<ReportRow> Rows, ImmutableArray<string> Omissions)
{
    /// <summary>The last microsecond of the calendar.</summary>
    private const long LastMicrosecond = 253_402_300_799_000_000;

    /// <summary>A wall time within the calendar: a file may hold any number.</summary>
    public static long Bounded(WallTime at) => Math.Clamp(at.Microseconds, 0, LastMicrosecond);

    public static ReportContent Of(Incident whole)
    {
        ImmutableArray<string>.Builder omissions = ImmutableArray.CreateBuilder<string>();
        Incident incident = Cut(whole, omissions);
        var lanes = IncidentLanes.Of(incident);
        PathLane[] shown =
        [
            .. lanes.Paths.Select(static (lane, place) => (lane, place)).OrderByDescending(static pair => pair.lane.Samples.Length)
                .Take(ReportLimits.Paths).OrderBy(static pair => pair.place).Select(static pair => pair.lane),
        ];
        if (shown.Length < lanes.Paths.Length) omissions.Add(Count($"Plots are shown for {shown.Length} of {lanes.Paths.Length} paths: those with the most samples."));
        if (lanes.Clients.Count > ReportLimits.Clients) omissions.Add(Count($"Lanes are shown for {ReportLimits.Clients} of {lanes.Clients.Count} clients."));
        SampleLane[] samples = [.. shown.Select(lane => SampleLane.Of(incident, lane, ReportLimits.Points / shown.Length))];
        if (samples.Any(static lane => lane.Worst > 1)) omissions.Add("Some plots show the worst of several samples at each point; they say of how many.");
        return new(incident, lanes, Transports(incident, lanes.End), [.. samples], ReportRows.Of(incident), omissions.ToImmutable());
    }

    private static Incident Cut(Incident whole, ImmutableArray<string>.Builder omissions)
    {
        Incident incident = whole;
        if (whole.Steps.Length > ReportLimits.Steps)
        {
            incident = incident with { Steps = whole.Steps[^ReportLimits.Steps..] };
            omissions.Add(Count($"The newest {ReportLimits.Steps} of {whole.Steps.Length} versions are shown; ./replay show has them all."));
        }
        int sightings = whole.Evidence.Count(IsSighting);
        if (sightings <= ReportLimits.Sightings) return incident;
        omissions.Add(Count($"The newest {ReportLimits.Sightings} of {sightings} refusals, links and client's views are shown; ./replay show has them all."));
        int passed = sightings - ReportLimits.Sightings;
        return incident with { Evidence = [.. whole.Evidence.Where(seen => !IsSighting(seen) || passed-- <= 0)] };
    }

    private static bool IsSighting(Evidence seen) => seen is not (Evidence.PathSample or Evidence.Probes);

    private static ImmutableSortedDictionary<string, ImmutableArray<LaneSpan<string>>> Transports(Incident incident, WallTime end)
    {
        return incident.Evidence.OfType<Evidence.Mirrored>().GroupBy(static seen => seen.Node)
            .ToImmutableSortedDictionary(static client => client.Key, Spans, StringComparer.Ordinal);

        ImmutableArray<LaneSpan<string>> Spans(IEnumerable<Evidence.Mirrored> client)
        {
            List<LaneSpan<string>> spans = [];
            foreach (Evidence.Mirrored seen in client)
            {
                if (spans.Count > 0 && spans[^1].What == seen.Transport) continue;
                WallTime at = incident.At(seen);
                if (spans.Count > 0) spans[^1] = spans[^1] with { Until = at };
                spans.Add(new(seen.Transport, seen.Version, at, end));
            }
            // While it has none there is nothing to draw.
            return [.. spans.Where(static span => span.What is not ("" or "-" or "no transport"))];
        }
    }

    private static string Count(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
