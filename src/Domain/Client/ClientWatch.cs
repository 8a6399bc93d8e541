using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// Where the protocol meets the selection of paths: tells it what happens, asks it at the end of a step, and carries out
/// what it says. Which path to try is its decision alone.
/// </summary>
internal static class ClientWatch
{
    /// <summary>The first transport of a session.</summary>
    public static void Established(ClientTurn turn, PathId path) =>
        Take(turn, turn.State.Selection with { Policy = turn.State.Session!.Policy }, selection => selection.Attach(path, turn.Now));

    /// <summary>The gateway has bound a reattach.</summary>
    public static void Rebound(ClientTurn turn, PathId path, ReattachKind kind) =>
        Take(turn, turn.State.Selection with { Policy = turn.State.Session!.Policy },
            selection => kind == ReattachKind.Resume ? selection.Attach(path, turn.Now) : selection.Bind(path, kind, turn.Now));

    /// <summary>The path's socket is there, for the first time or again.</summary>
    public static void Opened(ClientTurn turn, ClientPath path)
    {
        PathSelection selection = turn.State.Selection;
        if (!selection.Paths.ContainsKey(path.Id)) selection.TryAdd(path.Id, path.Rank, out selection);
        else selection = path.IsRebound ? selection.AddressChanged(path.Id) : selection.LinkFound(path.Id);
        turn.State = turn.State with { Selection = selection };
    }

    public static void Ranked(ClientTurn turn, ClientPath path)
    {
        if (turn.State.Selection.Paths.ContainsKey(path.Id) && turn.State.Selection.TryAdd(path.Id, path.Rank, out PathSelection selection))
            turn.State = turn.State with { Selection = selection };
    }

    public static void Lost(ClientTurn turn, PathId path) => turn.State = turn.State with { Selection = turn.State.Selection.LinkLost(path) };

    public static void Removed(ClientTurn turn, PathId path) => turn.State = turn.State with { Selection = turn.State.Selection.Remove(path) };

    public static void SendFailed(ClientTurn turn, ClientInput.SendFailed failed)
    {
        ClientPath? path = turn.State.Paths.Values.FirstOrDefault(path => path.Socket == failed.Socket && path.IsOpen);
        if (path is null) return;
        switch (failed.Problem)
        {
            case SendProblem.Local:
                Lost(turn, path.Id);
                // The socket stays: what the host refuses now it may allow again, and then a probe shows it.
                turn.Put(path with { RetryAt = turn.Now + turn.Jitter(ClientLimits.SocketRetry) });
                break;
            case SendProblem.Icmp:
                turn.State = turn.State with { Selection = turn.State.Selection.ErrorClaimed(path.Id) };
                break;
            case SendProblem.TooBig:
                MtuProbing.TooBig(turn, path);
                break;
            default:
                throw new InvalidOperationException("an unknown kind of send problem");
        }
    }

    public static void TrafficResumed(ClientTurn turn) => turn.State = turn.State with { TrafficAt = turn.Now, IsArmed = false };

    /// <summary>True if the selection has been told something in this step, or wants to be asked now.</summary>
    public static bool IsDue(ClientTurn turn) =>
        turn.State.SelectAt <= turn.Now
        || !ReferenceEquals(turn.State.Selection, turn.Before.Selection)
        || turn.State.TrafficAt != turn.Before.TrafficAt
        || turn.State.Life != turn.Before.Life;

    /// <summary>Asks the selection and does what it says.</summary>
    public static void Run(ClientTurn turn)
    {
        if (turn.State is not { Life: ClientLife.Running, Session: { } session })
        {
            turn.State = turn.State with { SelectAt = Instant.Never };
            return;
        }
        Instant lastTraffic = Instant.Max(turn.State.TrafficAt, Instant.Max(turn.Counters.LastReceived, turn.Counters.LastSent));
        PathStep step = turn.State.Selection.Step(turn.Now, lastTraffic);
        turn.State = turn.State with { Selection = step.Next, SelectAt = step.WakeAt };
        Act(turn, step.Decision);
        foreach (PathId id in step.Probes)
            if (turn.State.PathOf(id) is { IsOpen: true } path) ClientProbes.Send(turn, path);
        bool isIdle = turn.Now - lastTraffic >= session.Policy.ReportLinger;
        if (!isIdle || turn.State.IsArmed || turn.State.Session is not { Bound: not null, IsOpen: true }) return;
        turn.Emit(new ClientEffect.ArmTrafficResumed(session.Id));
        turn.State = turn.State with { IsArmed = true };
    }

    /// <summary>Nothing answers on any path: perhaps the gateway has another address now.</summary>
    public static void RunResolve(ClientTurn turn)
    {
        if (ResolveAt(turn.State) > turn.Now) return;
        if (turn.State.ResolvedAt <= turn.State.AnsweredAt) turn.Warn("the gateway does not answer on any path");
        turn.Emit(new ClientEffect.Resolve());
        turn.State = turn.State with { ResolvedAt = turn.Now };
    }

    public static Instant Deadline(ClientState state) => Instant.Min(state.SelectAt, ResolveAt(state));

    private static Instant ResolveAt(ClientState state)
    {
        bool isAttached = state.Session is { Bound: not null, State: not SessionState.Recovering };
        if (state.Life != ClientLife.Running || isAttached) return Instant.Never;
        return Instant.Max(state.AnsweredAt, state.ResolvedAt) + ClientLimits.ResolveAfter;
    }

    private static void Act(ClientTurn turn, PathDecision decision)
    {
        switch (decision)
        {
            case PathDecision.Stay:
                break;
            case PathDecision.Switch change:
                ClientReattaches.Begin(turn, change.Kind, Cause(turn, change), change.Alternative is { } other ? [change.To, other] : [change.To]);
                break;
            case PathDecision.AllSilent silent:
                bool isCertain = turn.State.Selection.Bound is { } bound
                    && turn.State.Selection.Paths.TryGetValue(bound, out PathEntry? entry) && !entry.Health.IsLinkUp;
                ClientReattaches.Begin(turn, ReattachKind.Dead, isCertain ? "the uplink is gone" : "nothing answers", silent.Best, !isCertain);
                break;
            default:
                throw new InvalidOperationException("an unknown decision");
        }
    }

    private static string Cause(ClientTurn turn, PathDecision.Switch change)
    {
        string from = turn.State.Session?.Bound?.Uplink ?? "-";
        return change.Cause switch
        {
            MoveCause.Dead => from + " is dead",
            MoveCause.Quality => from + " is worse than another path",
            MoveCause.Return => "back to a preferred path",
            MoveCause.Rebound => "the address of " + from + " changed",
            _ => throw new InvalidOperationException("an unknown cause"),
        };
    }

    private static void Take(ClientTurn turn, PathSelection selection, Func<PathSelection, PathSelection> change) =>
        turn.State = turn.State with
        {
            Selection = change(selection) with { IsDegraded = turn.State.Session!.State == SessionState.Degraded },
            AnsweredAt = turn.Now,
            DisownedAt = Instant.Never,
            IsArmed = false,
            TrafficAt = turn.Now,
        };
}
