using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>An END that has not been answered. Outlives its session and owns the key that opens the answer.</summary>
/// <param name="Datagram">The END without cookie MAC.</param>
public sealed record SessionEnd(
    SessionId Session, SecretHandle Answer, ReadOnlyMemory<byte> Datagram, Hash256 RequestHash, Instant RetryAt, Instant GiveUpAt, int CookieRounds);

/// <summary>How a session ends, by the gateway's word or by ours, and what follows.</summary>
internal static class SessionEnds
{
    /// <summary>The session is over: its keys go, nothing of it flows any more, and unless the client stops it makes a new one.</summary>
    public static void EndLocally(ClientTurn turn, ReasonCode reason, string cause) => Close(turn, reason, cause, keepsFile: false, keepsAnswer: false);

    /// <summary>The gateway says that the session is no more: the first new handshake follows at once.</summary>
    public static void Gone(ClientTurn turn, ReasonCode reason) => EndLocally(turn, reason, "the gateway says so");

    /// <summary>
    /// The gateway has bound an instance that this host never was: somebody holds a copy of the client's state (REQ-HIJACK-3).
    /// It is told so under proof, and going on takes a new handshake with the private key.
    /// </summary>
    public static void ReportCopy(ClientTurn turn, InstanceId other)
    {
        turn.Warn($"another copy of this client (instance {other}) holds the session; it ends");
        bool isSent = TryStart(turn, EndKind.DualClient, other);
        Close(turn, ReasonCode.DualClient, "two copies of this client use it", keepsFile: false, keepsAnswer: isSent);
    }

    /// <summary>This side ends the session and leaves nothing to come back to.</summary>
    public static void EndForGood(ClientTurn turn, string cause)
    {
        bool isSent = TryStart(turn, EndKind.Explicit, default);
        Close(turn, ReasonCode.Explicit, cause, keepsFile: false, keepsAnswer: isSent);
    }

    /// <summary>The process stops, and a later one goes on with the session.</summary>
    public static void LeaveResumable(ClientTurn turn) => Close(turn, ReasonCode.None, "", keepsFile: true, keepsAnswer: false);

    public static void ReceiveEnded(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (!Ended.TryRead(datagram, out Ended ended))
        {
            turn.Reject(datagram.Length == Ended.Size ? ReasonCode.Malformed : ReasonCode.BadLength, "ENDED on " + path.Name);
            return;
        }
        if (turn.State.End is { } end && ended.Session == end.Session && Answers.Verify(turn.Crypto, end.Answer, end.RequestHash, datagram, Ended.MacOffset))
        {
            Forget(turn);
            return;
        }
        // An end that we did not ask for answers no request: its MAC covers a hash of zeros.
        if (turn.State.Session is { } session && ended.Session == session.Id
            && Answers.Verify(turn.Crypto, session.Secrets.Answer, default, datagram, Ended.MacOffset))
        {
            EndLocally(turn, (ReasonCode)ended.Reason, "the gateway ended it");
            return;
        }
        turn.Reject(ReasonCode.BadMac, "ENDED on " + path.Name);
    }

    /// <summary>A REFUSED that answers the END: the gateway has nothing left to end.</summary>
    public static bool TryReceiveRefused(ClientTurn turn, Refused refused, ReadOnlySpan<byte> datagram)
    {
        if (turn.State.End is not { } end || refused.Session != end.Session
            || !Answers.Verify(turn.Crypto, end.Answer, end.RequestHash, datagram, Refused.MacOffset))
            return false;
        if (refused.Reason == (ushort)ReasonCode.Gone) Forget(turn);
        return true;
    }

    public static void RepeatWithCookie(ClientTurn turn, ClientPath path, SessionEnd end)
    {
        if (end.CookieRounds >= ClientLimits.CookieRepeats) return;
        turn.Send(path, Cookies.Stamp(turn, path, end.Datagram, End.CookieMacOffset));
        turn.State = turn.State with { End = end with { CookieRounds = end.CookieRounds + 1 } };
    }

    public static void Run(ClientTurn turn)
    {
        if (turn.State.End is not { } end) return;
        if (end.GiveUpAt <= turn.Now) Forget(turn);
        else if (end.RetryAt <= turn.Now) Send(turn, end);
    }

    public static Instant Deadline(ClientState state) => state.End is { } end ? Instant.Min(end.RetryAt, end.GiveUpAt) : Instant.Never;

    /// <summary>Stops to wait for the answer.</summary>
    public static void Forget(ClientTurn turn)
    {
        if (turn.State.End is not { } end) return;
        turn.Crypto.Release(end.Answer);
        turn.State = turn.State with { End = null };
    }

    /// <summary>False if no nonce may be used: then the gateway learns of the end by the next handshake.</summary>
    private static bool TryStart(ClientTurn turn, EndKind kind, InstanceId other)
    {
        ClientSession session = turn.State.Session!;
        if (!session.Nonces.HasOne) return false;
        Forget(turn);
        byte[] datagram = new byte[End.Size];
        new End(session.Id, session.Nonces.Next, turn.State.Instance, other, kind).Write(datagram, session.Ticket.Span);
        turn.Crypto.Mac(session.Secrets.Proof, datagram.AsSpan(0, End.ProofOffset), datagram.AsSpan(End.ProofOffset, ProtocolConstants.ProofSize));
        turn.State = turn.State with { Session = session with { Nonces = session.Nonces with { Next = session.Nonces.Next + 1 } } };
        Send(turn, new SessionEnd(
            session.Id, session.Secrets.Answer, datagram, turn.Crypto.Sha256(datagram.AsSpan(0, End.CookieMacOffset)),
            turn.Now, turn.Now + ClientLimits.EndPatience, 0));
        return true;
    }

    /// <summary>On the bound path and the best others, since any of them will do.</summary>
    private static void Send(ClientTurn turn, SessionEnd end)
    {
        ClientPath? bound = turn.State.BoundPath is { IsOpen: true } open ? open : null;
        IEnumerable<ClientPath> others = turn.State.OpenPaths.Where(path => path.Id != bound?.Id);
        foreach (ClientPath path in (bound is null ? others : others.Prepend(bound)).Take(ClientLimits.FirstCandidates))
            turn.Send(path, Cookies.Stamp(turn, path, end.Datagram, End.CookieMacOffset));
        turn.State = turn.State with { End = end with { RetryAt = turn.Now + ClientLimits.EndRetry } };
    }

    private static void Close(ClientTurn turn, ReasonCode reason, string cause, bool keepsFile, bool keepsAnswer)
    {
        ClientReattaches.Clear(turn);
        ClientSession session = turn.State.Session!;
        if (!keepsFile)
        {
            turn.State = turn.State with { Session = session with { State = SessionState.Terminated, LastReason = reason, Bound = null } };
            BoundArrival.Report(turn, session.State, reason, cause);
            StateSaving.Forget(turn);
        }
        if (session.IsOpen) turn.Emit(new ClientEffect.CloseSession(session.Id));
        // A write of the state file that was asked for in this step still reads the root.
        turn.Emit(new ClientEffect.Forget(session.Secrets.Root));
        turn.Crypto.Release(session.Secrets.Proof);
        turn.Crypto.Release(session.Secrets.Probe);
        if (!keepsAnswer) turn.Crypto.Release(session.Secrets.Answer);
        bool wasSettled = turn.Now - session.Since >= ClientLimits.SettledAfter;
        int failures = (wasSettled ? 0 : turn.State.Connect.Failures) + 1;
        // Who was told why to go does not come back at once (an operator's word, another start of the same client).
        int steps = reason is ReasonCode.Gone or ReasonCode.DualClient or ReasonCode.Ambiguity ? failures : failures + 1;
        turn.State = turn.State with
        {
            Session = null,
            Ended = new(session.Id, reason),
            Connect = new(turn.Now + ClientHandshakes.Pause(turn, steps), failures),
            Selection = turn.State.Selection.Detach(),
            IsArmed = false,
            DisownedAt = Instant.Never,
        };
    }
}

/// <summary>The last session that ended, and why; shown until the next one begins.</summary>
public sealed record EndedSession(SessionId Id, ReasonCode Reason);
