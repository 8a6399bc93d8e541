using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static LanguageExt.Prelude;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// Decides what a command does to a session. Total and deterministic: every (state, command) pair gives events or a
/// rejection, and nothing but the arguments takes part. Events take effect only once their append has committed.
/// </summary>
public static partial class SessionDecider
{
    private static readonly Either<Rejection, Seq<SessionEvent>> Nothing = Right(LanguageExt.Seq<SessionEvent>.Empty);

    /// <summary>
    /// The events that the command causes (none: there was nothing to do), or why it is refused. The order of checks:
    /// state, owner, nonce, version, deadlines, instance, policy.
    /// </summary>
    public static Either<Rejection, Seq<SessionEvent>> Decide(Session session, SessionCommand command, SessionPolicy policy)
    {
        if (!IsWellFormed(command)) return Refuse(session, ReasonCode.InvalidCommand);
        // A clock that steps back must not reorder history.
        Instant at = Instant.Max(command.At, session.UpdatedAt);
        switch (session.State)
        {
            case SessionState.Birth:
                return command is SessionCommand.Establish establish
                    ? DecideEstablish(session, establish, at, policy)
                    : Refuse(session, ReasonCode.UnknownSession);
            case SessionState.Terminated:
                return command is SessionCommand.Tick ? Nothing : Refuse(session, ReasonCode.Gone);
            case SessionState.Attached or SessionState.Volatile or SessionState.Degraded or SessionState.Recovering:
                break;
            default:
                return Refuse(session, ReasonCode.InvalidCommand);
        }

        if (!MayAct(session, command)) return Refuse(session, ReasonCode.WrongOwner);
        return command switch
        {
            SessionCommand.Establish => Refuse(session, ReasonCode.WrongState),
            SessionCommand.Reattach reattach => DecideReattach(session, reattach, at, policy),
            SessionCommand.Claim claim => DecideClaim(session, claim, at, policy),
            SessionCommand.ReportQuality report => Overdue(session, at).IfNoneElse(() => DecideQuality(session, report, at, policy)),
            SessionCommand.LoseTransport lose => Overdue(session, at).IfNoneElse(() => DecideLoss(session, lose, at, policy)),
            SessionCommand.Release => Overdue(session, at).IfNoneElse(() => DecideRelease(session, at, policy)),
            SessionCommand.Supersede supersede => DecideSupersede(session, supersede, at),
            SessionCommand.Terminate terminate => DecideTerminate(session, terminate, at),
            SessionCommand.Tick => Overdue(session, at).IfNoneElse(() => DecideTick(session, at, policy)),
            _ => Refuse(session, ReasonCode.InvalidCommand),
        };
    }

    /// <summary>
    /// When <see cref="SessionCommand.Tick"/> will have something to do; <see cref="Instant.Never"/> if nothing is due
    /// ever (Birth, Terminated).
    /// </summary>
    public static Instant NextDeadline(Session session, SessionPolicy policy) => session.State switch
    {
        SessionState.Attached or SessionState.Degraded => session.ExpiresAt,
        SessionState.Volatile => Instant.Min(session.ExpiresAt, session.StateSince + policy.VolatileLimit),
        SessionState.Recovering => Instant.Min(session.ExpiresAt, session.RecoveryDeadline),
        SessionState.Birth or SessionState.Terminated => Instant.Never,
        _ => Instant.Never,
    };

    private static Either<Rejection, Seq<SessionEvent>> DecideEstablish(
        Session session, SessionCommand.Establish command, Instant at, SessionPolicy policy)
    {
        ulong version = session.Version + 1;
        return One(new SessionEvent.Established(
            version, at, session.Id, command.Client, command.ClientName, command.Addresses, command.Instance, command.By,
            Bind(command.Transport, command.By, version, at), at + policy.SessionLifetime, command.PolicyHash));
    }

    private static Either<Rejection, Seq<SessionEvent>> DecideQuality(
        Session session, SessionCommand.ReportQuality command, Instant at, SessionPolicy policy)
    {
        QualityReport quality = command.Quality;
        TimeSpan stable = session.State == SessionState.Degraded ? policy.DegradedStabilityWindow : policy.StabilityWindow;
        // What was measured before the transport was bound says nothing about it.
        bool isBad = Held(quality.BelowFloorSince, session.LastBoundAt, at, policy.VolatileHold);
        bool isGood = Held(quality.AboveCeilingSince, session.LastBoundAt, at, stable);
        switch (session.State)
        {
            case SessionState.Attached:
                return isBad ? Next(session, version => new SessionEvent.BecameVolatile(version, at, quality), at) : Nothing;
            case SessionState.Volatile:
                if (isGood) return Next(session, version => new SessionEvent.StabilityRestored(version, at, quality), at);
                return IsToDegrade(session, at, policy) ? Next(session, version => new SessionEvent.EnteredDegraded(version, at), at) : Nothing;
            case SessionState.Degraded:
                return isGood && !session.Budgets.AreExceeded(at, policy)
                    ? Next(session, version => new SessionEvent.StabilityRestored(version, at, quality), at)
                    : Nothing;
            default:
                return Refuse(session, ReasonCode.WrongState);
        }
    }

    private static Either<Rejection, Seq<SessionEvent>> DecideLoss(
        Session session, SessionCommand.LoseTransport command, Instant at, SessionPolicy policy)
    {
        if (!session.State.IsBound()) return Refuse(session, ReasonCode.WrongState);
        if (!session.Transport.Exists(transport => transport.Id == command.TransportId)) return Refuse(session, ReasonCode.StaleTransport);
        return Next(session, version => new SessionEvent.TransportLost(version, at, command.TransportId, at + policy.RecoveryWindow), at);
    }

    private static Either<Rejection, Seq<SessionEvent>> DecideRelease(Session session, Instant at, SessionPolicy policy)
    {
        // A release while already Recovering must not prolong the window.
        Instant deadline = session.State == SessionState.Recovering ? session.RecoveryDeadline : at + policy.RecoveryWindow;
        return session.Owner.Match(
            owner => Next(session, version => new SessionEvent.OwnershipReleased(version, at, owner, deadline), at),
            () => Refuse(session, ReasonCode.WrongOwner));
    }

    private static Either<Rejection, Seq<SessionEvent>> DecideSupersede(Session session, SessionCommand.Supersede command, Instant at) =>
        command.Successor == session.Id
            ? Refuse(session, ReasonCode.InvalidCommand)
            : End(session, ReasonCode.Superseded, at, Some(command.Successor));

    private static Either<Rejection, Seq<SessionEvent>> DecideTerminate(Session session, SessionCommand.Terminate command, Instant at) =>
        command.Reason is ReasonCode.Explicit or ReasonCode.ClientRemoved or ReasonCode.DualClient or ReasonCode.PolicyExceeded or ReasonCode.Ambiguity
            ? End(session, command.Reason, at, Option<SessionId>.None)
            : Refuse(session, ReasonCode.InvalidCommand);

    private static Either<Rejection, Seq<SessionEvent>> DecideTick(Session session, Instant at, SessionPolicy policy) =>
        session.State == SessionState.Volatile && IsToDegrade(session, at, policy)
            ? Next(session, version => new SessionEvent.EnteredDegraded(version, at), at)
            : Nothing;

    private static bool IsToDegrade(Session session, Instant at, SessionPolicy policy) =>
        !session.Budgets.Quality.Has(at, policy.QualityRate) || at >= session.StateSince + policy.VolatileLimit;

    private static bool Held(Instant since, Instant bound, Instant at, TimeSpan hold) =>
        since != Instant.Never && Instant.Max(since, bound) + hold <= at;

    /// <summary>The end that is due at that time, whatever was asked.</summary>
    private static Option<Either<Rejection, Seq<SessionEvent>>> Overdue(Session session, Instant at)
    {
        if (at >= session.ExpiresAt) return Some(End(session, ReasonCode.TtlExpired, at, Option<SessionId>.None));
        if (session.State == SessionState.Recovering && at >= session.RecoveryDeadline)
            return Some(End(session, ReasonCode.RecoveryWindowExceeded, at, Option<SessionId>.None));
        return Option<Either<Rejection, Seq<SessionEvent>>>.None;
    }

    private static Either<Rejection, Seq<SessionEvent>> IfNoneElse(
        this Option<Either<Rejection, Seq<SessionEvent>>> due, Func<Either<Rejection, Seq<SessionEvent>>> otherwise) => due.IfNone(otherwise);

    /// <summary>
    /// REQ-PARTITION-1: the owner may do anything; anyone else only with the owner gone, by release or by fencing, and
    /// then only what takes over or ends the session.
    /// </summary>
    private static bool MayAct(Session session, SessionCommand command)
    {
        Option<Owner> fenced = command switch
        {
            SessionCommand.Claim claim => claim.Fenced,
            SessionCommand.Supersede supersede => supersede.Fenced,
            SessionCommand.Terminate terminate => terminate.Fenced,
            SessionCommand.Tick tick => tick.Fenced,
            SessionCommand.LoseTransport lose => lose.Fenced,
            _ => Option<Owner>.None,
        };
        bool needsNoOwner = command is SessionCommand.Claim or SessionCommand.Supersede or SessionCommand.Terminate or SessionCommand.Tick;
        return session.Owner.Match(
            owner => owner == command.By || fenced.Exists(gone => gone == owner),
            () => needsNoOwner);
    }

    private static bool IsWellFormed(SessionCommand command)
    {
        if (!IsName(command.By.Node)) return false;
        return command switch
        {
            SessionCommand.Establish establish =>
                establish.ClientName.ForAll(IsName) && establish.Client != default && IsUsable(establish.Transport),
            SessionCommand.Reattach reattach => IsUsable(reattach.Request.Transport),
            SessionCommand.Claim claim => IsUsable(claim.Request.Transport),
            SessionCommand.ReportQuality report =>
                report.Quality.LossPpm is >= 0 and <= 1_000_000 && report.Quality.RttMicros >= 0,
            _ => true,
        };
    }

    private static bool IsName(string name) => name is { Length: > 0 and <= SessionLimits.MaxNameLength };

    private static bool IsUsable(TransportCandidate transport) => !transport.Remote.IsUnspecified && transport.Remote.Port != 0;

    private static TransportBinding Bind(TransportCandidate transport, Owner by, ulong version, Instant at) =>
        new(version, by.Node, transport.Remote, transport.Local, transport.Path, at);

    /// <summary>One event with the next version, or the end with AMBIGUITY where versions run out.</summary>
    private static Either<Rejection, Seq<SessionEvent>> Next(Session session, Func<ulong, SessionEvent> make, Instant at) =>
        session.Version >= SessionLimits.MaxVersion
            ? End(session, ReasonCode.Ambiguity, at, Option<SessionId>.None)
            : One(make(session.Version + 1));

    private static Either<Rejection, Seq<SessionEvent>> End(Session session, ReasonCode reason, Instant at, Option<SessionId> successor) =>
        One(new SessionEvent.Terminated(session.Version + 1, at, reason, successor));

    private static Either<Rejection, Seq<SessionEvent>> One(SessionEvent happened) => Right(Seq1(happened));

    private static Either<Rejection, Seq<SessionEvent>> Refuse(Session session, ReasonCode reason) => Refuse(session, reason, TimeSpan.Zero);

    private static Either<Rejection, Seq<SessionEvent>> Refuse(Session session, ReasonCode reason, TimeSpan retryAfter) =>
        Left(new Rejection(reason, session.BindingVersion, retryAfter));
}
