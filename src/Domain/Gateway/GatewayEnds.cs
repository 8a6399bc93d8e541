using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// What withdraws: traffic stops at once, the append follows as soon as the store allows, and nobody is told before it
/// has committed.
/// </summary>
internal static class GatewayEnds
{
    private static readonly GatewayProofs.Proof IsProven = (crypto, secrets, datagram) =>
        crypto.VerifyMac(secrets.Proof, datagram[..Protocol.Messages.End.ProofOffset], datagram.Slice(Protocol.Messages.End.ProofOffset, ProtocolConstants.ProofSize));

    /// <summary>END, from the client, under proof.</summary>
    /// <param name="read">In a cluster: what a read of the session has just given; null if none was made.</param>
    public static void EndByClient(GatewayTurn turn, TransportAddress source, ReadOnlyMemory<byte> datagram, LoadedSession? read = null)
    {
        ReadOnlySpan<byte> bytes = datagram.Span;
        if (!Protocol.Messages.End.TryRead(bytes, out End request))
        {
            turn.Reject(ReasonCode.BadLength, source.Remote);
            return;
        }
        if (!GatewayProofs.TryProve(turn, request.Session, source.Remote, bytes.Slice(Protocol.Messages.End.TicketOffset, Ticket.Size), bytes, IsProven,
            out GatewaySession? session, out SessionSecrets secrets))
            return;
        Hash256 hash = turn.Crypto.Sha256(bytes[..Protocol.Messages.End.CookieMacOffset]);
        if (turn.Environment.IsCluster && read is null && (session is null || (GatewayOwnership.IsBorrowed(turn, session) && session.Append is null)))
        {
            GatewayOwnership.Load(turn, request.Session, new WaitingForLoad.Request(source, datagram), source.Remote);
            if (session is null) secrets.Release(turn.Crypto);
            return;
        }
        if (session is null)
        {
            // A store that could not be read says nothing; the client repeats.
            if (read is not LoadedSession.Unavailable) GatewayAnswers.End(turn, source, request.Session, secrets, hash, ReasonCode.Gone, 0);
            secrets.Release(turn.Crypto);
            return;
        }
        if (request.Nonce <= session.Session.LastNonce)
        {
            turn.Reject(ReasonCode.ReplayDetected, source.Remote, request.Session);
            return;
        }
        if (!session.Requests.TryTake(turn.Now, GatewayLimits.Requests, out Admission.TokenBucket requests))
        {
            turn.Reject(ReasonCode.RateLimited, source.Remote, request.Session);
            return;
        }
        session = session with { Requests = requests };
        turn.Put(session);
        ReasonCode reason = request.Kind == EndKind.DualClient ? ReasonCode.DualClient : ReasonCode.Explicit;
        // A repeated END while the first is being stored: one answer is enough, so none waits twice.
        if (session.Wanted is { Ends.Length: > 0 } || IsEnding(turn, session)) return;
        Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.End, reason) with { Ends = [new EndRequest(source, hash)] });
    }

    /// <summary>An operator ends the session.</summary>
    /// <param name="read">In a cluster: what a read of the session has just given; null if none was made.</param>
    public static void Terminate(GatewayTurn turn, GatewayInput.TerminateRequested input, LoadedSession? read = null)
    {
        bool isKnown = turn.State.Sessions.TryGetValue(input.Session, out GatewaySession? session);
        if (isKnown && (read is not null || !GatewayOwnership.IsBorrowed(turn, session!)))
            Withdraw(turn, session!, Withdrawal.Of(WithdrawalKind.End, ReasonCode.Explicit) with { Requests = [input.Request] });
        else if (turn.Environment.IsCluster && read is null && turn.State.Loading.GetValueOrDefault(input.Session) is not WaitingForLoad.Terminate)
            GatewayOwnership.Load(turn, input.Session, new WaitingForLoad.Terminate(input.Request));
        else
            turn.Emit(new GatewayEffect.Answer(input.Request, read is LoadedSession.Unavailable ? ReasonCode.StoreUnavailable : ReasonCode.UnknownSession));
    }

    /// <summary>A session that was borrowed has ended elsewhere: who waits for its end here has what it wanted.</summary>
    public static void Gone(GatewayTurn turn, GatewaySession session)
    {
        foreach (long request in session.Wanted?.Requests ?? []) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.Gone));
        if (session.Secrets is { } secrets)
        {
            foreach (EndRequest end in session.Wanted?.Ends ?? [])
                GatewayAnswers.End(turn, end.Source, session.Session.Id, secrets, end.RequestHash, ReasonCode.Gone, 0);
        }
        turn.Remove(session);
    }

    /// <summary>Hands every session over and tells the clients, so that they come back at once.</summary>
    public static void Drain(GatewayTurn turn)
    {
        turn.State = turn.State with { Draining = true };
        foreach (GatewaySession session in turn.State.Sessions.Values)
        {
            if (session.Epoch is not null)
                turn.Emit(new GatewayEffect.SendFrame(session.Session.Id, new ControlFrame.Released(session.Session.Version)));
            // What is being bound is released as soon as it is ours.
            bool isBeingBound = session.Append is { } number && turn.State.Appends.GetValueOrDefault(number) is PendingAppend.Binding;
            if (GatewayOwnership.Owns(turn, session.Session) || isBeingBound)
                Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.Release));
            else if (turn.Environment.IsCluster && session is { Append: null, Wanted: null })
                turn.Remove(session);
        }
        if (turn.State.Appends.IsEmpty) turn.Emit(new GatewayEffect.Drained());
    }

    /// <summary>Stops the session's traffic and stores why.</summary>
    public static void Withdraw(GatewayTurn turn, GatewaySession session, Withdrawal withdrawal)
    {
        if (session.IsDistrusted)
        {
            foreach (long request in withdrawal.Requests) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.StoreConflict));
            return;
        }
        if (withdrawal.Kind > WithdrawalKind.Tick) StopTraffic(turn, ref session);
        turn.Put(session with { Wanted = session.Wanted is { } earlier ? earlier.And(withdrawal) : withdrawal });
        Continue(turn, session.Session.Id);
    }

    /// <summary>Stores the withdrawal that waits, if nothing else is being stored.</summary>
    public static void Continue(GatewayTurn turn, SessionId id)
    {
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session)) return;
        if (session.Append is { } number && !turn.State.Appends.ContainsKey(number))
        {
            session = session with { Append = null };
            turn.Put(session);
        }
        if (session.Wanted is not { } wanted || session.Append is not null || turn.Now < session.RetryAt) return;
        turn.Decide(session.Session, CommandFor(turn, session.Session, wanted)).Match(
            decided => decided.Match(
                stream => Store(turn, session, stream, wanted),
                () => Drop(turn, session, wanted, ReasonCode.None)),
            rejection =>
            {
                if (wanted.Kind == WithdrawalKind.End && GatewayOwnership.HasLivingOwner(turn, session.Session)) Ask(turn, session);
                else Drop(turn, session, wanted, rejection.Reason);
            });
    }

    /// <summary>Another node owns what is to end: it is asked for it, until it has let go or is gone.</summary>
    private static void Ask(GatewayTurn turn, GatewaySession session)
    {
        turn.Put(session with { RetryAt = turn.Now + GatewayLimits.StoreRetry, HeardAt = turn.Now });
        GatewayOwnership.Want(turn, session.Session.Id);
    }

    /// <summary>Appends an end or another withdrawal that has been decided.</summary>
    public static void Store(GatewayTurn turn, GatewaySession session, StreamAppend stream, Withdrawal withdrawal)
    {
        if (stream.After.IsTerminal || !stream.After.State.IsBound()) StopTraffic(turn, ref session);
        long number = turn.Append(new PendingAppend.Withdrawing(stream, withdrawal), stream);
        turn.Put(session with { Append = number, Wanted = null });
    }

    /// <summary>The store has answered.</summary>
    public static void Finish(GatewayTurn turn, PendingAppend.Withdrawing pending, AppendOutcome outcome)
    {
        if (!turn.State.Sessions.TryGetValue(pending.Stream.Before.Id, out GatewaySession? session))
        {
            // A handshake that had read the session has superseded it meanwhile.
            foreach (long request in pending.Withdrawal.Requests) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.Gone));
            return;
        }
        session = session with { Append = null };
        if (outcome != AppendOutcome.Committed)
        {
            // Traffic has stopped already; the store will hear of it when it can.
            Withdrawal again = session.Wanted is { } newer ? pending.Withdrawal.And(newer) : pending.Withdrawal;
            turn.Put(session with { Wanted = again, RetryAt = turn.Now + GatewayLimits.StoreRetry });
            return;
        }
        GatewayCommits.Tell(turn, pending.Stream);
        Session after = pending.Stream.After;
        if (after.IsTerminal)
        {
            Withdrawal all = session.Wanted is { } newer ? pending.Withdrawal.And(newer) : pending.Withdrawal;
            if (session.Secrets is { } secrets)
            {
                foreach (EndRequest end in all.Ends)
                    GatewayAnswers.End(turn, end.Source, after.Id, secrets, end.RequestHash, after.LastReason, after.Version);
            }
            foreach (long request in pending.Withdrawal.Requests) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.None));
            FinishEnd(turn, session, after);
            return;
        }
        foreach (long request in pending.Withdrawal.Requests) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.None));
        session = session with { Session = after, HeardAt = turn.Now };
        turn.Put(session);
        // What has been handed over is another node's from now on.
        if (turn.Environment.IsCluster && after.Owner.IsNone && session is { Wanted: null, Prepared.IsEmpty: true }) turn.Remove(session);
        else Continue(turn, after.Id);
    }

    /// <summary>A session has ended in the store: tells its client where it was last bound and the operators who wait, and forgets it.</summary>
    public static void FinishEnd(GatewayTurn turn, GatewaySession session, Session after)
    {
        if (session.Secrets is { } secrets && (session.Epoch?.Transport ?? session.LastTransport) is { } last)
            GatewayAnswers.End(turn, last, after.Id, secrets, default, after.LastReason, after.Version);
        foreach (long request in session.Wanted?.Requests ?? []) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.None));
        turn.Remove(session);
    }

    /// <summary>Nothing flows any more, and nothing that was prepared counts.</summary>
    public static void StopTraffic(GatewayTurn turn, ref GatewaySession session)
    {
        if (session.Epoch is { } epoch) session = session with { LastTransport = epoch.Transport };
        if (session.IsOpen) turn.Emit(new GatewayEffect.Unbind(session.Session.Id));
        turn.DropPrepared(ref session, keep: null);
        turn.DropEpoch(ref session);
    }

    private static bool IsEnding(GatewayTurn turn, GatewaySession session) =>
        session.Append is { } number && turn.State.Appends[number] is PendingAppend.Withdrawing { Stream.After.IsTerminal: true };

    private static void Drop(GatewayTurn turn, GatewaySession session, Withdrawal wanted, ReasonCode reason)
    {
        turn.Put(session with { Wanted = null });
        foreach (long request in wanted.Requests) turn.Emit(new GatewayEffect.Answer(request, reason));
    }

    private static SessionCommand CommandFor(GatewayTurn turn, Session session, Withdrawal wanted)
    {
        Owner self = turn.Environment.Self;
        return wanted.Kind switch
        {
            WithdrawalKind.Tick => new SessionCommand.Tick(turn.Now, self, turn.Fenced(session)),
            WithdrawalKind.TransportLost => new SessionCommand.LoseTransport(turn.Now, self, session.Transport.Match(bound => bound.Id, () => 0UL), turn.Fenced(session)),
            WithdrawalKind.Release => new SessionCommand.Release(turn.Now, self),
            WithdrawalKind.End => new SessionCommand.Terminate(turn.Now, self, turn.Fenced(session), wanted.Reason),
            _ => throw new InvalidOperationException("a withdrawal that is none of the known ones"),
        };
    }
}
