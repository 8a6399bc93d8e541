using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Replay;

/// <summary>A line of the timeline: a step of the session, or something that a node has seen.</summary>
internal sealed record TimelineRow(WallTime At, long Version, SessionState? State, string Node, string Reason, string Detail);

/// <summary>An incident as lines for a person. Samples and probes are left out: they are for plots.</summary>
internal static class Timeline
{
    public static IReadOnlyList<TimelineRow> Of(Incident incident, long until)
    {
        List<TimelineRow> rows = [];
        long limit = long.MaxValue;
        foreach (IncidentStep step in incident.Steps.Where(step => step.Version <= until))
            rows.Add(new(incident.At(step), step.Version, step.After.State, step.Envelope.Draft.Node, step.Envelope.Draft.Reason, Detail(step)));
        if (incident.Steps.FirstOrDefault(step => step.Version > until) is { } next) limit = incident.At(next).Microseconds;
        foreach (Evidence seen in incident.Evidence)
        {
            WallTime at = incident.At(seen);
            if (at.Microseconds < limit && Row(seen, at) is { } row) rows.Add(row);
        }
        // A step comes before what was seen of it at the same moment.
        return [.. rows.OrderBy(static row => row.At.Microseconds).ThenBy(static row => row.Version == 0).ThenBy(static row => row.Version)];
    }

    /// <summary>UTC with milliseconds; what no calendar holds becomes its first or last moment.</summary>
    public static string Clock(WallTime wall) =>
        DateTime.UnixEpoch.AddTicks(Math.Clamp(wall.Microseconds, 0, 253_402_300_799_000_000) * TimeSpan.TicksPerMicrosecond)
            .ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>Null for samples and probes.</summary>
    public static TimelineRow? Row(Evidence seen, WallTime at) => seen switch
    {
        Evidence.Mirrored mirrored => new(at, 0, null, seen.Node, "client: " + mirrored.Reason, $"{mirrored.From} -> {mirrored.To} (knows version {mirrored.Version}) {mirrored.Transport}"),
        Evidence.Rejections refused => new(at, 0, null, seen.Node, "refused " + refused.Reason, $"{refused.Count} from {refused.Source}: {refused.Last.Detail}"),
        Evidence.Link link => new(at, 0, null, seen.Node, "link", $"{link.Subject}: {link.Change}"),
        Evidence.Dropped dropped => new(at, 0, null, seen.Node, "recorder", $"{dropped.Count} records were dropped"),
        _ => null,
    };

    /// <summary>A step in a few words.</summary>
    public static string Detail(IncidentStep step) => step.Happened switch
    {
        null => "snapshot: the events before it are not here",
        SessionEvent.Established e => $"{Client(step.After)} by {Transport(step.After)}; owner {e.Owner}",
        SessionEvent.TransportSwitched e => $"{Before(step)} -> {Transport(step.After)}; {Kind(e.Binding.Kind)}, nonce {e.Binding.Nonce}, key epoch {e.Binding.KeyEpoch}",
        SessionEvent.OwnershipClaimed e =>
            $"{e.Owner} takes over{e.Fenced.Match(static owner => $" from {owner}", static () => "")}; {Transport(step.After)}, ownership epoch {e.OwnershipEpoch}",
        SessionEvent.OwnershipReleased e => $"{e.Previous} lets go; to be claimed within {Until(e.RecoveryDeadline, e.At)}",
        SessionEvent.TransportLost e => $"{Before(step)} is gone; to be replaced within {Until(e.RecoveryDeadline, e.At)}",
        SessionEvent.KeysRotated e => $"key epoch {e.KeyEpoch}, nonce {e.Nonce}",
        SessionEvent.BecameVolatile e => Quality(e.Quality),
        SessionEvent.StabilityRestored e => Quality(e.Quality),
        SessionEvent.EnteredDegraded => "bounds exceeded: no move by choice",
        SessionEvent.Terminated e => e.Successor.Match(static successor => $"the end; followed by session {successor}", static () => "the end"),
        _ => "",
    };

    private static string Client(Session session) => session.ClientName.IfNone(session.Client.ToString);

    private static string Before(IncidentStep step) => step.Before is { } before ? Transport(before) : "-";

    private static string Transport(Session session) => session.Transport.Match(static bound => $"{bound.Remote} (path {bound.Path.Value}) at {bound.Node}", static () => "no transport");

    private static string Kind(ReattachKind kind) => kind.ToString().ToLowerInvariant();

    private static string Until(Instant deadline, Instant at) => (deadline - at).TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture) + " s";

    private static string Quality(QualityReport quality) => string.Create(
        CultureInfo.InvariantCulture, $"loss {quality.LossPpm / 10_000.0:0.##} %, round trip {quality.RttMicros / 1000.0:0.#} ms");
}
