using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Client;

/// <summary>Runs the search of <see cref="PathMtu"/> on the paths that answer, and fits the tunnel to what it finds.</summary>
internal static class MtuProbing
{
    /// <summary>Between two probes of one path, so that the search is no burst.</summary>
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    /// <summary>Shortest time after which a padded probe counts as lost.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(500);

    public static void Run(ClientTurn turn)
    {
        if (turn.State is not { Life: ClientLife.Running, Session: not null }) return;
        foreach (ClientPath path in turn.State.Paths.Values)
        {
            if (!Answers(turn.State, path)) continue;
            if (path.Mtu.Waiting is { } waiting)
            {
                if (waiting.At + Wait(turn.State, path) > turn.Now) continue;
                bool answers = turn.State.Selection.Paths[path.Id].Health.LastAnsweredSentAt >= waiting.At;
                turn.Put(path with { Mtu = path.Mtu.Lost(answers, turn.Now + Spacing) });
                Fit(turn, path.Id);
            }
            else if (path.Mtu.NextAt <= turn.Now)
            {
                ClientPath searching = path with { Mtu = path.Mtu.Begin(path.Probes.Next, turn.Now) };
                ClientProbes.Send(turn, searching, searching.Mtu.ProbeLength(path.Remote));
                // A small one beside it tells the size's fault from the path's.
                ClientProbes.Send(turn, turn.State.PathOf(path.Id)!);
            }
        }
    }

    public static Instant Deadline(ClientState state)
    {
        if (state is not { Life: ClientLife.Running, Session: not null }) return Instant.Never;
        Instant at = Instant.Never;
        foreach (ClientPath path in state.Paths.Values)
            if (Answers(state, path)) at = Instant.Min(at, path.Mtu.Waiting is { } waiting ? waiting.At + Wait(state, path) : path.Mtu.NextAt);
        return at;
    }

    public static void Answered(ClientTurn turn, PathId id, SentProbe probe)
    {
        if (turn.State.PathOf(id) is not { Mtu.Waiting: { } waiting } path || waiting.Counter != probe.Counter) return;
        turn.Put(path with { Mtu = path.Mtu.Arrived(probe.Length, path.Remote, turn.Now) });
        Fit(turn, id);
    }

    /// <summary>The host refused a datagram for its size: a padded probe of ours, or data, if the path has become narrower.</summary>
    public static void TooBig(ClientTurn turn, ClientPath path)
    {
        turn.Put(path with { Mtu = path.Mtu.Waiting is not null ? path.Mtu.TooBig(turn.Now + Spacing) : path.Mtu.Again(turn.Now) });
        Fit(turn, path.Id);
    }

    private static bool Answers(ClientState state, ClientPath path) =>
        path.IsOpen && state.Selection.Paths.GetValueOrDefault(path.Id) is { Health: { State: PathState.Live, LastAnswerAt: not null } };

    private static TimeSpan Wait(ClientState state, ClientPath path)
    {
        TimeSpan expected = 2 * state.Selection.Paths[path.Id].Health.Rtt.Expected;
        return expected > MinWait ? expected : MinWait;
    }

    private static void Fit(ClientTurn turn, PathId id)
    {
        if (turn.State.Session?.Bound?.Path == id && turn.State.PathOf(id) is { } path) BoundArrival.FitMtu(turn, path);
    }
}
