using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>Reattach and claim: the two ways to bind another transport.</summary>
public static partial class SessionDecider
{
    private static Either<Rejection, Seq<SessionEvent>> DecideReattach(
        Session session, SessionCommand.Reattach command, Instant at, SessionPolicy policy)
    {
        ReattachRequest request = command.Request;
        return RefuseStale(session, request).Match(
            reason => Refuse(session, reason),
            () => Overdue(session, at).IfNoneElse(() =>
            {
                if (IsWrongInstance(session, request)) return Refuse(session, ReasonCode.WrongInstance);
                if (request.Kind == ReattachKind.Rekey && IsOnBoundPath(session, request)) return DecideRekey(session, request, at, policy);
                return Admit(session, request.Kind, session.State.IsBound(), at, policy).Match(
                    budgets => RunsOut(session)
                        ? End(session, ReasonCode.Ambiguity, at, Option<SessionId>.None)
                        : One(new SessionEvent.TransportSwitched(
                            session.Version + 1, at, BindingOf(session, command.By, request, budgets, at, policy))),
                    rejection => rejection);
            }));
    }

    private static Either<Rejection, Seq<SessionEvent>> DecideClaim(
        Session session, SessionCommand.Claim command, Instant at, SessionPolicy policy)
    {
        // Who owns the session has nothing to claim.
        if (session.Owner.Exists(owner => owner == command.By)) return Refuse(session, ReasonCode.WrongState);
        ReattachRequest request = command.Request;
        return RefuseStale(session, request).Match(
            reason => Refuse(session, reason),
            () => Overdue(session, at).IfNoneElse(() =>
            {
                if (IsWrongInstance(session, request)) return Refuse(session, ReasonCode.WrongInstance);
                // A released or fenced owner's transport is dead, whatever the state says.
                return Admit(session, request.Kind, false, at, policy).Match(
                    budgets => RunsOut(session) || session.OwnershipEpoch >= SessionLimits.MaxVersion
                        ? End(session, ReasonCode.Ambiguity, at, Option<SessionId>.None)
                        : One(new SessionEvent.OwnershipClaimed(
                            session.Version + 1, at, command.By, session.OwnershipEpoch + 1,
                            session.Owner, BindingOf(session, command.By, request, budgets, at, policy))),
                    rejection => rejection);
            }));
    }

    private static Either<Rejection, Seq<SessionEvent>> DecideRekey(
        Session session, ReattachRequest request, Instant at, SessionPolicy policy)
    {
        Instant allowed = session.LastKeyedAt + policy.RekeySpacing;
        if (at < allowed) return Refuse(session, ReasonCode.Cooldown, allowed - at);
        return RunsOut(session)
            ? End(session, ReasonCode.Ambiguity, at, Option<SessionId>.None)
            : One(new SessionEvent.KeysRotated(session.Version + 1, at, request.Nonce, session.KeyEpoch + 1));
    }

    /// <summary>REQ-REPLAY-1 and REQ-HIJACK-2: a used nonce and an outdated version change nothing.</summary>
    private static Option<ReasonCode> RefuseStale(Session session, ReattachRequest request)
    {
        if (request.Kind is < ReattachKind.Dead or > ReattachKind.Challenge) return ReasonCode.InvalidCommand;
        if (request.Nonce <= session.LastNonce) return ReasonCode.ReplayDetected;
        return request.ExpectedBindingVersion != session.BindingVersion ? ReasonCode.VersionMismatch : Option<ReasonCode>.None;
    }

    /// <summary>
    /// A new process of the client takes the session with Resume. Anything else from another instance is a copy, or a
    /// process that another has replaced: it is told the bound instance and may report DUAL_CLIENT.
    /// </summary>
    private static bool IsWrongInstance(Session session, ReattachRequest request) =>
        request.Kind != ReattachKind.Resume && request.Instance != session.Instance;

    private static bool IsOnBoundPath(Session session, ReattachRequest request) =>
        session.Transport.Exists(bound => bound.Remote == request.Transport.Remote && bound.Local == request.Transport.Local);

    private static bool RunsOut(Session session) =>
        session.Version >= SessionLimits.MaxVersion || session.KeyEpoch >= SessionLimits.MaxKeyEpoch;

    /// <summary>
    /// REQ-OSCILLATION-2: the budgets after the move, or why it must wait. A move for quality needs its own budget, the
    /// cooldown and a session that is not Degraded (REQ-OSCILLATION-3). A move from a dead or rebound path is never refused for longer than
    /// the spacing, however much of its budget an attacker has spent.
    /// </summary>
    private static Either<Rejection, SwitchBudgets> Admit(Session session, ReattachKind kind, bool isBound, Instant at, SessionPolicy policy)
    {
        TokenRate qualityRate = policy.QualityRate, recoveryRate = policy.RecoveryRate;
        SwitchBudgets budgets = session.Budgets;
        bool hasQuality = budgets.Quality.TryTake(at, qualityRate, out TokenBucket quality);
        if (kind == ReattachKind.Voluntary && isBound)
        {
            if (!hasQuality)
                return new Rejection(ReasonCode.BudgetExceeded, session.BindingVersion, budgets.Quality.Wait(at, qualityRate));
            Instant allowed = session.LastBoundAt + policy.Cooldown;
            if (at < allowed) return new Rejection(ReasonCode.Cooldown, session.BindingVersion, allowed - at);
            if (session.State == SessionState.Degraded)
                return new Rejection(ReasonCode.Cooldown, session.BindingVersion, policy.DegradedStabilityWindow);
            return budgets with { Quality = quality };
        }

        // Without a transport a voluntary move is a recovery too, but pays from its own budget while that lasts.
        if (kind == ReattachKind.Voluntary && hasQuality) return budgets with { Quality = quality };
        if (budgets.Recovery.TryTake(at, recoveryRate, out TokenBucket recovery)) return budgets with { Recovery = recovery };
        Instant spaced = session.LastBoundAt + policy.OverBudgetSpacing;
        return at >= spaced ? budgets : new Rejection(ReasonCode.BudgetExceeded, session.BindingVersion, spaced - at);
    }

    private static Binding BindingOf(
        Session session, Owner by, ReattachRequest request, SwitchBudgets budgets, Instant at, SessionPolicy policy) =>
        new(request.Kind, request.Nonce, session.KeyEpoch + 1, Bind(request.Transport, by, session.Version + 1, at), request.Instance,
            budgets.AreExceeded(at, policy) ? SessionState.Degraded : SessionState.Attached, budgets);
}
