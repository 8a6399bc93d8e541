using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Replay.Reports;

/// <summary>The head of the page: what the file is, whether it holds, and what it comes to. It needs no script.</summary>
internal static class ReportSummary
{
    public static string Verdict(ReportSource source)
    {
        var html = new Html();
        switch (source.Verification)
        {
            case Verification.Fails { Fault: var fault }:
                html.Markup("<section class=\"verdict fails\" aria-label=\"Verification\"><h2>FAILS</h2><p>").Text($"The first fault: {fault}. Nothing below is proven.").Markup("</p>");
                if (fault.Divergence is { } divergence)
                {
                    html.Markup("<dl class=\"facts wide\">");
                    foreach ((string name, string value) in new[]
                    {
                        ("command", divergence.Command), ("before", divergence.Before), ("recorded", divergence.Recorded), ("recomputed", divergence.Recomputed),
                    })
                        html.Element("dt", name).Markup("<dd><code>").Text(value).Markup("</code></dd>");
                    html.Markup("</dl>");
                }
                break;
            case Verification.Holds { Summary: var summary }:
                html.Markup(source.HasTrusted
                    ? "<section class=\"verdict holds\" aria-label=\"Verification\"><h2>HOLDS</h2>"
                    : "<section class=\"verdict untrusted\" aria-label=\"Verification\"><h2>UNTRUSTED</h2>");
                html.Element("p", summary.Events == 0
                    ? "The content is whole and signed. It holds no events: there was nothing to decide again."
                    : "The chain is whole, every signature matches, and every event was decided again from its cause to the byte.");
                if (!source.HasTrusted)
                    html.Element("p", "Whose keys these are is not known here: compare the fingerprints by another way, or make the report with --keys.");
                html.Table("Signed by", ["node", "fingerprint", "signatures", "trusted"],
                [
                    .. summary.Keys.Select(static key => (string[])[key.Node, key.Key.Fingerprint, Number(key.Signatures), key.IsTrusted ? "yes" : "not known"]),
                ]);
                break;
            default:
                throw new InvalidOperationException("a page about a file that cannot be read");
        }
        return html.Markup("</section>\n").ToString();
    }

    public static string Facts(ReportSource source, ReportContent content)
    {
        Incident incident = source.Incident;
        Session? last = incident.Steps.IsEmpty ? null : incident.Steps[^1].After;
        var html = new Html();
        html.Markup("<section aria-label=\"Summary\"><dl class=\"facts\">");
        Fact("Session", incident.Session.ToString());
        Fact("Client", last is null ? "not in the file" : last.ClientName.IfNone("without a name"));
        if (last is not null) Fact("Client's key", last.Client.ToString());
        if (last is not null) Fact("Addresses", last.Addresses.ToString());
        Fact("From", Timeline.Clock(content.Lanes.Start) + " UTC");
        Fact("To", Timeline.Clock(content.Lanes.End) + " UTC");
        Fact("Lasts", Length(Span(content.Lanes.Start, content.Lanes.End)));
        if (last is not null) Fact("At the end", $"{last.State}, {last.LastReason.Name()}");
        Fact("File", source.Name);
        html.Markup("</dl><ul class=\"tiles\">");
        Evidence.Rejections[] refused = [.. incident.Evidence.OfType<Evidence.Rejections>()];
        Tile(Number(incident.Steps.Count(static step => step.Happened is not null)), "events");
        Tile(Number(last?.Switches ?? 0), "jumps");
        if (!incident.Steps.IsEmpty) Outages(content.Lanes.States, "");
        foreach ((string client, ImmutableArray<LaneSpan<SessionState>> states) in content.Lanes.Clients.Take(ReportLimits.Clients)) Outages(states, $", as {client} saw it");
        Tile(Number(refused.Sum(static seen => (decimal)seen.Count)), "refused inputs");
        Tile(Number(incident.Evidence.Count(static seen => seen is Evidence.Link)), "link events");
        decimal dropped = incident.Evidence.OfType<Evidence.Dropped>().Sum(static seen => (decimal)seen.Count);
        if (dropped > 0) Tile(Number(dropped), "records dropped by recorders");
        html.Markup("</ul>");
        foreach (string note in Notes(incident).Concat(content.Omissions)) html.Element("p class=\"note\"", note);
        return html.Markup("</section>\n").ToString();

        void Fact(string name, string value) => html.Markup("<div>").Element("dt", name).Element("dd", value).Markup("</div>");

        void Outages(IEnumerable<LaneSpan<SessionState>> states, string seen)
        {
            TimeSpan[] outages = [.. states.Where(static span => span.What == SessionState.Recovering).Select(static span => Span(span.From, span.Until))];
            var all = TimeSpan.FromTicks((long)Math.Min(long.MaxValue, outages.Sum(static outage => (decimal)outage.Ticks)));
            Tile(Length(all), $"without a transport{seen}{(outages.Length < 2 ? "" : $"; {Length(outages.Max())} the longest")}");
        }

        void Tile(string value, string name) => html.Markup("<li>").Element("strong", value).Markup(" ").Element("span", name).Markup("</li>");
    }

    /// <summary>Refusals, the parts of the file and the policies.</summary>
    public static string Appendix(Incident incident)
    {
        var html = new Html();
        html.Markup("<section aria-labelledby=\"refused\"><h2 id=\"refused\">Refused inputs</h2>\n");
        string[][] refused = [.. Refused(incident)];
        if (refused.Length == 0) html.Element("p", "None are known.");
        else html.Table("By reason and source", ["reason", "source", "inputs", "first (UTC)", "last (UTC)", "what the last one was", "seen by"], refused);
        html.Markup("</section>\n<section aria-labelledby=\"parts\"><h2 id=\"parts\">Where this comes from</h2>\n");
        html.Table("Parts of the file", ["node", "role", "from", "exported (UTC by its clock)", "program", "events", "evidence", "clock moved by"],
        [
            .. incident.Parts.Select(part => (string[])
            [
                part.Header.Node, part.Header.Role == IncidentRole.Client ? "client" : "gateway", part.Header.Origin == IncidentOrigin.Node ? "the running node" : "its files",
                Timeline.Clock(part.Header.Exported), part.Header.Program, Number(part.Events.Length), Number(part.Evidence.Length),
                (incident.Clocks.Shifts.GetValueOrDefault(part.Header.Node) / 1000.0).ToString("+0.0;-0.0;0", CultureInfo.InvariantCulture) + " ms",
            ]),
        ]);
        foreach (IncidentRecord.Policy policy in incident.Parts.SelectMany(static part => part.Policies).DistinctBy(static policy => policy.Hash).Take(ReportLimits.SummaryRows))
        {
            html.Markup("<details><summary>").Text($"Policy {policy.Hash.ToString()[..16]}").Markup("</summary>");
            html.Markup(SessionJson.ReadPolicy(policy.Text).Match(
                Right: static read => new Html().Table("Settings", ["setting", "value", "default", "what it does"],
                [
                    .. PolicyKnobs.All.Select(knob => (string[])[knob.Name, knob.Format(knob.Get(read)), knob.Get(read) == knob.Default ? "the same" : knob.Format(knob.Default), knob.Summary]),
                ]).ToString(),
                Left: static error => new Html().Element("p", "It cannot be read: " + error.Problem).ToString()));
            html.Markup("</details>\n");
        }
        return html.Markup("</section>\n").ToString();
    }

    /// <summary>A length of time with the unit that fits.</summary>
    public static string Length(TimeSpan span) => span switch
    {
        { TotalSeconds: < 1 } => span.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) + " ms",
        { TotalMinutes: < 2 } => span.TotalSeconds.ToString("0.0##", CultureInfo.InvariantCulture) + " s",
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes} min {span.Seconds} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours} h {span.Minutes} min"),
    };

    private static IEnumerable<string> Notes(Incident incident)
    {
        if (incident.Steps.IsEmpty) yield return "The file holds no events of the session, only what a client has seen. Merge it with a gateway's file to see both.";
        if (incident.Evidence.IsEmpty) yield return "The file holds no evidence: no measurements, refusals or link events are known.";
        foreach (IncidentRecord.Gap gap in incident.Gaps.Take(ReportLimits.SummaryRows))
            yield return $"Versions {gap.From} to {gap.To} are missing{(gap.HeldBy.Length > 0 ? ", held by " + gap.HeldBy : "")}: {gap.Note}";
        foreach ((string node, long shift) in incident.Clocks.Shifts.Where(static clock => clock.Value != 0).Take(ReportLimits.SummaryRows))
            yield return string.Create(CultureInfo.InvariantCulture, $"{node}'s clock is moved by {shift / 1000.0:+0.0;-0.0} ms: versions say what came first.");
    }

    private static IEnumerable<string[]> Refused(Incident incident) =>
        incident.Evidence.OfType<Evidence.Rejections>().GroupBy(static seen => (seen.Reason, seen.Source))
            .Select(static group => (group.Key, Count: group.Sum(static seen => (decimal)seen.Count), Seen: group.ToImmutableArray()))
            .OrderByDescending(static group => group.Count).ThenBy(static group => group.Key.Reason, StringComparer.Ordinal)
            .ThenBy(static group => group.Key.Source, StringComparer.Ordinal)
            .Select(group => (string[])
            [
                group.Key.Reason, group.Key.Source, Number(group.Count), Timeline.Clock(incident.Clocks.Align(group.Seen[0].Node, group.Seen[0].First.Wall)),
                Timeline.Clock(incident.Clocks.Align(group.Seen[^1].Node, group.Seen[^1].Last.Wall)), group.Seen[^1].Last.Detail,
                string.Join(", ", group.Seen.Select(static seen => seen.Node).Distinct().Order(StringComparer.Ordinal)),
            ]);

    private static TimeSpan Span(WallTime from, WallTime until) =>
        TimeSpan.FromMicroseconds(Math.Max(0, ReportContent.Bounded(until) - ReportContent.Bounded(from)));

    private static string Number(decimal value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
