using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>A moment of two timelines side by side.</summary>
/// <param name="At">By the service clock.</param>
/// <param name="Version">The recorded version; 0 where only the other policy has something to say.</param>
/// <param name="Recorded">What happened: the session after it, and why; null where nothing did.</param>
/// <param name="Other">What would have happened; null where nothing would.</param>
/// <param name="Refusal">Why the command would have been refused; null if it would not.</param>
/// <param name="Differs">True where the two part or have parted.</param>
public sealed record WhatIfRow(Instant At, long Version, SessionEvent? Recorded, SessionEvent? Other, Rejection? Refusal, bool Differs);

/// <summary>What a timeline comes to.</summary>
/// <param name="Switches">Transports bound after the first.</param>
/// <param name="Ended">Why the session ended; null if it did not.</param>
public sealed record WhatIfSum(
    ulong Switches, TimeSpan Attached, TimeSpan Volatile, TimeSpan Degraded, TimeSpan Recovering, ReasonCode? Ended);

/// <summary>
/// The causes of an incident decided again under another policy. Only what led to an event is stored, so another policy shows where it
/// would have refused, ended or waited, not what it would have made of inputs that led to nothing. References that a party would have known
/// otherwise (the binding version, the lost transport) are carried over to the other timeline.
/// </summary>
public sealed record WhatIf(ImmutableArray<WhatIfRow> Rows, WhatIfSum Recorded, WhatIfSum Other)
{
    /// <summary>The first row in which the two part; null if they never do.</summary>
    public WhatIfRow? Parting => Rows.FirstOrDefault(static row => row.Differs);

    /// <summary>Left where the incident holds no event to begin with.</summary>
    public static Either<string, WhatIf> Run(Incident incident, SessionPolicy policy)
    {
        IncidentStep[] steps = [.. incident.Steps];
        int first = System.Array.FindIndex(steps, static step => step.Happened is not null || step.Before is null);
        if (first < 0) return "the incident holds no event";
        Session other = steps[first].Before ?? (steps[first].Happened is null ? steps[first].After : Session.Birth(incident.Session));
        Session recorded = other;
        var mine = new Tally(recorded);
        var theirs = new Tally(other);
        ImmutableArray<WhatIfRow>.Builder rows = ImmutableArray.CreateBuilder<WhatIfRow>(steps.Length);
        foreach (IncidentStep step in steps[first..])
        {
            if (step is not { Cause: { } cause, Happened: { } happened })
            {
                recorded = step.After;
                mine.Move(recorded);
                continue;
            }
            RunClock(ref other, happened.At, policy, theirs, rows);
            (SessionEvent? made, Rejection? refusal) = Decide(ref other, Carried(cause, recorded, other, policy), policy);
            recorded = step.After;
            mine.Move(recorded);
            theirs.Move(other);
            bool same = made is not null && SessionJson.Of(made) == SessionJson.Of(happened);
            rows.Add(new(happened.At, step.Version, happened, made, refusal, !same));
        }
        Instant end = steps[^1].After.UpdatedAt;
        RunClock(ref other, end, policy, theirs, rows);
        return new WhatIf(rows.ToImmutable(), mine.Sum(recorded, end), theirs.Sum(other, end));
    }

    /// <summary>Lets what falls due before a moment happen: another policy has other deadlines.</summary>
    private static void RunClock(ref Session other, Instant until, SessionPolicy policy, Tally tally, ImmutableArray<WhatIfRow>.Builder rows)
    {
        while (other.State is not (SessionState.Birth or SessionState.Terminated) && SessionDecider.NextDeadline(other, policy) is var due && due < until)
        {
            Owner by = other.Owner.IfNone(() => new Owner("(any)", default));
            (SessionEvent? made, _) = Decide(ref other, new SessionCommand.Tick(due, by, Option<Owner>.None), policy);
            if (made is null) return;
            tally.Move(other);
            rows.Add(new(made.At, 0, null, made, null, true));
        }
    }

    private static (SessionEvent? Made, Rejection? Refusal) Decide(ref Session session, SessionCommand command, SessionPolicy policy)
    {
        Either<Rejection, Seq<SessionEvent>> decided = SessionDecider.Decide(session, command, policy);
        if (decided.IsLeft) return (null, decided.Match<Rejection?>(Right: static _ => null, Left: static rejection => rejection));
        var events = (Seq<SessionEvent>)decided;
        if (events.IsEmpty) return (null, null);
        Either<HistoryError, Session> after = SessionDecider.Replay(session, events);
        if (after.IsLeft) return (null, null);
        session = (Session)after;
        return (events.Head, null);
    }

    /// <summary>The command as its sender would have given it on the other timeline.</summary>
    private static SessionCommand Carried(SessionCommand cause, Session recorded, Session other, SessionPolicy policy)
    {
        return cause switch
        {
            SessionCommand.Establish command => command with { PolicyHash = SessionJson.HashOf(policy) },
            SessionCommand.Reattach command => command with { Request = Request(command.Request) },
            SessionCommand.Claim command => command with { Request = Request(command.Request) },
            SessionCommand.LoseTransport command when SamePath(recorded, other) => command with { TransportId = other.BindingVersion },
            _ => cause,
        };

        ReattachRequest Request(ReattachRequest request) =>
            request.ExpectedBindingVersion == recorded.BindingVersion ? request with { ExpectedBindingVersion = other.BindingVersion } : request;
    }

    private static bool SamePath(Session recorded, Session other) =>
        recorded.Transport.Exists(bound => other.Transport.Exists(its => its.Remote == bound.Remote && its.Local == bound.Local));

    /// <summary>Adds up how long a session was in each state.</summary>
    private sealed class Tally(Session start)
    {
        private readonly TimeSpan[] spent = new TimeSpan[(int)SessionState.Terminated + 1];
        private readonly ulong switches = start.Switches;
        private Session last = start;

        public void Move(Session next)
        {
            if (last.State != SessionState.Birth && next.UpdatedAt > last.UpdatedAt) spent[(int)last.State] += next.UpdatedAt - last.UpdatedAt;
            last = next;
        }

        public WhatIfSum Sum(Session session, Instant end)
        {
            if (session.State is not (SessionState.Birth or SessionState.Terminated) && end > last.UpdatedAt) spent[(int)last.State] += end - last.UpdatedAt;
            return new(session.Switches - switches, spent[(int)SessionState.Attached], spent[(int)SessionState.Volatile], spent[(int)SessionState.Degraded],
                spent[(int)SessionState.Recovering], session.IsTerminal ? session.LastReason : null);
        }
    }
}
