using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Gateway;

/// <summary>Reattach: PREPARE changes nothing, CONFIRM asks the decider and the store.</summary>
internal static class GatewayReattaches
{
    private static readonly GatewayProofs.Proof IsProven = (crypto, secrets, datagram) =>
        crypto.VerifyMac(secrets.Proof, Protocol.Messages.Prepare.Proven(datagram), Protocol.Messages.Prepare.ProofOf(datagram));

    /// <summary>PREPARE, in the order of checks of docs/PROTOCOL.md: cheap before dear, silence before proof.</summary>
    /// <param name="read">In a cluster: what a read of the session has just given; null if none was made.</param>
    public static void Prepare(GatewayTurn turn, TransportAddress source, ReadOnlyMemory<byte> datagram, LoadedSession? read = null)
    {
        ReadOnlySpan<byte> bytes = datagram.Span;
        if (!Protocol.Messages.Prepare.TryRead(bytes, out Prepare request) || request.Path > byte.MaxValue)
        {
            turn.Reject(ReasonCode.BadLength, source.Remote);
            return;
        }
        if (turn.State.Draining) return;
        if (!GatewayProofs.TryProve(turn, request.Session, source.Remote, Protocol.Messages.Prepare.TicketOf(bytes), bytes, IsProven,
            out GatewaySession? session, out SessionSecrets secrets))
            return;
        Hash256 hash = turn.Crypto.Sha256(Protocol.Messages.Prepare.Hashed(bytes));
        if (!turn.Serves || read is LoadedSession.Unavailable || (session is null && (!turn.Environment.IsCluster || read is not null)))
        {
            // Whoever serves and has read the store, and does not find the session, knows that it has ended.
            ReasonCode reason = !turn.Serves ? ReasonCode.LeaseLost : read is LoadedSession.Unavailable ? ReasonCode.StoreUnavailable : ReasonCode.Gone;
            GatewayAnswers.Refuse(turn, source, request.Session, secrets, hash, new(reason, 0, TimeSpan.Zero), default);
            if (session is null) secrets.Release(turn.Crypto);
            return;
        }
        if (session is null)
        {
            GatewayOwnership.Load(turn, request.Session, new WaitingForLoad.Request(source, datagram), source.Remote);
            secrets.Release(turn.Crypto);
            return;
        }
        if (!session.Requests.TryTake(turn.Now, GatewayLimits.Requests, out Admission.TokenBucket requests))
        {
            turn.Reject(ReasonCode.RateLimited, source.Remote, request.Session);
            return;
        }
        session = session with { Requests = requests };
        turn.Put(session);
        if (session.Prepared.FirstOrDefault(prepared => prepared.PrepareHash == hash) is { } again)
        {
            SendPrepared(turn, source, session, again);
            return;
        }
        // What another node owns, or nobody, may have changed since it was read here.
        if (GatewayOwnership.IsBorrowed(turn, session) && read is null && session.Append is null)
        {
            GatewayOwnership.Load(turn, request.Session, new WaitingForLoad.Request(source, datagram), source.Remote);
            return;
        }
        Check(turn, source, session, request).Match(
            rejection => GatewayAnswers.Refuse(turn, source, request.Session, secrets, hash, rejection, session.Session.Instance),
            () => Agree(turn, source, session, request, hash, secrets));
    }

    /// <summary>CONFIRM: only from the source that the token names, only under the new keys.</summary>
    public static void Confirm(GatewayTurn turn, GatewaySession session, uint index, TransportAddress source, ReadOnlyMemory<byte> bytes)
    {
        SessionId id = session.Session.Id;
        if (session.Epoch is { } epoch && epoch.Index == index)
        {
            if (epoch.Transport != source || !ConstantTime.Equal(epoch.Confirm.Span, bytes.Span)) turn.Reject(ReasonCode.TokenMismatch, source.Remote, id);
            // The client missed the BOUND: it gets the same one again, once there is one. BOUND is larger than CONFIRM, and whoever
            // saw the CONFIRM can send it again in the client's name, so the session's bucket bounds it (REQ-FLOOD-3).
            else if (!epoch.Bound.IsEmpty)
            {
                if (!session.Requests.TryTake(turn.Now, GatewayLimits.Requests, out Admission.TokenBucket requests))
                {
                    turn.Reject(ReasonCode.RateLimited, source.Remote, id);
                    return;
                }
                turn.Put(session with { Requests = requests });
                turn.Emit(new GatewayEffect.Send(source, epoch.Bound));
            }
            return;
        }
        PreparedReattach? prepared = session.Prepared.FirstOrDefault(candidate => candidate.Index == index);
        // In flight already: the client repeats its CONFIRM until the store has answered.
        if (prepared is null || session.Append is not null || session.Secrets is not { } secrets) return;
        if (!Protocol.Messages.Confirm.IsAuthentic(turn.Crypto, prepared.Keys.Confirmation, bytes.Span))
        {
            turn.Reject(ReasonCode.BadMac, source.Remote, id);
            return;
        }
        Span<byte> expected = stackalloc byte[ProtocolConstants.MacSize];
        AddressMacs.Token(turn.Crypto, turn.Environment.TokenSecret, id, prepared.PrepareHash, source, expected);
        if (!ConstantTime.Equal(Protocol.Messages.Confirm.TokenOf(bytes.Span), expected))
        {
            turn.Reject(ReasonCode.TokenMismatch, source.Remote, id);
            return;
        }
        if (!GatewayDeadlines.IsRegistered(turn, session.Session))
        {
            turn.Reject(ReasonCode.UnknownClient, source.Remote, id);
            return;
        }
        if (GatewayOwnership.HasLivingOwner(turn, session.Session))
        {
            // Only what would be granted is worth asking for: who lost a race must not take the session from the winner.
            DecideAsFree(turn, session.Session, prepared.Request, source).Match(
                _ => GatewayOwnership.Ask(turn, session, new HeldConfirm(index, source, bytes)),
                rejection => GatewayAnswers.Refuse(turn, source, id, secrets, prepared.PrepareHash, rejection, session.Session.Instance));
            return;
        }
        turn.Decide(session.Session, CommandFor(turn, session.Session, prepared.Request, source)).Match(
            decided => decided.Match(
                stream => Grant(turn, session, prepared, stream, source, bytes),
                () => turn.Reject(ReasonCode.WrongState, source.Remote, id)),
            rejection => GatewayAnswers.Refuse(turn, source, id, secrets, prepared.PrepareHash, rejection, session.Session.Instance));
    }

    private static Option<Rejection> Check(GatewayTurn turn, TransportAddress source, GatewaySession session, Prepare request)
    {
        Rejection Refusal(ReasonCode reason) => new(reason, session.Session.BindingVersion, TimeSpan.Zero);
        // Another node has read more than this one knows: what was asked of the store here has not been answered, or was read before.
        // To name the version that is known here would look as if a binding had been forgotten.
        bool mayBeBehind = turn.Environment.IsCluster && (session.Append is not null || GatewayOwnership.IsBorrowed(turn, session));
        if (mayBeBehind && request.BindingVersion > session.Session.BindingVersion) return new Rejection(ReasonCode.StoreUnavailable, 0, TimeSpan.Zero);

        // A nonce that is pending for another request is a replay too (REQ-REPLAY-3).
        if (session.Prepared.Any(prepared => prepared.Request.Nonce == request.Nonce)) return Refusal(ReasonCode.ReplayDetected);
        if (session.Prepared.Length == ProtocolConstants.MaxPendingReattaches && request.Nonce < session.Prepared[0].Request.Nonce)
            return Refusal(ReasonCode.TooManyPending);
        // The same question that CONFIRM will ask: what would be refused then is refused now, before the key exchange. Only whose the
        // session is is asked at CONFIRM alone.
        Either<Rejection, Option<StreamAppend>> decided = GatewayOwnership.HasLivingOwner(turn, session.Session)
            ? DecideAsFree(turn, session.Session, request, source)
            : turn.Decide(session.Session, CommandFor(turn, session.Session, request, source));
        Option<Rejection> refused = decided.Match(_ => Option<Rejection>.None, Prelude.Some);
        if (refused.IsSome) return refused;
        if (!turn.State.ReattachBudget.TryTake(turn.Now, GatewayLimits.Reattaches, out Admission.TokenBucket budget)) return Refusal(ReasonCode.RateLimited);
        turn.State = turn.State with { ReattachBudget = budget };
        return Option<Rejection>.None;
    }

    /// <summary>What would be decided if the owner had let go.</summary>
    private static Either<Rejection, Option<StreamAppend>> DecideAsFree(GatewayTurn turn, Session session, Prepare request, TransportAddress source)
    {
        Session free = session with { Owner = Option<Owner>.None };
        return turn.Decide(free, CommandFor(turn, free, request, source));
    }

    private static void Agree(
        GatewayTurn turn, TransportAddress source, GatewaySession session, Prepare request, Hash256 hash, SessionSecrets secrets)
    {
        SecretHandle ephemeral = turn.Draw();
        if (!turn.Crypto.TryAgree(ephemeral, request.Ephemeral, out SecretHandle shared))
        {
            turn.Crypto.Release(ephemeral);
            turn.Reject(ReasonCode.BadHandshake, source.Remote, request.Session);
            return;
        }
        CipherSuite suite = CipherSuites.Choose(turn.Environment.Suites, request.Suites);
        uint index = turn.DrawIndex();
        byte[] answer = new byte[Prepared.Size];
        new Prepared(request.SenderIndex, index, suite, turn.Crypto.PublicKeyOf(ephemeral)).Write(answer);
        EpochSecrets keys = EpochSecrets.FromReattach(turn.Crypto, secrets.Root, shared, hash, turn.Crypto.Sha256(Prepared.Hashed(answer)));
        turn.Crypto.Release(ephemeral);
        turn.Crypto.Release(shared);
        var prepared = new PreparedReattach(request, hash, index, suite, keys, answer, turn.Now + GatewayLimits.PreparedLifetime);
        if (session.Prepared.Length == ProtocolConstants.MaxPendingReattaches) session = DropLowest(turn, session);
        turn.AddIndex(index, new ReceiverIndex(null, request.Session));
        session = session with { Prepared = [.. session.Prepared.Add(prepared).OrderBy(pending => pending.Request.Nonce)] };
        turn.Put(session);
        SendPrepared(turn, source, session, prepared);
    }

    /// <summary>Makes room for one more.</summary>
    public static GatewaySession DropLowest(GatewayTurn turn, GatewaySession session)
    {
        PreparedReattach lowest = session.Prepared[0];
        lowest.Keys.Release(turn.Crypto);
        turn.State = turn.State with { ByIndex = turn.State.ByIndex.Remove(lowest.Index) };
        return session with { Prepared = session.Prepared.RemoveAt(0) };
    }

    /// <summary>The same answer for the same PREPARE, with the token of whoever sent it this time: nothing is kept for it.</summary>
    private static void SendPrepared(GatewayTurn turn, TransportAddress source, GatewaySession session, PreparedReattach prepared)
    {
        byte[] datagram = prepared.Answer.ToArray();
        AddressMacs.Token(turn.Crypto, turn.Environment.TokenSecret, session.Session.Id, prepared.PrepareHash, source,
            datagram.AsSpan(Prepared.TokenOffset, ProtocolConstants.MacSize));
        Span<byte> hash = stackalloc byte[Hash256.Size];
        prepared.PrepareHash.Write(hash);
        GatewayAnswers.Authenticate(turn.Crypto, session.Secrets!.Value.Answer, hash, datagram, Prepared.MacOffset);
        turn.Emit(new GatewayEffect.Send(source, datagram));
    }

    private static void Grant(
        GatewayTurn turn, GatewaySession session, PreparedReattach prepared, StreamAppend stream, TransportAddress source, ReadOnlyMemory<byte> confirm)
    {
        SessionId id = session.Session.Id;
        if (stream.After.IsTerminal)
        {
            // The decider found that the session is over: nothing is bound, the end is stored.
            GatewayEnds.Store(turn, session, stream, Withdrawal.Of(WithdrawalKind.End));
            return;
        }
        if (turn.State.Appends.Count >= GatewayLimits.Appends)
        {
            turn.Reject(ReasonCode.StoreUnavailable, source.Remote, id);
            return;
        }
        // The client may already send under the new keys; what it sends is held until the binding has committed.
        if (!session.IsOpen) turn.Emit(new GatewayEffect.OpenSession(id, [.. session.Session.Addresses]));
        turn.Emit(new GatewayEffect.InstallEpoch(id,
            new(prepared.Suite, prepared.Keys.GatewayData, prepared.Keys.ClientData, prepared.Index, prepared.Request.SenderIndex), source, Held: true));
        long number = turn.Append(new PendingAppend.Binding(prepared, stream, source, confirm), stream);
        turn.Put(session with { IsOpen = true, Append = number, Prepared = session.Prepared.Remove(prepared) });
    }

    private static SessionCommand CommandFor(GatewayTurn turn, Session session, Prepare request, TransportAddress source)
    {
        Owner self = turn.Environment.Self;
        var candidate = new TransportCandidate(source.Remote, source.Local, new Paths.PathId(request.Path));
        var wish = new ReattachRequest(request.Kind, request.Nonce, request.BindingVersion, candidate, request.Instance);
        return session.Owner.Exists(owner => owner == self)
            ? new SessionCommand.Reattach(turn.Now, self, wish)
            : new SessionCommand.Claim(turn.Now, self, turn.Fenced(session), wish);
    }
}
