using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>One attempt of a reattach: PREPARE, PREPARED, CONFIRM, and the BOUND that ends it.</summary>
internal static class ReattachAttempts
{
    public static void Start(ClientTurn turn, ClientPath path, ReattachKind kind)
    {
        ClientSession session = turn.State.Session!;
        SecretHandle ephemeral = turn.Draw();
        ulong nonce = session.Nonces.Next;
        var prepare = new Prepare(
            session.Id, turn.DrawIndex(), nonce, session.BindingVersion, turn.Crypto.PublicKeyOf(ephemeral), turn.State.Instance,
            path.Id.Value, kind, turn.Environment.Suites);
        byte[] datagram = new byte[Prepare.Size];
        prepare.Write(datagram, session.Ticket.Span);
        turn.Crypto.Mac(session.Secrets.Proof, Prepare.Proven(datagram), datagram.AsSpan(Prepare.ProofOffset, ProtocolConstants.ProofSize));
        var attempt = new ReattachAttempt
        {
            LocalIndex = prepare.SenderIndex,
            Path = path.Id,
            Kind = kind,
            Socket = path.Socket,
            Nonce = nonce,
            BindingVersion = session.BindingVersion,
            Datagram = datagram,
            RequestHash = turn.Crypto.Sha256(Prepare.Hashed(datagram)),
            StartedAt = turn.Now,
            Stage = new ReattachStage.Preparing(ephemeral),
            RetryAt = turn.Now + ClientLimits.PrepareRetry,
            Tries = 1,
        };
        turn.State = turn.State with
        {
            Session = session with { Nonces = session.Nonces with { Next = nonce + 1 } },
            Reattach = turn.State.Reattach! with { Attempts = turn.State.Reattach.Attempts.Add(attempt) },
        };
        turn.Send(path, Cookies.Stamp(turn, path, datagram, Prepare.CookieMacOffset));
        StateSaving.NonceTaken(turn);
    }

    public static void Repeat(ClientTurn turn, ReattachAttempt attempt)
    {
        if (turn.State.PathOf(attempt.Path) is not { } path) return;
        TimeSpan pause;
        if (attempt.Stage is ReattachStage.Confirming confirming)
        {
            // More than one token: somebody between us and the gateway makes up sources, and which token is ours shows only in BOUND.
            turn.Send(path, confirming.Confirms[^(1 + (attempt.Tries % confirming.Confirms.Length))]);
            pause = Backoff.Confirm(attempt.Tries + 1);
        }
        else
        {
            turn.Send(path, Cookies.Stamp(turn, path, attempt.Datagram, Prepare.CookieMacOffset));
            bool isEager = turn.Now - turn.State.Reattach!.StartedAt < ClientLimits.EagerFor;
            pause = Backoff.Double(ClientLimits.PrepareRetry, attempt.Tries, isEager ? ClientLimits.PrepareRetryEager : ClientLimits.PrepareRetryMax);
            if (!isEager) pause = turn.Jitter(pause);
        }
        ClientReattaches.Replace(turn, attempt, attempt with { Tries = attempt.Tries + 1, RetryAt = turn.Now + pause });
    }

    public static void ReceivePrepared(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (!Prepared.TryRead(datagram, out Prepared prepared))
        {
            turn.Reject(datagram.Length == Prepared.Size ? ReasonCode.Malformed : ReasonCode.BadLength, "PREPARED on " + path.Name);
            return;
        }
        ReattachAttempt? attempt = Find(turn, path, prepared.ReceiverIndex);
        if (attempt?.Stage is ReattachStage.Confirming confirming)
        {
            ConfirmAgain(turn, path, attempt, confirming, datagram);
            return;
        }
        if (attempt?.Stage is not ReattachStage.Preparing preparing)
        {
            turn.Reject(ReasonCode.UnknownReceiver, "PREPARED on " + path.Name);
            return;
        }
        if (!Answers.Verify(turn.Crypto, turn.State.Session!.Secrets.Answer, attempt.RequestHash, datagram, Prepared.MacOffset))
        {
            turn.Reject(ReasonCode.BadMac, "PREPARED on " + path.Name);
            return;
        }
        if (!turn.Crypto.TryAgree(preparing.Ephemeral, prepared.Ephemeral, out SecretHandle shared))
        {
            turn.Reject(ReasonCode.LowOrderPoint, "PREPARED on " + path.Name);
            return;
        }
        SessionUpkeep.GatewayAnswered(turn);
        Confirm(turn, path, attempt, prepared, shared, datagram);
    }

    /// <summary>True if the datagram is the BOUND of one of our attempts, whether it opens or not.</summary>
    public static bool TryReceiveBound(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        ReattachAttempt? attempt = Find(turn, path, Bound.ReceiverIndex(datagram));
        if (attempt?.Stage is not ReattachStage.Confirming confirming) return false;
        if (!BoundArrival.TryOpen(turn, path, confirming.GatewayControl, datagram, out Bound bound)) return true;
        if (bound.Nonce != attempt.Nonce || !((SessionState)bound.State).IsBound()) turn.Reject(ReasonCode.Malformed, "BOUND on " + path.Name);
        else BoundArrival.Rebind(turn, path, attempt, bound);
        return true;
    }

    /// <summary>
    /// The first authentic packet under an attempt's epoch. The gateway sends under an epoch only once it has bound it, so what the
    /// client sends need not wait for a BOUND that is lost: it goes under that epoch too, and the CONFIRM is repeated quickly again.
    /// </summary>
    public static void EpochHeard(ClientTurn turn, uint localIndex)
    {
        if (turn.State.Reattach is not { } reattach || turn.State.Session is not { } session) return;
        ReattachAttempt? attempt = reattach.Attempts.FirstOrDefault(attempt => attempt.LocalIndex == localIndex);
        if (attempt?.Stage is not ReattachStage.Confirming confirming || turn.State.PathOf(attempt.Path) is not { } path) return;
        SessionUpkeep.GatewayAnswered(turn);
        ClientReattaches.Replace(turn, attempt, attempt with
        {
            Stage = confirming with { Since = turn.Now },
            RetryAt = Instant.Min(attempt.RetryAt, turn.Now + Backoff.Confirm(1)),
            Tries = 1,
        });
        // Another one would replace what has just been bound, and its CONFIRM might cross the BOUND that ends it here.
        ClientReattaches.DropWhere(turn, other => other.Stage is ReattachStage.Preparing);
        // A gentle reattach has its old path until BOUND, and the gateway takes what comes there.
        if (reattach.IsGentle || session.SendingIndex == localIndex) return;
        // Nonces rise with what is bound: a packet that was on its way for long says nothing of the epoch that followed.
        if (reattach.Attempts.Any(other => other.LocalIndex == session.SendingIndex && other.Nonce > attempt.Nonce)) return;
        SendUnder(turn, path, localIndex);
        ClientReattaches.DropWhere(turn, other => other.Nonce < attempt.Nonce);
    }

    /// <summary>
    /// Another PREPARED for an attempt that is confirming. The same answer with another token says that our PREPARE has reached the
    /// gateway from another source too, ours or that of somebody who copied it, and cannot say which token names ours: each is
    /// confirmed at once (REQ-HIJACK-7). The answer to a repeated PREPARE comes late by rule, not by fault.
    /// </summary>
    private static void ConfirmAgain(
        ClientTurn turn, ClientPath path, ReattachAttempt attempt, ReattachStage.Confirming confirming, ReadOnlySpan<byte> datagram)
    {
        ReadOnlySpan<byte> token = Prepared.TokenOf(datagram);
        foreach (ReadOnlyMemory<byte> sent in confirming.Confirms)
            if (ConstantTime.Equal(Protocol.Messages.Confirm.TokenOf(sent.Span), token)) return;
        if (confirming.Confirms.Length >= ClientLimits.Tokens) return;
        if (!Answers.Verify(turn.Crypto, turn.State.Session!.Secrets.Answer, attempt.RequestHash, datagram, Prepared.MacOffset))
        {
            turn.Reject(ReasonCode.BadMac, "PREPARED on " + path.Name);
            return;
        }
        if (turn.Crypto.Sha256(Prepared.Hashed(datagram)) != confirming.AnswerHash) return;
        byte[] confirm = Protocol.Messages.Confirm.Make(turn.Crypto, confirming.Confirmation, confirming.RemoteIndex, token);
        ClientReattaches.Replace(turn, attempt, attempt with
        {
            Stage = confirming with { Confirms = confirming.Confirms.Add(confirm) },
            RetryAt = turn.Now + Backoff.Confirm(1),
            Tries = 1,
        });
        turn.Send(path, confirm);
    }

    private static ReattachAttempt? Find(ClientTurn turn, ClientPath path, uint index) =>
        turn.State.Reattach?.Attempts.FirstOrDefault(attempt => attempt.LocalIndex == index && attempt.Path == path.Id);

    private static void Confirm(
        ClientTurn turn, ClientPath path, ReattachAttempt attempt, Prepared prepared, SecretHandle shared, ReadOnlySpan<byte> datagram)
    {
        ClientSession session = turn.State.Session!;
        // While the data plane sends under an attempt that may still be bound, it stays there: it cannot go back to what it has left.
        bool isSending = !turn.State.Reattach!.IsGentle && turn.State.Reattach.Attempts.All(other => other.LocalIndex != session.SendingIndex);
        Hash256 answerHash = turn.Crypto.Sha256(Prepared.Hashed(datagram));
        EpochSecrets keys = EpochSecrets.FromReattach(turn.Crypto, session.Secrets.Root, shared, attempt.RequestHash, answerHash);
        turn.Crypto.Release(shared);
        byte[] confirm = Protocol.Messages.Confirm.Make(turn.Crypto, keys.Confirmation, prepared.SenderIndex, Prepared.TokenOf(datagram));
        attempt.Stage.Release(turn.Crypto);
        ClientReattaches.Replace(turn, attempt, attempt with
        {
            Stage = new ReattachStage.Confirming(answerHash, prepared.SenderIndex, keys.Confirmation, keys.GatewayControl, [confirm], turn.Now),
            RetryAt = turn.Now + Backoff.Confirm(1),
            Tries = 1,
        });
        ClientReattaches.DropWhere(turn, other => other.Stage is ReattachStage.Preparing);

        // The CONFIRM first: the gateway must know whose the data is that follows it.
        turn.Send(path, confirm);
        session = turn.State.Session!;
        if (!session.IsOpen) turn.Emit(new ClientEffect.OpenSession(session.Id, turn.Environment.AllowedPrefixes, session.InnerMtu));
        turn.Emit(new ClientEffect.InstallEpoch(
            session.Id, new(prepared.Suite, keys.ClientData, keys.GatewayData, attempt.LocalIndex, prepared.SenderIndex), path.Transport));
        turn.Emit(new ClientEffect.Forget(keys.ClientData));
        turn.Emit(new ClientEffect.Forget(keys.GatewayData));
        turn.State = turn.State with
        {
            Session = session with
            {
                IsOpen = true,
                Epochs = session.Epochs.Add(new(attempt.LocalIndex, prepared.SenderIndex, path.Id, Instant.Never)),
            },
        };
        if (!isSending) return;
        // What is sent from here on needs this attempt, or one that follows it: the old path's answer calls nothing off any more.
        turn.State = turn.State with { Reattach = turn.State.Reattach with { IsTentative = false } };
        // The old path is dead, so waiting for BOUND would only lose packets: the gateway holds them until it has committed.
        SendUnder(turn, path, attempt.LocalIndex);
        if (turn.State.Reattach.Kind == ReattachKind.Dead) ClientReattaches.MarkRecovering(turn, turn.State.Reattach.Cause);
    }

    /// <summary>The data plane leaves the epoch that it sends under, for good.</summary>
    private static void SendUnder(ClientTurn turn, ClientPath path, uint localIndex)
    {
        ClientSession session = turn.State.Session!;
        turn.Emit(new ClientEffect.Bind(session.Id, localIndex, path.Transport, turn.Now + ClientLimits.OldEpochLifetime));
        turn.State = turn.State with { Session = session with { SendingIndex = localIndex } };
        ClientReattaches.SweepEpochs(turn);
        BoundArrival.FitMtu(turn, path);
    }
}
