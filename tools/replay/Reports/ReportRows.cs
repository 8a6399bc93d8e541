using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Replay.Reports;

/// <summary>The rows of the event table, in the order of the timeline.</summary>
internal static class ReportRows
{
    public static ImmutableArray<ReportRow> Of(Incident incident) =>
    [
        .. incident.Steps.Select(step => Of(incident, step)).Concat(incident.Evidence.Select(seen => Of(incident, seen)).OfType<ReportRow>())
            .OrderBy(static row => row.Shown.At.Microseconds).ThenBy(static row => row.Shown.Version == 0).ThenBy(static row => row.Shown.Version),
    ];

    private static ReportRow Of(Incident incident, IncidentStep step)
    {
        EventEnvelope envelope = step.Envelope;
        WallTime at = incident.At(step);
        return new(
            RowKind.Step, new(at, step.Version, step.After.State, envelope.Draft.Node, envelope.Draft.Reason, Timeline.Detail(step)),
            step.Cause is null ? null : envelope.Draft.Cause.Text,
            [
                ("event", envelope.Alias), ("decided by", $"{envelope.Draft.Node}, incarnation {envelope.Draft.Incarnation}"),
                .. Clock(at, envelope.Draft.Wall), ("service clock", ReportChanges.Service(envelope.Draft.Time)),
                ("binding version", Number((long)step.After.BindingVersion)), ("ownership epoch", Number(envelope.Draft.OwnershipEpoch)),
                ("key epoch", Number(step.After.KeyEpoch)), ("policy", envelope.Draft.PolicyHash.ToString()),
                ("hash", envelope.Hash.ToString()), ("hash before", envelope.Previous.ToString()),
            ],
            [.. ReportChanges.Of(step)]);
    }

    private static ReportRow? Of(Incident incident, Evidence seen)
    {
        WallTime at = incident.At(seen);
        if (Timeline.Row(seen, at) is not { } shown) return null;
        return seen switch
        {
            Evidence.Mirrored mirrored => new(
                RowKind.Client, shown with { State = mirrored.To }, null,
                [.. Clock(at, seen.Wall), ("knows version", Number(mirrored.Version)), ("transport", mirrored.Transport), ("change", mirrored.Change)],
                mirrored.From == mirrored.To ? [] : [("state", mirrored.From.ToString(), mirrored.To.ToString())]),
            Evidence.Rejections refused => new(
                RowKind.Refused, shown, null,
                [.. Clock(at, seen.Wall), ("inputs", Number(refused.Count)), ("source", refused.Source), .. Input("first", refused.First), .. Input("last", refused.Last)], []),
            Evidence.Link link => new(RowKind.Link, shown, null, [.. Clock(at, seen.Wall), ("subject", link.Subject), ("change", link.Change)], []),
            _ => new(RowKind.Recorder, shown, null, [.. Clock(at, seen.Wall)], []),
        };
    }

    /// <summary>The node's own time, where the timeline has moved it.</summary>
    private static IEnumerable<(string, string)> Clock(WallTime at, WallTime own)
    {
        if (at != own) yield return ("node's own clock", Timeline.Clock(own));
    }

    private static IEnumerable<(string, string)> Input(string name, RefusedInput input)
    {
        yield return (name, $"{Timeline.Clock(input.Wall)} from {input.Source}{(input.Detail.Length > 0 ? ": " + input.Detail : "")}");
        if (input.Session is { } session) yield return (name + " named", $"session {session}");
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
