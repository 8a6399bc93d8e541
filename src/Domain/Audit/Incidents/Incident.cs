using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// One session as all files about it tell it: what `show` and `report` are made of. Parts of several nodes are joined by versions; their
/// clocks only say how far apart things were on one node (<see cref="ClockAlignment"/>).
/// </summary>
/// <param name="Session">The session.</param>
/// <param name="Parts">As they were exported.</param>
/// <param name="Steps">Every version that a part holds, once, in order.</param>
/// <param name="Evidence">What all nodes have seen, by aligned time.</param>
/// <param name="Gaps">Versions that none of the parts holds.</param>
/// <param name="Clocks">How the nodes' clocks lie to each other.</param>
public sealed record Incident(
    SessionId Session, ImmutableArray<IncidentPart> Parts, ImmutableArray<IncidentStep> Steps, ImmutableArray<Evidence> Evidence,
    ImmutableArray<IncidentRecord.Gap> Gaps, ClockAlignment Clocks)
{
    /// <summary>Left where nothing is to be shown: no part, parts of different sessions, events that no history can have.</summary>
    public static Either<string, Incident> Of(ImmutableArray<IncidentPart> parts)
    {
        if (parts.IsEmpty) return "the file holds nothing";
        SessionId session = parts[0].Header.Session;
        foreach (IncidentPart part in parts)
            if (part.Header.Session != session) return $"one part is about session {session}, another about {part.Header.Session}";
        EventEnvelope[] envelopes =
        [
            .. parts.SelectMany(static part => part.Events)
                .DistinctBy(static envelope => (envelope.Version, envelope.Hash))
                .OrderBy(static envelope => envelope.Version)
                .ThenBy(static envelope => envelope.IsSnapshot),
        ];
        return IncidentStep.Of(session, envelopes).Map(steps =>
        {
            Evidence[] evidence = [.. parts.SelectMany(static part => part.Evidence).Distinct()];
            ClockAlignment clocks = ClockAlignment.Of(envelopes, evidence);
            return new Incident(
                session, parts, steps, [.. evidence.OrderBy(seen => clocks.Align(seen.Node, seen.Wall).Microseconds)], Missing(parts, steps), clocks);
        });
    }

    /// <summary>When a step happened, by the common time of the timeline.</summary>
    public WallTime At(IncidentStep step) => Clocks.Align(step.Envelope.Draft.Node, step.Envelope.Draft.Wall);

    /// <inheritdoc cref="At(IncidentStep)"/>
    public WallTime At(Evidence seen) => Clocks.Align(seen.Node, seen.Wall);

    /// <summary>The gaps of each part that no other part fills.</summary>
    private static ImmutableArray<IncidentRecord.Gap> Missing(ImmutableArray<IncidentPart> parts, ImmutableArray<IncidentStep> steps)
    {
        var held = steps.Select(static step => step.Version).ToHashSet();
        return
        [
            .. parts.SelectMany(static part => part.Gaps).Distinct()
                .Where(gap => !held.Contains(gap.From) || !held.Contains(gap.To)).OrderBy(static gap => gap.From),
        ];
    }
}

/// <summary>One version of the session, read for people.</summary>
/// <param name="Envelope">As it is stored.</param>
/// <param name="Cause">The command; null for a snapshot.</param>
/// <param name="Happened">The event; null for a snapshot, which only says where the session stands.</param>
/// <param name="Before">The session before; null where the events before it are missing.</param>
/// <param name="After">The session after it.</param>
public sealed record IncidentStep(EventEnvelope Envelope, SessionCommand? Cause, SessionEvent? Happened, Session? Before, Session After)
{
    public long Version => Envelope.Version;

    /// <summary>
    /// Reads envelopes in order. A snapshot behind its own event changes nothing and is left out; one that bridges missing events is a step.
    /// Left, with the version, for what no history can have.
    /// </summary>
    internal static Either<string, ImmutableArray<IncidentStep>> Of(SessionId session, IReadOnlyList<EventEnvelope> envelopes)
    {
        ImmutableArray<IncidentStep>.Builder steps = ImmutableArray.CreateBuilder<IncidentStep>(envelopes.Count);
        Session? before = null;
        foreach (EventEnvelope envelope in envelopes)
        {
            if (envelope.IsSnapshot && before is { } known && (long)known.Version == envelope.Version) continue;
            Either<HistoryError, IncidentStep> step = envelope.IsSnapshot
                ? SessionJson.ReadSession(envelope.Draft.Data).Map(after => new IncidentStep(envelope, null, null, before, after))
                : Event(session, envelope, before);
            if (step.IsLeft) return step.Match(Right: static _ => "", Left: error => $"version {envelope.Version}: {error.Problem}");
            steps.Add((IncidentStep)step);
            before = steps[^1].After;
        }
        return steps.ToImmutable();
    }

    private static Either<HistoryError, IncidentStep> Event(SessionId session, EventEnvelope envelope, Session? before) =>
        SessionJson.ReadEvent(envelope.Alias, envelope.Draft.Data).Bind(happened =>
            SessionJson.ReadCommand(envelope.Draft.Cause).Bind(cause =>
                SessionDecider.Evolve(before ?? Sessions.Session.Birth(session), happened).Map(after => new IncidentStep(envelope, cause, happened, before, after))));
}
