using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>REFUSED: a proven request was not granted. Each reason has its own consequence; none is a sign of life of a path.</summary>
internal static class Refusals
{
    /// <summary>A gateway that asks for more is taken at this.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    /// <summary>After so many prompt repetitions the next ones come by the usual timers.</summary>
    private static readonly TimeSpan VersionPause = TimeSpan.FromSeconds(1);

    public static void Receive(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (!Refused.TryRead(datagram, out Refused refused))
        {
            turn.Reject(datagram.Length == Refused.Size ? ReasonCode.Malformed : ReasonCode.BadLength, "REFUSED on " + path.Name);
            return;
        }
        if (turn.State.Session is { } session && refused.Session == session.Id)
        {
            foreach (ReattachAttempt attempt in turn.State.Reattach?.Attempts ?? [])
            {
                if (attempt.Path != path.Id || TagOf(attempt.RequestHash) != refused.RequestTag
                    || !Answers.Verify(turn.Crypto, session.Secrets.Answer, attempt.RequestHash, datagram, Refused.MacOffset))
                    continue;
                Act(turn, session, attempt, refused);
                return;
            }
        }
        if (!SessionEnds.TryReceiveRefused(turn, refused, datagram)) turn.Reject(ReasonCode.BadMac, "REFUSED on " + path.Name);
    }

    private static void Act(ClientTurn turn, ClientSession session, ReattachAttempt attempt, Refused refused)
    {
        var reason = (ReasonCode)refused.Reason;
        SessionUpkeep.GatewayAnswered(turn);
        turn.Reject(reason, "the gateway refused: " + turn.State.Reattach!.Cause);
        if (reason == ReasonCode.Gone || reason.IsEnd())
        {
            SessionEnds.Gone(turn, reason);
            return;
        }
        if (refused.Instance != default && !session.Instances.Contains(refused.Instance))
        {
            SessionEnds.ReportCopy(turn, refused.Instance);
            return;
        }
        if (refused.BindingVersion != 0 && refused.BindingVersion < attempt.BindingVersion)
        {
            // REQ-SAFETY-1: the gateway has forgotten what it has granted.
            SessionEnds.EndLocally(turn, ReasonCode.Ambiguity, "the gateway named a version below one that it had named before");
            return;
        }
        ClientReattaches.Drop(turn, attempt);
        switch (reason)
        {
            case ReasonCode.VersionMismatch:
                AdoptVersion(turn, refused.BindingVersion);
                break;
            case ReasonCode.WrongInstance:
                // An earlier start of ours is bound: from now on the client says that it resumes.
                turn.State = turn.State with { Session = turn.State.Session! with { BoundInstance = refused.Instance } };
                RepeatPromptly(turn);
                break;
            case ReasonCode.ReplayDetected:
                RepeatPromptly(turn);
                break;
            default:
                Wait(turn, refused.WaitMilliseconds);
                break;
        }
    }

    /// <summary>
    /// The gateway has bound something that we have not heard of. What is confirmed goes on, since it may be just that; what is
    /// only prepared names the old version and is prepared anew.
    /// </summary>
    private static void AdoptVersion(ClientTurn turn, ulong version)
    {
        ClientSession session = turn.State.Session!;
        if (version > session.BindingVersion) turn.State = turn.State with { Session = session with { BindingVersion = version } };
        ClientReattaches.DropWhere(turn, attempt => attempt.Stage is ReattachStage.Preparing && attempt.BindingVersion < version);
        RepeatPromptly(turn);
    }

    private static void RepeatPromptly(ClientTurn turn)
    {
        Reattach reattach = turn.State.Reattach!;
        bool isPrompt = reattach.VersionRepeats < ClientLimits.VersionRepeats;
        turn.State = turn.State with
        {
            Reattach = reattach with { VersionRepeats = reattach.VersionRepeats + 1, RoundAt = isPrompt ? turn.Now : turn.Now + VersionPause },
        };
        if (isPrompt) ClientReattaches.Round(turn);
    }

    /// <summary>As long as the gateway says; a refusal that does not say leaves the timers as they are.</summary>
    private static void Wait(ClientTurn turn, uint milliseconds)
    {
        turn.State = turn.State with { Selection = turn.State.Selection.Refused(turn.Now, TimeSpan.FromMilliseconds(milliseconds)) };
        if (milliseconds == 0) return;
        var told = TimeSpan.FromMilliseconds(milliseconds);
        Instant until = turn.Now + (told < MaxWait ? told : MaxWait);
        Reattach reattach = turn.State.Reattach!;
        turn.State = turn.State with { Reattach = reattach with { NotBefore = until, RoundAt = until } };
        if (reattach.IsGentle) ClientReattaches.Abandon(turn, "the gateway asked to wait");
    }

    private static uint TagOf(Hash256 hash)
    {
        Span<byte> bytes = stackalloc byte[Hash256.Size];
        hash.Write(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }
}
