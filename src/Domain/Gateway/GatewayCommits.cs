using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>What a commit brings about, and what a refused append takes back.</summary>
internal static class GatewayCommits
{
    public static void Finish(GatewayTurn turn, GatewayInput.AppendFinished input)
    {
        if (!turn.State.Appends.TryGetValue(input.Append, out PendingAppend? pending)) return;
        if (input.Outcome == AppendOutcome.Fenced)
        {
            // The append is still among those that DropAll takes back.
            GatewayOwnership.DropAll(turn);
            turn.Emit(new GatewayEffect.Fenced());
            return;
        }
        turn.State = turn.State with { Appends = turn.State.Appends.Remove(input.Append) };
        bool committed = input.Outcome == AppendOutcome.Committed;
        switch (pending)
        {
            case PendingAppend.Establishing establishing:
                FinishEstablishing(turn, establishing, input.Outcome);
                break;
            case PendingAppend.Binding binding:
                FinishBinding(turn, binding, input.Outcome);
                break;
            case PendingAppend.Changing changing:
                FinishChanging(turn, changing, committed);
                break;
            case PendingAppend.Withdrawing withdrawing:
                GatewayEnds.Finish(turn, withdrawing, input.Outcome);
                break;
            default:
                throw new InvalidOperationException("an append that is none of the known ones");
        }
        if (input.Outcome == AppendOutcome.Conflict) StopServing(turn, pending);
        if (turn.State.Draining && turn.State.Appends.IsEmpty && turn.State.Sessions.Values.All(session => session.Wanted is null))
            turn.Emit(new GatewayEffect.Drained());
    }

    /// <summary>The transport is bound: tells the client, and keeps the answer for a repeated CONFIRM.</summary>
    public static void AnswerBound(GatewayTurn turn, GatewayInput.TransportBound input)
    {
        if (!turn.State.Sessions.TryGetValue(input.Session, out GatewaySession? session)
            || session.Epoch is not { } epoch || epoch.Index != input.LocalIndex || epoch.Control.IsNone || session.Secrets is not { } secrets)
            return;
        Session stored = session.Session;
        SecretHandle seed = turn.Draw();
        byte[] ticket = new Ticket(stored.Id, stored.Client, secrets.Root).Seal(turn.Crypto, turn.Environment.ClusterKeys, seed);
        turn.Crypto.Release(seed);
        TimeSpan remaining = stored.ExpiresAt - turn.Now;
        var bound = new Bound(stored.Version, stored.BindingVersion, stored.OwnershipEpoch, stored.KeyEpoch, (byte)stored.State, input.OldEnd,
            stored.LastNonce, stored.Instance, (ulong)Math.Max(0, remaining.TotalMilliseconds), turn.Environment.InnerMtu,
            [.. stored.Addresses], turn.Environment.Policy, ticket);
        byte[] datagram = new byte[Bound.Size];
        Span<byte> plaintext = stackalloc byte[Bound.PlaintextSize];
        Bound.WriteHeader(datagram, epoch.RemoteIndex);
        bound.WritePlaintext(plaintext);
        turn.Crypto.Seal(epoch.Control, 0, datagram.AsSpan(0, Bound.HeaderSize), plaintext, datagram.AsSpan(Bound.HeaderSize));
        turn.Crypto.Release(epoch.Control);
        turn.Put(session with { Epoch = epoch with { Control = SecretHandle.None, Bound = datagram } });
        // Without a lease nobody is told: nothing would flow. The client repeats its CONFIRM.
        if (turn.Serves) turn.Emit(new GatewayEffect.Send(epoch.Transport, datagram));
    }

    /// <summary>Says what has been stored: the log's line for each event.</summary>
    public static void Tell(GatewayTurn turn, StreamAppend stream)
    {
        Session before = stream.Before;
        foreach (SessionEvent happened in stream.Events)
        {
            Session current = before;
            Session after = SessionDecider.Evolve(current, happened).IfLeft(current);
            turn.Emit(new GatewayEffect.Transitioned(current, after, happened));
            before = after;
        }
    }

    private static void FinishEstablishing(GatewayTurn turn, PendingAppend.Establishing pending, AppendOutcome outcome)
    {
        HalfOpenHandshake handshake = turn.State.HalfOpen[pending.Slot];
        if (turn.Environment.IsCluster && outcome is AppendOutcome.Conflict or AppendOutcome.OwnerAlive)
        {
            // Another node was first; the client's next CONFIRM finds out what is true now.
            turn.State = turn.State with
            {
                HalfOpen = turn.State.HalfOpen.SetItem(pending.Slot, handshake with { Append = null }),
                HalfOpenExpiry = Instant.Min(turn.State.HalfOpenExpiry, handshake.ExpiresAt),
            };
            turn.Reject(ReasonFor(outcome), handshake.Source.Remote, handshake.Session);
            if (pending.Superseded is { } other) GatewayEnds.Continue(turn, other.Before.Id);
            return;
        }
        if (outcome != AppendOutcome.Committed)
        {
            GatewayHandshakes.Forget(turn, pending.Slot, handshake);
            turn.Reject(ReasonFor(outcome), handshake.Source.Remote, handshake.Session);
            if (pending.Superseded is { } kept) GatewayEnds.Continue(turn, kept.Before.Id);
            return;
        }
        if (pending.Superseded is { } superseded)
        {
            Tell(turn, superseded);
            if (turn.State.Sessions.TryGetValue(superseded.Before.Id, out GatewaySession? former)) GatewayEnds.FinishEnd(turn, former, superseded.After);
        }
        Tell(turn, pending.Stream);
        turn.State = turn.State with
        {
            HalfOpen = turn.State.HalfOpen.Remove(pending.Slot),
            ByIndex = turn.State.ByIndex.SetItem(handshake.Index, new ReceiverIndex(null, handshake.Session)),
            ByClient = turn.State.ByClient.SetItem(handshake.Client.Key, handshake.Session),
        };
        turn.Emit(new GatewayEffect.OpenSession(handshake.Session, [.. handshake.Client.Addresses]));
        turn.Emit(new GatewayEffect.InstallEpoch(handshake.Session,
            new(handshake.Suite, handshake.Keys.GatewayData, handshake.Keys.ClientData, handshake.Index, handshake.RemoteIndex), handshake.Source, Held: true));
        var session = new GatewaySession
        {
            Session = pending.Stream.After,
            Secrets = SessionSecrets.Derive(turn.Crypto, handshake.Root),
            IsOpen = true,
            HeardAt = turn.Now,
            Deadline = Instant.Never,
        };
        BindEpoch(turn, session, handshake.Keys, handshake.Index, handshake.RemoteIndex, handshake.Source, pending.Confirm);
        // The client may have left the registry while its session was being stored.
        session = turn.State.Sessions[handshake.Session];
        if (!GatewayDeadlines.IsRegistered(turn, session.Session))
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.End, ReasonCode.ClientRemoved));
        else if (turn.State.Draining)
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.Release));
    }

    private static void FinishBinding(GatewayTurn turn, PendingAppend.Binding pending, AppendOutcome outcome)
    {
        PreparedReattach reattach = pending.Reattach;
        SessionId id = pending.Stream.Before.Id;
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session))
        {
            // A handshake that had read the session has superseded it meanwhile; the data plane closed it then.
            reattach.Keys.Release(turn.Crypto);
            turn.State = turn.State with { ByIndex = turn.State.ByIndex.Remove(reattach.Index) };
            return;
        }
        session = session with { Append = null };
        bool committed = outcome == AppendOutcome.Committed;
        if (committed)
        {
            Tell(turn, pending.Stream);
            session = session with { Session = pending.Stream.After, HeardAt = turn.Now, Held = null, AskedAt = null };
            turn.State = turn.State with { ByClient = turn.State.ByClient.SetItem(session.Session.Client, id) };
        }
        else if (turn.Environment.IsCluster && !turn.State.Draining && !GatewayOwnership.Owns(turn, pending.Stream.Before) && outcome is AppendOutcome.Conflict or AppendOutcome.OwnerAlive)
        {
            // Another node was first, or the owner lives after all: the same CONFIRM is judged again by what the store says then.
            turn.Emit(new GatewayEffect.RemoveEpoch(id, reattach.Index));
            if (session.Prepared.Length == ProtocolConstants.MaxPendingReattaches) session = GatewayReattaches.DropLowest(turn, session);
            turn.Put(session with { Prepared = [.. session.Prepared.Add(reattach).OrderBy(prepared => prepared.Request.Nonce)], Held = new(reattach.Index, pending.Source, pending.Confirm) });
            if (outcome == AppendOutcome.OwnerAlive) turn.Emit(new GatewayEffect.Want(id, (long)session.Session.Version));
            return;
        }
        if (committed && session.Wanted is not { Kind: > WithdrawalKind.Tick })
        {
            // Every other prepared reattach asked for a binding version that is over.
            turn.DropPrepared(ref session, keep: null);
            BindEpoch(turn, session, reattach.Keys, reattach.Index, reattach.Request.SenderIndex, pending.Source, pending.Confirm);
            GatewayEnds.Continue(turn, id);
            return;
        }
        // Refused, or withdrawn while it was being stored: nothing is bound, and what was held is dropped.
        turn.Emit(new GatewayEffect.RemoveEpoch(id, reattach.Index));
        reattach.Keys.Release(turn.Crypto);
        turn.State = turn.State with { ByIndex = turn.State.ByIndex.Remove(reattach.Index) };
        turn.Put(session);
        if (!committed && session.Secrets is { } secrets)
            GatewayAnswers.Refuse(turn, pending.Source, id, secrets, reattach.PrepareHash,
                new(ReasonFor(outcome), session.Session.BindingVersion, GatewayLimits.StoreRetry), session.Session.Instance);
        GatewayEnds.Continue(turn, id);
    }

    private static void FinishChanging(GatewayTurn turn, PendingAppend.Changing pending, bool committed)
    {
        SessionId id = pending.Stream.Before.Id;
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session)) return;
        session = session with { Append = null };
        if (committed)
        {
            Tell(turn, pending.Stream);
            Session after = pending.Stream.After;
            session = session with { Session = after };
            if (session.Epoch is not null)
                turn.Emit(new GatewayEffect.SendFrame(id, new ControlFrame.StateChanged((byte)after.State, (ushort)after.LastReason, after.Version)));
        }
        else
        {
            // A change of quality that could not be stored is not wanted any more: the next report decides anew.
            session = session with { RetryAt = turn.Now + GatewayLimits.StoreRetry };
        }
        turn.Put(session);
        GatewayEnds.Continue(turn, id);
    }

    /// <summary>Binds an installed epoch in the data plane, which then owns the traffic keys.</summary>
    private static void BindEpoch(
        GatewayTurn turn, GatewaySession session, EpochSecrets keys, uint index, uint remoteIndex, TransportAddress source, ReadOnlyMemory<byte> confirm)
    {
        SessionId id = session.Session.Id;
        uint previous = session.Epoch?.Index ?? 0;
        turn.DropEpoch(ref session);
        turn.Crypto.Release(keys.Confirmation);
        turn.Emit(new GatewayEffect.Bind(id, index, source, turn.Now + GatewayLimits.OldEpochLifetime));
        turn.Emit(new GatewayEffect.Forget(keys.ClientData));
        turn.Emit(new GatewayEffect.Forget(keys.GatewayData));
        turn.Put(session with { Epoch = new(index, remoteIndex, source, keys.GatewayControl, confirm, ReadOnlyMemory<byte>.Empty, previous) });
    }

    /// <summary>
    /// Somebody else wrote to a stream that this node owns: it cannot know what is true, so it stops serving the session
    /// until a new start has read the store (REQ-SAFETY-2).
    /// </summary>
    private static void StopServing(GatewayTurn turn, PendingAppend pending)
    {
        SessionId? id = pending switch
        {
            PendingAppend.Binding binding => binding.Stream.Before.Id,
            PendingAppend.Changing changing => changing.Stream.Before.Id,
            PendingAppend.Withdrawing withdrawing => withdrawing.Stream.Before.Id,
            PendingAppend.Establishing establishing => establishing.Superseded?.Before.Id,
            _ => null,
        };
        if (id is not { } known || !turn.State.Sessions.TryGetValue(known, out GatewaySession? session)) return;
        if (turn.Environment.IsCluster)
        {
            GatewayOwnership.Conflicted(turn, known, GatewayOwnership.Owns(turn, session.Session));
            return;
        }
        turn.Reject(ReasonCode.StoreConflict, session.Epoch?.Transport.Remote ?? default, known);
        foreach (long request in session.Wanted?.Requests ?? []) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.StoreConflict));
        GatewayEnds.StopTraffic(turn, ref session);
        turn.Put(session with { IsDistrusted = true, Append = null, Wanted = null });
    }

    private static ReasonCode ReasonFor(AppendOutcome outcome) => outcome switch
    {
        AppendOutcome.Conflict => ReasonCode.StoreConflict,
        AppendOutcome.BudgetExceeded => ReasonCode.BudgetExceeded,
        AppendOutcome.OwnerAlive => ReasonCode.WrongOwner,
        AppendOutcome.Fenced => ReasonCode.LeaseLost,
        _ => ReasonCode.StoreUnavailable,
    };
}
