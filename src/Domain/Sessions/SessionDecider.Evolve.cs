using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static LanguageExt.Prelude;

namespace JumpingVpn.Domain.Sessions;

/// <summary>What an event makes of a session.</summary>
public static partial class SessionDecider
{
    /// <summary>
    /// Applies one event. Total: an event that cannot follow (version, time, state, nonce, epoch) is an error, because
    /// silence would hide a history that diverged (REQ-SAFETY-1).
    /// </summary>
    public static Either<HistoryError, Session> Evolve(Session session, SessionEvent happened)
    {
        if (session.State == SessionState.Terminated) return Broken(happened, "follows the end");
        if (happened.Version > SessionLimits.MaxVersion + 1) return Broken(happened, "lies beyond the last version");
        if (happened.Version != session.Version + 1) return Broken(happened, $"does not follow version {session.Version}");
        if (happened.At < session.UpdatedAt) return Broken(happened, "is older than its predecessor");
        if (session.State == SessionState.Birth != happened is SessionEvent.Established) return Broken(happened, "cannot follow in state " + session.State);
        Session next = session with
        {
            Version = happened.Version,
            UpdatedAt = happened.At,
            LastReason = happened.Reason,
        };
        return happened switch
        {
            SessionEvent.Established established => Apply(next, established),
            SessionEvent.BecameVolatile when session.State == SessionState.Attached => Enter(next, SessionState.Volatile),
            SessionEvent.StabilityRestored when session.State is SessionState.Volatile or SessionState.Degraded => Enter(next, SessionState.Attached),
            SessionEvent.EnteredDegraded when session.State == SessionState.Volatile => Enter(next, SessionState.Degraded),
            SessionEvent.TransportLost lost when session.State.IsBound() => Apply(session, next, lost),
            SessionEvent.TransportSwitched moved => Apply(next, moved, moved.Binding),
            SessionEvent.KeysRotated rotated when session.State.IsBound() => Apply(next, rotated),
            SessionEvent.OwnershipReleased released => Apply(session, next, released),
            SessionEvent.OwnershipClaimed claimed => Apply(session, next, claimed),
            SessionEvent.Terminated ended => Apply(next, ended),
            _ => Broken(happened, "cannot follow in state " + session.State),
        };
    }

    /// <summary>Applies events in order, from a birth or a snapshot.</summary>
    public static Either<HistoryError, Session> Replay(Session start, IEnumerable<SessionEvent> events)
    {
        Session session = start;
        foreach (SessionEvent happened in events)
        {
            Either<HistoryError, Session> next = Evolve(session, happened);
            if (next.IsLeft) return next;
            session = next.IfLeft(session);
        }

        return Right(session);
    }

    private static Either<HistoryError, Session> Apply(Session next, SessionEvent.Established established)
    {
        if (established.Id != next.Id) return Broken(established, "belongs to session " + established.Id);
        if (established.Transport.Id != established.Version) return Broken(established, "binds a transport of another version");
        return next with
        {
            Client = established.Client,
            ClientName = established.ClientName,
            Addresses = established.Addresses,
            State = SessionState.Attached,
            BindingVersion = established.Version,
            Owner = Some(established.Owner),
            OwnershipEpoch = 1,
            KeyEpoch = 1,
            Transport = Some(established.Transport),
            Instance = established.Instance,
            EstablishedAt = established.At,
            ExpiresAt = established.ExpiresAt,
            StateSince = established.At,
            LastBoundAt = established.At,
            LastKeyedAt = established.At,
            PolicyHash = established.PolicyHash,
        };
    }

    private static Either<HistoryError, Session> Apply(Session session, Session next, SessionEvent.TransportLost lost) =>
        session.Transport.Exists(bound => bound.Id == lost.TransportId)
            ? Unbound(next, lost.RecoveryDeadline)
            : Broken(lost, $"loses transport {lost.TransportId}, which is not bound");

    private static Either<HistoryError, Session> Apply(Session next, SessionEvent happened, Binding binding)
    {
        if (binding.Nonce <= next.LastNonce) return Broken(happened, $"uses nonce {binding.Nonce} again");
        if (binding.KeyEpoch != next.KeyEpoch + 1) return Broken(happened, $"key epoch {binding.KeyEpoch} does not follow {next.KeyEpoch}");
        if (binding.Transport.Id != happened.Version) return Broken(happened, "binds a transport of another version");
        if (binding.State is not (SessionState.Attached or SessionState.Degraded)) return Broken(happened, "binds into state " + binding.State);
        if (!next.Owner.Exists(owner => owner.Node == binding.Transport.Node)) return Broken(happened, "binds a transport of another node than the owner");
        return next with
        {
            State = binding.State,
            BindingVersion = happened.Version,
            KeyEpoch = binding.KeyEpoch,
            LastNonce = binding.Nonce,
            Transport = Some(binding.Transport),
            Instance = binding.Instance,
            StateSince = happened.At,
            LastBoundAt = happened.At,
            LastKeyedAt = happened.At,
            RecoveryDeadline = Instant.Never,
            Budgets = binding.Budgets,
            Switches = next.Switches + 1,
        };
    }

    private static Either<HistoryError, Session> Apply(Session next, SessionEvent.KeysRotated rotated)
    {
        if (rotated.Nonce <= next.LastNonce) return Broken(rotated, $"uses nonce {rotated.Nonce} again");
        if (rotated.KeyEpoch != next.KeyEpoch + 1) return Broken(rotated, $"key epoch {rotated.KeyEpoch} does not follow {next.KeyEpoch}");
        return next with { KeyEpoch = rotated.KeyEpoch, LastNonce = rotated.Nonce, LastKeyedAt = rotated.At };
    }

    private static Either<HistoryError, Session> Apply(Session session, Session next, SessionEvent.OwnershipReleased released)
    {
        if (!session.Owner.Exists(owner => owner == released.Previous)) return Broken(released, $"releases for {released.Previous}, which is not the owner");
        if (session.State == SessionState.Recovering && released.RecoveryDeadline != session.RecoveryDeadline)
            return Broken(released, "moves the recovery deadline");
        Session freed = next with { Owner = Option<Owner>.None };
        return session.State == SessionState.Recovering ? freed : Unbound(freed, released.RecoveryDeadline);
    }

    private static Either<HistoryError, Session> Apply(Session session, Session next, SessionEvent.OwnershipClaimed claimed)
    {
        if (claimed.OwnershipEpoch != session.OwnershipEpoch + 1)
            return Broken(claimed, $"ownership epoch {claimed.OwnershipEpoch} does not follow {session.OwnershipEpoch}");
        bool named = session.Owner.Match(
            owner => owner != claimed.Owner && claimed.Fenced.Exists(fenced => fenced == owner),
            () => claimed.Fenced.IsNone);
        if (!named) return Broken(claimed, "claims without the owner being gone");
        return Apply(next with { Owner = Some(claimed.Owner), OwnershipEpoch = claimed.OwnershipEpoch }, claimed, claimed.Binding);
    }

    private static Either<HistoryError, Session> Apply(Session next, SessionEvent.Terminated ended) =>
        ended.Cause.IsEnd()
            ? next with
            {
                State = SessionState.Terminated,
                StateSince = ended.At,
                Transport = Option<TransportBinding>.None,
                RecoveryDeadline = Instant.Never,
            }
            : Broken(ended, $"ends with {ended.Cause.Name()}, which is no end");

    private static Session Unbound(Session next, Instant recoveryDeadline) => next with
    {
        State = SessionState.Recovering,
        StateSince = next.UpdatedAt,
        Transport = Option<TransportBinding>.None,
        RecoveryDeadline = recoveryDeadline,
    };

    private static Session Enter(Session next, SessionState state) => next with { State = state, StateSince = next.UpdatedAt };

    private static Either<HistoryError, Session> Broken(SessionEvent happened, string problem) =>
        Left(new HistoryError(happened.Version, SessionEventNames.Of(happened) + " " + problem));
}
