using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>Between the cores' sessions and the store's envelopes.</summary>
public static class SessionRecords
{
    /// <summary>The store's request for what a core wants appended.</summary>
    public static AppendRequest Request(ImmutableArray<Domain.Gateway.StreamAppend> streams, WallTime wall) =>
        new([.. streams.Select(stream => Append(stream, wall))]);

    /// <summary>The draft of the snapshot that stands for all events up to a session's version.</summary>
    public static EventDraft SnapshotOf(Session session, Owner by, Instant now, WallTime wall) =>
        Snapshot.Draft(SessionJson.Of(session), now, wall, session.PolicyHash, by.Node, by.Incarnation, (long)session.OwnershipEpoch);

    /// <summary>
    /// The session that a stored history makes. Left, in one line, if the history cannot have come from the decider: then
    /// nobody serves it.
    /// </summary>
    public static Either<string, Session> Restore(StreamHistory history)
    {
        Either<HistoryError, Session> session = Session.Birth(history.Stream);
        foreach (EventEnvelope envelope in history.Envelopes)
        {
            session = envelope.IsSnapshot
                ? SessionJson.ReadSession(envelope.Draft.Data)
                : session.Bind(before => SessionJson.ReadEvent(envelope.Alias, envelope.Draft.Data).Bind(happened => SessionDecider.Evolve(before, happened)));
        }
        return session
            .Bind(restored => restored.Id == history.Stream && restored.Version == (ulong)history.Head.Version
                ? Prelude.Right<HistoryError, Session>(restored)
                : new HistoryError(restored.Version, "the stream's state is another session's or another version's"))
            .MapLeft(error => $"session {history.Stream}: {error}");
    }

    private static StreamAppend Append(Domain.Gateway.StreamAppend append, WallTime wall)
    {
        Session after = append.After;
        CanonicalJson cause = SessionJson.Of(append.Cause);
        Owner by = append.Cause.By;
        return new(after.Id, (long)append.Before.Version,
            [
                .. append.Events.Select(happened => new EventDraft(SessionEventNames.Of(happened), happened.At, wall, happened.Reason.Name(), cause,
                    append.PolicyHash, by.Node, by.Incarnation, (long)after.OwnershipEpoch, SessionJson.Of(happened))),
            ],
            SummaryOf(after));
    }

    private static SessionSummary SummaryOf(Session session) => new(
        session.Client, session.State.ToString(), session.IsTerminal,
        session.Owner,
        (long)session.OwnershipEpoch, session.RecoveryDeadline, session.ExpiresAt);
}
