using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// When a reattach begins, which paths it tries and when it is given up (DESIGN 5.4). How one attempt goes is in
/// <see cref="ReattachAttempts"/>.
/// </summary>
internal static class ClientReattaches
{
    /// <summary>About a second and a half.</summary>
    private const int RoundsPerTurn = 8;

    /// <summary>
    /// Begins a reattach, or turns the one under way into a more urgent one. An urgent one tries its paths in this same step.
    /// </summary>
    /// <param name="preferred">The paths to try first; a gentle reattach tries no other.</param>
    /// <param name="isTentative">Silence is the only sign: the bound path's answer would call it off.</param>
    public static void Begin(ClientTurn turn, ReattachKind kind, string cause, ImmutableArray<PathId> preferred, bool isTentative = false)
    {
        if (turn.State is not { Session: { } session, Life: ClientLife.Running }) return;
        bool isGentle = kind is ReattachKind.Voluntary or ReattachKind.Rekey;
        if (isGentle && (turn.State.Reattach is not null || turn.Now < turn.State.GentleAt || session.Bound is null)) return;
        if (turn.State.Reattach is { IsGentle: false } current && (isTentative || !current.IsTentative))
        {
            if (!isTentative && kind == ReattachKind.Dead) Urge(turn, current, cause, preferred);
            return;
        }
        // What is confirmed may have been committed: it goes on. The rest names another kind and starts afresh.
        if (turn.State.Reattach?.Kind != kind) DropWhere(turn, attempt => attempt.Stage is ReattachStage.Preparing);
        isTentative &= turn.State.Reattach is not { IsConfirming: true };
        if (kind == ReattachKind.Dead && !isTentative) MarkRecovering(turn, cause);
        Reattach? before = turn.State.Reattach;
        turn.State = turn.State with
        {
            Reattach = new Reattach
            {
                Kind = kind,
                Cause = cause,
                Preferred = preferred,
                IsTentative = isTentative,
                StartedAt = turn.Now,
                RoundAt = turn.Now,
                NotBefore = before is { IsGentle: false } ? before.NotBefore : Instant.Zero,
                Attempts = before?.Attempts ?? [],
            },
        };
        Round(turn);
    }

    /// <summary>Repeats, widens and gives up what is due.</summary>
    public static void Run(ClientTurn turn)
    {
        if (turn.State.Reattach is not { } reattach) return;
        if (reattach.IsGentle && turn.Now - reattach.StartedAt >= ClientLimits.GentleReattachPatience)
        {
            Abandon(turn, "not answered: " + reattach.Cause);
            return;
        }
        foreach (ReattachAttempt attempt in reattach.Attempts)
        {
            if (attempt.RetryAt > turn.Now) continue;
            if (attempt.Stage is ReattachStage.Preparing && turn.Now - attempt.StartedAt >= ClientLimits.PrepareLifetime) Drop(turn, attempt);
            else ReattachAttempts.Repeat(turn, attempt);
        }
        if (reattach.IsTentative && reattach.StartedAt + ClientLimits.TentativeFor <= turn.Now)
        {
            turn.State = turn.State with { Reattach = turn.State.Reattach with { IsTentative = false } };
            MarkRecovering(turn, reattach.Cause);
        }
        if (reattach.IsRebound && reattach.StartedAt + ClientLimits.TentativeFor <= turn.Now) Urge(turn, turn.State.Reattach, reattach.Cause, reattach.Preferred);
        if (turn.State.Reattach.RoundAt <= turn.Now) Round(turn);
    }

    public static Instant Deadline(ClientState state)
    {
        if (state.Reattach is not { } reattach) return Instant.Never;
        Instant at = reattach.RoundAt;
        if (reattach.IsGentle) at = Instant.Min(at, reattach.StartedAt + ClientLimits.GentleReattachPatience);
        if (reattach.IsTentative || reattach.IsRebound) at = Instant.Min(at, reattach.StartedAt + ClientLimits.TentativeFor);
        foreach (ReattachAttempt attempt in reattach.Attempts) at = Instant.Min(at, attempt.RetryAt);
        return at;
    }

    /// <summary>A path can be used now: a reattach that has been waiting for one tries it at once.</summary>
    public static void PathOpened(ClientTurn turn, PathId path)
    {
        if (turn.State.Reattach is { IsGentle: false } reattach && (!reattach.IsConfirming || reattach.Preferred.Contains(path))) Round(turn);
    }

    /// <summary>Nonces can be used again: a reattach that has been waiting for them goes on.</summary>
    public static void NoncesReady(ClientTurn turn)
    {
        if (turn.State.Reattach is { Attempts.IsEmpty: true }) Round(turn);
    }

    /// <summary>The gateway has shown that it lives: try eagerly again.</summary>
    public static void Hurry(ClientTurn turn)
    {
        if (turn.State.Reattach is not { } reattach) return;
        DropWhere(turn, attempt => attempt.Stage is ReattachStage.Preparing);
        turn.State = turn.State with { Reattach = turn.State.Reattach! with { StartedAt = turn.Now, Rounds = reattach.Rounds + 1 } };
        Round(turn);
    }

    /// <summary>The bound path has answered after all: what only a silence set off, and nothing has confirmed, is called off.</summary>
    public static void CallOff(ClientTurn turn)
    {
        if (turn.State.Reattach is not { IsTentative: true, IsConfirming: false }) return;
        DropWhere(turn, _ => true);
        turn.State = turn.State with { Reattach = null };
    }

    /// <summary>It has been bound, or the session is over: every attempt's secrets go.</summary>
    public static void Clear(ClientTurn turn)
    {
        foreach (ReattachAttempt attempt in turn.State.Reattach?.Attempts ?? []) attempt.Stage.Release(turn.Crypto);
        turn.State = turn.State with { Reattach = null };
    }

    /// <summary>Gives up: with it go the epochs that it installed.</summary>
    public static void Abandon(ClientTurn turn, string why)
    {
        if (turn.State.Reattach is not { } reattach) return;
        DropWhere(turn, _ => true);
        turn.State = turn.State with { Reattach = null, GentleAt = Instant.Max(reattach.NotBefore, turn.Now + ClientLimits.GentleRetryPause) };
        turn.Reject(ReasonCode.NotConfirmed, why + " (" + reattach.Kind + ")");
    }

    public static void DropWhere(ClientTurn turn, Func<ReattachAttempt, bool> isDropped)
    {
        foreach (ReattachAttempt attempt in turn.State.Reattach?.Attempts ?? [])
            if (isDropped(attempt)) Drop(turn, attempt);
    }

    public static void RepeatWithCookie(ClientTurn turn, ClientPath path, ReattachAttempt attempt)
    {
        if (attempt.CookieRounds >= ClientLimits.CookieRepeats) return;
        turn.Send(path, Cookies.Stamp(turn, path, attempt.Datagram, Prepare.CookieMacOffset));
        Replace(turn, attempt, attempt with { CookieRounds = attempt.CookieRounds + 1 });
    }

    public static void Replace(ClientTurn turn, ReattachAttempt old, ReattachAttempt next)
    {
        Reattach reattach = turn.State.Reattach!;
        turn.State = turn.State with { Reattach = reattach with { Attempts = reattach.Attempts.Replace(old, next) } };
    }

    /// <summary>
    /// Forgets an attempt. The epoch that it may have installed goes too, unless the data plane sends under it: then it stays
    /// until another takes its place.
    /// </summary>
    public static void Drop(ClientTurn turn, ReattachAttempt attempt)
    {
        Reattach reattach = turn.State.Reattach!;
        attempt.Stage.Release(turn.Crypto);
        turn.State = turn.State with { Reattach = reattach with { Attempts = reattach.Attempts.Remove(attempt) } };
        ClientSession session = turn.State.Session!;
        if (attempt.Stage is not ReattachStage.Confirming || session.SendingIndex == attempt.LocalIndex) return;
        turn.Emit(new ClientEffect.RemoveEpoch(session.Id, attempt.LocalIndex));
        turn.State = turn.State with { Session = session with { Epochs = session.Epochs.RemoveAll(epoch => epoch.LocalIndex == attempt.LocalIndex) } };
    }

    /// <summary>Removes epochs that nothing stands for any more: their attempts were dropped while the data plane still sent under them.</summary>
    public static void SweepEpochs(ClientTurn turn)
    {
        ClientSession session = turn.State.Session!;
        foreach (InstalledEpoch epoch in session.Epochs)
        {
            bool isNeeded = epoch.LocalIndex == session.SendingIndex || epoch.LocalIndex == session.CommittedIndex || epoch.RemoveAt != Instant.Never
                || turn.State.Reattach!.Attempts.Any(attempt => attempt.LocalIndex == epoch.LocalIndex);
            if (isNeeded) continue;
            turn.Emit(new ClientEffect.RemoveEpoch(session.Id, epoch.LocalIndex));
            turn.State = turn.State with { Session = turn.State.Session! with { Epochs = turn.State.Session.Epochs.Remove(epoch) } };
        }
    }

    /// <summary>Prepares what should be tried and is not. Comes again until something is bound.</summary>
    public static void Round(ClientTurn turn)
    {
        Reattach reattach = turn.State.Reattach!;
        if (reattach.NotBefore > turn.Now)
        {
            turn.State = turn.State with { Reattach = reattach with { RoundAt = reattach.NotBefore } };
            return;
        }
        foreach (ClientPath path in Candidates(turn, reattach))
        {
            if (turn.State.Reattach!.Attempts.Any(attempt => attempt.Path == path.Id && attempt.Stage is ReattachStage.Preparing)) continue;
            if (!turn.State.Session!.Nonces.HasOne) break;
            MakeRoom(turn);
            ReattachAttempts.Start(turn, path, KindFor(turn, path));
        }
        reattach = turn.State.Reattach!;
        TimeSpan pause = turn.Now - reattach.StartedAt < ClientLimits.EagerFor
            ? Backoff.Double(ClientLimits.PrepareRetry, reattach.Rounds, ClientLimits.PrepareRetryEager)
            : turn.Jitter(ClientLimits.PrepareRetryMax);
        turn.State = turn.State with { Reattach = reattach with { Rounds = reattach.Rounds + 1, RoundAt = turn.Now + pause } };
    }

    /// <summary>
    /// Which paths to try in this round. A gentle reattach has its own. A rebound path has a moment for itself. When a path is
    /// dead the two best others come first, and with every round that nobody answers two more.
    /// </summary>
    private static IEnumerable<ClientPath> Candidates(ClientTurn turn, Reattach reattach)
    {
        ImmutableArray<ClientPath> preferred = [.. reattach.Preferred.Select(turn.State.PathOf).OfType<ClientPath>().Where(path => path.IsOpen)];
        if (reattach.IsGentle) return reattach.IsConfirming ? [] : preferred;
        if (Waits(turn, reattach)) return [];
        if (reattach.IsRebound && turn.Now - reattach.StartedAt < Alone(turn.State, reattach)) return preferred;
        if (reattach.Rounds == 0 && !preferred.IsEmpty) return preferred.Take(ClientLimits.FirstCandidates);
        ImmutableArray<ClientPath> all = [.. preferred.Union(turn.State.Selection.Best(turn.Now).Select(turn.State.PathOf).OfType<ClientPath>().Where(path => path.IsOpen))];
        int confirming = reattach.Attempts.Count(attempt => attempt.Stage is ReattachStage.Confirming);
        int count = Math.Min(ClientLimits.FirstCandidates * (reattach.Rounds + 1), Math.Max(1, ProtocolConstants.MaxPendingReattaches - confirming));
        // More paths than may be pending: when the best have had their time, the others take turns.
        int skip = all.Length <= count ? 0 : reattach.Rounds / RoundsPerTurn * count % all.Length;
        return all.Skip(skip).Concat(all.Take(skip)).Take(count);
    }

    /// <summary>
    /// True while a confirmed attempt still has time for its BOUND. A store may be slow, a gateway may wait for a dead node's lease, and the
    /// BOUND must still find the attempt here: with each one that waits, on whatever path, the next one waits twice as long.
    /// </summary>
    private static bool Waits(ClientTurn turn, Reattach reattach)
    {
        int waiting = 0;
        foreach (ReattachAttempt attempt in reattach.Attempts)
            if (attempt.Stage is ReattachStage.Confirming confirming && turn.Now - confirming.Since < Patience(turn.State, attempt.Path) * (1 << waiting++)) return true;
        return false;
    }

    /// <summary>
    /// One more certain sign that the bound path is dead: it may bring other paths to try first, but the pace of the reattach
    /// that is under way stays as it is.
    /// </summary>
    private static void Urge(ClientTurn turn, Reattach current, string cause, ImmutableArray<PathId> preferred)
    {
        if (current.IsRebound) MarkRecovering(turn, cause);
        bool isNew = current.IsRebound || preferred.Except(current.Preferred).Any();
        turn.State = turn.State with
        {
            Reattach = turn.State.Reattach! with { Kind = current.IsRebound ? ReattachKind.Dead : current.Kind, Preferred = preferred, Cause = cause },
        };
        if (isNew) Round(turn);
    }

    /// <summary>How long a rebound path is tried alone: for its first message and the answer, and not less than until that is repeated.</summary>
    private static TimeSpan Alone(ClientState state, Reattach reattach)
    {
        TimeSpan alone = ClientLimits.PrepareRetry;
        foreach (PathId path in reattach.Preferred)
        {
            TimeSpan needed = TwoRoundTrips(state, path);
            if (needed > alone) alone = needed;
        }
        return alone < ClientLimits.ReboundAlone ? alone : ClientLimits.ReboundAlone;
    }

    /// <summary>How long a CONFIRM on a path waits for its BOUND.</summary>
    private static TimeSpan Patience(ClientState state, PathId path)
    {
        TimeSpan expected = TwoRoundTrips(state, path);
        return expected > ClientLimits.ReattachPatience ? expected : ClientLimits.ReattachPatience;
    }

    private static TimeSpan TwoRoundTrips(ClientState state, PathId path) =>
        state.Selection.Paths.TryGetValue(path, out PathEntry? entry) ? 2 * entry.Health.Rtt.Expected : TimeSpan.Zero;

    private static ReattachKind KindFor(ClientTurn turn, ClientPath path)
    {
        ClientSession session = turn.State.Session!;
        Reattach reattach = turn.State.Reattach!;
        // Until a BOUND names this process, the gateway takes it only as one that resumes.
        if (session.BoundInstance != turn.State.Instance) return ReattachKind.Resume;
        if (reattach.IsGentle) return reattach.Kind;
        return session.Bound?.Path == path.Id && reattach.IsRebound ? reattach.Kind : ReattachKind.Dead;
    }

    /// <summary>
    /// The gateway remembers four. One of ours that waits for an answer gives way before one that is confirmed, and of these not the first,
    /// which the gateway may be storing, and not the one that data goes under.
    /// </summary>
    private static void MakeRoom(ClientTurn turn)
    {
        ImmutableArray<ReattachAttempt> attempts = turn.State.Reattach!.Attempts;
        if (attempts.Length < ProtocolConstants.MaxPendingReattaches) return;
        uint sending = turn.State.Session!.SendingIndex;
        Drop(turn, attempts.FirstOrDefault(attempt => attempt.Stage is ReattachStage.Preparing) ?? attempts.Skip(1).First(attempt => attempt.LocalIndex != sending));
    }

    /// <summary>From now on nothing is bound, as far as the client can tell.</summary>
    public static void MarkRecovering(ClientTurn turn, string cause)
    {
        ClientSession session = turn.State.Session!;
        if (!session.State.IsBound()) return;
        turn.State = turn.State with { Session = session with { State = SessionState.Recovering, LastReason = ReasonCode.TransportDead } };
        BoundArrival.Report(turn, session.State, ReasonCode.TransportDead, cause);
    }
}
