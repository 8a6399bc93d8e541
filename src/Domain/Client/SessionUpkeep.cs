using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>What goes on while a session lives: the gateway's frames, old epochs, new keys, the end of its life.</summary>
internal static class SessionUpkeep
{
    public static void ReceiveFrame(ClientTurn turn, ClientInput.FrameReceived input)
    {
        if (turn.State.Session is not { } session || session.Epochs.All(epoch => epoch.LocalIndex != input.LocalIndex)) return;
        if (!ControlFrame.TryRead(input.Bytes.Span, out ControlFrame frame))
        {
            turn.Reject(ReasonCode.Malformed, "a control frame");
            return;
        }
        switch (frame)
        {
            case ControlFrame.StateChanged changed:
                Mirror(turn, session, changed);
                break;
            case ControlFrame.Released released:
                if (released.Version < session.Version) break;
                turn.State = turn.State with { Session = session with { Version = released.Version } };
                ClientReattaches.Begin(turn, ReattachKind.Dead, "the gateway hands the session over", []);
                break;
            case ControlFrame.EpochEnd:
                // Only a client says this.
                turn.Reject(ReasonCode.UnknownType, "a control frame");
                break;
            default:
                throw new InvalidOperationException("an unknown control frame");
        }
    }

    /// <summary>The data plane has switched to another epoch: the gateway learns where the old one ends.</summary>
    public static void TransportBound(ClientTurn turn, ClientInput.TransportBound input)
    {
        if (turn.State.Session is not { Ending: { } ending } session || ending.ReplacedBy != input.LocalIndex) return;
        turn.Emit(new ClientEffect.SendFrame(session.Id, new ControlFrame.EpochEnd(ending.RemoteIndex, input.OldEnd)));
        turn.State = turn.State with { Session = session with { Ending = null } };
    }

    /// <summary>
    /// The gateway has answered a handshake after a long silence about our session. It gets a moment to answer for the session
    /// too, since it may just have come back.
    /// </summary>
    public static void GatewayLives(ClientTurn turn)
    {
        ClientHandshakes.DropWhere(turn, _ => true);
        turn.State = turn.State with { DisownedAt = turn.Now };
        ClientReattaches.Hurry(turn);
    }

    /// <summary>An authentic word about our session, of whatever kind.</summary>
    public static void GatewayAnswered(ClientTurn turn)
    {
        if (turn.State.Session is not null && !turn.State.Handshakes.IsEmpty) ClientHandshakes.DropWhere(turn, _ => true);
        turn.State = turn.State with { AnsweredAt = turn.Now, DisownedAt = Instant.Never };
    }

    public static void Run(ClientTurn turn)
    {
        if (turn.State is not { Session: { } session, Life: ClientLife.Running }) return;
        if (turn.State.DisownedAt != Instant.Never && turn.State.DisownedAt + ClientLimits.DisownedAfter <= turn.Now)
        {
            SessionEnds.EndLocally(turn, ReasonCode.RecoveryWindowExceeded, "the gateway lives and does not answer for it");
            return;
        }
        if (session.ExpiresAt <= turn.Now && session.State == SessionState.Recovering)
        {
            SessionEnds.EndLocally(turn, ReasonCode.TtlExpired, "its lifetime is over");
            return;
        }
        foreach (InstalledEpoch epoch in session.Epochs)
        {
            if (epoch.RemoveAt > turn.Now) continue;
            turn.Emit(new ClientEffect.RemoveEpoch(session.Id, epoch.LocalIndex));
            session = session with { Epochs = session.Epochs.Remove(epoch) };
            turn.State = turn.State with { Session = session };
        }
        bool isUsedUp = turn.Counters.LocalIndex == session.CommittedIndex && turn.Counters.Sent >= (ulong)session.Policy.RekeyPackets
            && turn.Now >= session.KeyedAt + session.Policy.RekeySpacing;
        if (session.Bound is { } bound && session.State.IsBound() && (isUsedUp || turn.Now >= session.KeyedAt + session.Policy.RekeyInterval))
            ClientReattaches.Begin(turn, ReattachKind.Rekey, "new keys", [bound.Path]);
    }

    public static Instant Deadline(ClientState state)
    {
        if (state is not { Session: { } session, Life: ClientLife.Running }) return Instant.Never;
        Instant at = session.State == SessionState.Recovering ? session.ExpiresAt : Instant.Never;
        at = Instant.Min(at, state.DisownedAt + ClientLimits.DisownedAfter);
        foreach (InstalledEpoch epoch in session.Epochs) at = Instant.Min(at, epoch.RemoveAt);
        if (session.Bound is null || !session.State.IsBound() || state.Reattach is not null) return at;
        return Instant.Min(at, Instant.Max(state.GentleAt, session.KeyedAt + session.Policy.RekeyInterval));
    }

    private static void Mirror(ClientTurn turn, ClientSession session, ControlFrame.StateChanged changed)
    {
        var to = (SessionState)changed.State;
        // Frames can overtake each other; a state without a transport comes by other messages.
        if (changed.Version <= session.Version || !to.IsBound() || !session.State.IsBound()) return;
        turn.State = turn.State with
        {
            Session = session with { State = to, Version = changed.Version, LastReason = (ReasonCode)changed.Reason },
            Selection = turn.State.Selection with { IsDegraded = to == SessionState.Degraded },
        };
        BoundArrival.Report(turn, session.State, (ReasonCode)changed.Reason, "the gateway says so");
    }
}
