using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// What several nodes on one store add (DESIGN 6): a session is read when it is asked for, asked of an owner who lives, taken from
/// one who is gone, and let go when another node asks. Whatever is borrowed in memory may be old: the store's compare-and-swap decides.
/// </summary>
internal static class GatewayOwnership
{
    /// <summary>True if this incarnation owns the session as far as it knows.</summary>
    public static bool Owns(GatewayTurn turn, Session session) => session.Owner.Exists(owner => owner == turn.Environment.Self);

    /// <summary>True if the session belongs to another node that is not known to be gone: it must be asked, not taken.</summary>
    public static bool HasLivingOwner(GatewayTurn turn, Session session) =>
        turn.Environment.IsCluster
        && session.Owner.Exists(owner => owner != turn.Environment.Self && !turn.State.Gone.ContainsKey(owner.Incarnation));

    /// <summary>True if what is in memory must not be relied on before it has been read again.</summary>
    public static bool IsBorrowed(GatewayTurn turn, GatewaySession session) => turn.Environment.IsCluster && !Owns(turn, session.Session);

    /// <summary>Reads the session, then does what waits for it. One read at a time; of several requests the last one waits, but an operator's before any other.</summary>
    public static void Load(GatewayTurn turn, SessionId id, WaitingForLoad waiting, Endpoint source = default)
    {
        bool isUnderWay = turn.State.Loading.TryGetValue(id, out WaitingForLoad? before);
        if (!isUnderWay && turn.State.Loading.Count >= GatewayLimits.Loads)
        {
            turn.Reject(ReasonCode.QueueFull, source, id);
            if (waiting is WaitingForLoad.Terminate refused) turn.Emit(new GatewayEffect.Answer(refused.Number, ReasonCode.QueueFull));
            return;
        }
        // Clients and nodes ask again; an operator does not.
        bool isKept = before is WaitingForLoad.Terminate || (before is not null && waiting is WaitingForLoad.Nothing);
        turn.State = turn.State with { Loading = turn.State.Loading.SetItem(id, isKept ? before! : waiting) };
        if (!isUnderWay) turn.Emit(new GatewayEffect.Load(id));
    }

    /// <summary>A read has ended.</summary>
    public static void Loaded(GatewayTurn turn, GatewayInput.SessionLoaded input)
    {
        if (!turn.State.Loading.TryGetValue(input.Session, out WaitingForLoad? waiting)) return;
        turn.State = turn.State with { Loading = turn.State.Loading.Remove(input.Session) };
        LoadedSession loaded = Take(turn, input.Session, input.Loaded);
        switch (waiting)
        {
            case WaitingForLoad.Request request:
                Answer(turn, request, loaded);
                break;
            case WaitingForLoad.Terminate terminate:
                GatewayEnds.Terminate(turn, new(input.Session, terminate.Number), loaded);
                break;
            case WaitingForLoad.Release:
                Wanted(turn, input.Session, loaded);
                break;
            case WaitingForLoad.Orphan:
                EndOrphan(turn, input.Session);
                break;
            case WaitingForLoad.Nothing:
                break;
            default:
                throw new InvalidOperationException("something that waits for a load and is none of the known ones");
        }
        Resume(turn, input.Session);
    }

    /// <summary>A confirmed request for a session that another node owns: it waits here, and the owner is asked.</summary>
    public static void Ask(GatewayTurn turn, GatewaySession session, HeldConfirm held)
    {
        turn.Put(session with { Held = held });
        Want(turn, session.Session.Id);
    }

    /// <summary>Asks the session's owner for it, if that was not just done.</summary>
    public static void Want(GatewayTurn turn, SessionId id)
    {
        GatewaySession session = turn.State.Sessions[id];
        if (session.AskedAt is { } asked && turn.Now < asked + GatewayLimits.AskAgain) return;
        turn.Put(session with { AskedAt = turn.Now });
        turn.Emit(new GatewayEffect.Want(id, (long)session.Session.Version));
    }

    /// <summary>Another node wants a session: traffic stops, then the session is released.</summary>
    public static void Wanted(GatewayTurn turn, SessionId id, LoadedSession? read = null)
    {
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session) || IsBorrowed(turn, session))
        {
            // The mark may be older than what we know; or it is ours, and we have forgotten it.
            if (read is null) Load(turn, id, new WaitingForLoad.Release());
            return;
        }
        if (session.Wanted is { Kind: >= WithdrawalKind.Release }) return;
        GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.Release));
    }

    /// <summary>What was read of a session that waits here is not true any more.</summary>
    public static void Released(GatewayTurn turn, SessionId id)
    {
        if (turn.State.Sessions.TryGetValue(id, out GatewaySession? session) && IsBorrowed(turn, session)) Load(turn, id, new WaitingForLoad.Nothing());
    }

    /// <summary>Other nodes are gone, or are not after all: what has been waiting for them goes on.</summary>
    public static void NodesGone(GatewayTurn turn, GatewayInput.NodesGone input)
    {
        ImmutableSortedDictionary<IncarnationId, FenceEvidence> before = turn.State.Gone;
        turn.State = turn.State with { Gone = input.Gone };
        if (input.Gone.Keys.All(before.ContainsKey)) return;
        foreach (GatewaySession session in turn.State.Sessions.Values)
            if (session.Held is not null || session.Wanted is not null) Resume(turn, session.Session.Id);
    }

    /// <summary>Sessions without a living owner, for which something is due.</summary>
    public static void Orphaned(GatewayTurn turn, GatewayInput.SessionsOrphaned input)
    {
        foreach (SessionId id in input.Sessions)
            if (!turn.State.Loading.ContainsKey(id)) Load(turn, id, new WaitingForLoad.Orphan());
    }

    /// <summary>REQ-HIJACK-6: whoever is in the registry no more is cut off at once.</summary>
    public static void RegistryChanged(GatewayTurn turn)
    {
        foreach ((int slot, HalfOpenHandshake handshake) in turn.State.HalfOpen)
            if (handshake.Append is null && !turn.Environment.Registry.TryFind(handshake.Client.Key, out _)) GatewayHandshakes.Forget(turn, slot, handshake);
        foreach (GatewaySession session in turn.State.Sessions.Values)
        {
            if (GatewayDeadlines.IsRegistered(turn, session.Session)) continue;
            // What another node owns that node ends; here nothing of it may be granted any more.
            if (IsBorrowed(turn, session) && session is { Append: null, Wanted: null }) turn.Remove(session);
            else GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.End, ReasonCode.ClientRemoved));
        }
    }

    /// <summary>
    /// Somebody else wrote to the stream. What was borrowed is read again and tried again; a session of our own is dropped, because what
    /// is true of it is not known here: the next request reads it (REQ-SAFETY-2).
    /// </summary>
    public static void Conflicted(GatewayTurn turn, SessionId id, bool wasOurs)
    {
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session)) return;
        turn.Reject(ReasonCode.StoreConflict, session.Epoch?.Transport.Remote ?? default, id);
        if (!wasOurs)
        {
            Load(turn, id, new WaitingForLoad.Nothing());
            return;
        }
        foreach (long request in session.Wanted?.Requests ?? []) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.StoreConflict));
        turn.Remove(session);
    }

    /// <summary>
    /// This incarnation is fenced: its sessions may be another node's by now. Everything goes, secrets included, and nothing is
    /// appended (REQ-PARTITION-2).
    /// </summary>
    public static void DropAll(GatewayTurn turn)
    {
        foreach (PendingAppend pending in turn.State.Appends.Values)
        {
            if (pending is PendingAppend.Binding binding) binding.Reattach.Keys.Release(turn.Crypto);
            if (pending is PendingAppend.Withdrawing withdrawing) Refuse(withdrawing.Withdrawal.Requests);
        }
        foreach ((int slot, HalfOpenHandshake handshake) in turn.State.HalfOpen) GatewayHandshakes.Forget(turn, slot, handshake);
        foreach (GatewaySession session in turn.State.Sessions.Values)
        {
            Refuse(session.Wanted?.Requests ?? []);
            turn.Remove(session);
        }
        foreach (WaitingForLoad waiting in turn.State.Loading.Values)
            if (waiting is WaitingForLoad.Terminate terminate) Refuse([terminate.Number]);
        bool wasDraining = turn.State.Draining;
        turn.State = GatewayState.Empty with { LastAppend = turn.State.LastAppend, Draining = wasDraining };
        if (wasDraining) turn.Emit(new GatewayEffect.Drained());

        void Refuse(ImmutableArray<long> requests)
        {
            foreach (long request in requests) turn.Emit(new GatewayEffect.Answer(request, ReasonCode.LeaseLost));
        }
    }

    /// <summary>Puts what was read beside what is in memory, and says what the reader should believe.</summary>
    private static LoadedSession Take(GatewayTurn turn, SessionId id, LoadedSession loaded)
    {
        bool isKnown = turn.State.Sessions.TryGetValue(id, out GatewaySession? known);
        // What is our own is truer in memory, and what is being appended will tell by itself.
        if (isKnown && (!IsBorrowed(turn, known!) || known!.Append is not null)) return new LoadedSession.Found(known!.Session);
        switch (loaded)
        {
            case LoadedSession.Found { Session: { IsTerminal: false } found }:
                if (isKnown && found.Version < known!.Session.Version)
                {
                    // REQ-SAFETY-1: the store has forgotten what it had said.
                    turn.Reject(ReasonCode.Ambiguity, default, id);
                    turn.Put(known with { IsDistrusted = true });
                    return new LoadedSession.Corrupt();
                }
                turn.Put(isKnown
                    ? known! with { Session = found, HeardAt = turn.Now }
                    : new GatewaySession { Session = found, HeardAt = turn.Now, Deadline = Instant.Never });
                return loaded;
            case LoadedSession.Found:
                if (isKnown) GatewayEnds.Gone(turn, known!);
                return new LoadedSession.Missing();
            case LoadedSession.Missing:
                if (isKnown) GatewayEnds.Gone(turn, known!);
                return loaded;
            default:
                return loaded;
        }
    }

    private static void Answer(GatewayTurn turn, WaitingForLoad.Request request, LoadedSession loaded)
    {
        if (loaded is LoadedSession.Corrupt)
        {
            turn.Reject(ReasonCode.StoreConflict, request.Source.Remote);
            return;
        }
        if (loaded is LoadedSession.Found { Session: var found } && !turn.Environment.Registry.TryFind(found.Client, out _))
        {
            // Its owner ends it, or the sweep for orphans does; nothing of it is granted here (REQ-HIJACK-6).
            turn.Reject(ReasonCode.UnknownClient, request.Source.Remote, found.Id);
            if (turn.State.Sessions.TryGetValue(found.Id, out GatewaySession? borrowed) && IsBorrowed(turn, borrowed) && borrowed is { Append: null, Wanted: null })
                turn.Remove(borrowed);
            return;
        }
        if ((MessageType)request.Bytes.Span[0] == MessageType.Prepare) GatewayReattaches.Prepare(turn, request.Source, request.Bytes, loaded);
        else GatewayEnds.EndByClient(turn, request.Source, request.Bytes, loaded);
    }

    /// <summary>What has been waiting for the session tries again.</summary>
    private static void Resume(GatewayTurn turn, SessionId id)
    {
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session) || session.Append is not null || session.IsDistrusted) return;
        if (session.Held is { } held)
        {
            turn.Put(session with { Held = null });
            GatewayReattaches.Confirm(turn, turn.State.Sessions[id], held.Index, held.Source, held.Bytes);
        }
        else if (session.Wanted is not null)
        {
            turn.Put(session with { RetryAt = turn.Now });
            GatewayEnds.Continue(turn, id);
        }
    }

    /// <summary>Its time is over, or its transport died with the node that held it: the store hears of it.</summary>
    private static void EndOrphan(GatewayTurn turn, SessionId id)
    {
        if (!turn.State.Sessions.TryGetValue(id, out GatewaySession? session) || Owns(turn, session.Session) || HasLivingOwner(turn, session.Session)) return;
        if (session.Append is not null || session.Wanted is not null || session.IsDistrusted) return;
        if (!GatewayDeadlines.IsRegistered(turn, session.Session))
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.End, ReasonCode.ClientRemoved));
        else if (SessionDecider.NextDeadline(session.Session, turn.Environment.Policy) <= turn.Now)
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.Tick));
        else if (session.Session.State.IsBound() && session.Prepared.IsEmpty)
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.TransportLost));
    }
}
