using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>What happens because time has passed (REQ-EXHAUST-2).</summary>
internal static class GatewayDeadlines
{
    /// <summary>An idle client probes at its interval; three missed probes and their round trips are silence.</summary>
    private const int MissedProbes = 3;

    /// <summary>When the session wants to be looked at; <see cref="Instant.Never"/> while the store has to answer first.</summary>
    public static Instant Next(GatewayTurn turn, GatewaySession session)
    {
        SessionPolicy policy = turn.Environment.Policy;
        Instant next = Instant.Never;
        foreach (PreparedReattach prepared in session.Prepared) next = Instant.Min(next, prepared.ExpiresAt);
        if (session.Append is not null) return next;
        if (session.Wanted is not null && !session.IsDistrusted) return Instant.Min(next, session.RetryAt);
        // What is borrowed is forgotten again; its deadlines are its owner's.
        if (GatewayOwnership.IsBorrowed(turn, session)) return Instant.Min(next, session.HeardAt + GatewayLimits.BorrowedLifetime);
        if (session.IsDistrusted) return next;
        next = Instant.Min(next, SessionDecider.NextDeadline(session.Session, policy));
        return session.Session.State.IsBound() && !session.AwaitsCounters ? Instant.Min(next, session.HeardAt + Silence(session, policy)) : next;
    }

    /// <summary>Looks at every session whose deadline has passed.</summary>
    public static void Run(GatewayTurn turn)
    {
        GatewayHandshakes.Expire(turn);
        // A node without a lease can store nothing, and cannot know what is due.
        if (!turn.Serves) return;
        // Each once: what is due again at once waits for the next timer.
        foreach ((Instant at, SessionId id) in turn.State.Deadlines)
        {
            if (at > turn.Now) break;
            if (turn.State.Sessions.TryGetValue(id, out GatewaySession? session)) Look(turn, session);
        }
    }

    /// <summary>The data plane's counters of a session that has sent no probe for long.</summary>
    public static void JudgeSilence(GatewayTurn turn, GatewayInput.CountersRead input)
    {
        if (!turn.State.Sessions.TryGetValue(input.Session, out GatewaySession? session) || !session.AwaitsCounters) return;
        session = session with { AwaitsCounters = false };
        turn.Put(session);
        if (!turn.Serves) return;
        if (!session.Session.State.IsBound()) return;
        if (input.Counters is { } counters && counters.LastReceived > session.HeardAt) session = session with { HeardAt = counters.LastReceived };
        if (turn.Now < session.HeardAt + Silence(session, turn.Environment.Policy)) turn.Put(session);
        else GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.TransportLost));
    }

    private static void Look(GatewayTurn turn, GatewaySession session)
    {
        foreach (PreparedReattach prepared in session.Prepared.Where(prepared => turn.Now >= prepared.ExpiresAt))
        {
            prepared.Keys.Release(turn.Crypto);
            turn.State = turn.State with { ByIndex = turn.State.ByIndex.Remove(prepared.Index) };
        }
        session = session with { Prepared = session.Prepared.RemoveAll(prepared => turn.Now >= prepared.ExpiresAt) };
        turn.Put(session);
        if (session.Append is not null) return;
        if (session.Wanted is not null && !session.IsDistrusted)
        {
            GatewayEnds.Continue(turn, session.Session.Id);
            return;
        }
        if (GatewayOwnership.IsBorrowed(turn, session))
        {
            if (turn.Now >= session.HeardAt + GatewayLimits.BorrowedLifetime && !turn.State.Loading.ContainsKey(session.Session.Id)) turn.Remove(session);
            else if (turn.Now >= session.HeardAt + GatewayLimits.BorrowedLifetime) turn.Put(session with { HeardAt = turn.Now });
            return;
        }
        if (session.IsDistrusted) return;
        if (!IsRegistered(turn, session.Session))
        {
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.End, ReasonCode.ClientRemoved));
            return;
        }
        if (SessionDecider.NextDeadline(session.Session, turn.Environment.Policy) <= turn.Now)
        {
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.Tick));
            return;
        }
        if (!session.Session.State.IsBound() || turn.Now < session.HeardAt + Silence(session, turn.Environment.Policy)) return;
        if (session.AwaitsCounters) return;
        if (session.Epoch is null)
        {
            GatewayEnds.Withdraw(turn, session, Withdrawal.Of(WithdrawalKind.TransportLost));
            return;
        }
        turn.Put(session with { AwaitsCounters = true });
        turn.Emit(new GatewayEffect.ReadCounters(session.Session.Id));
    }

    /// <summary>A transport that this process never served is silent after the grace of a restart.</summary>
    private static TimeSpan Silence(GatewaySession session, SessionPolicy policy) =>
        session.Epoch is null ? GatewayLimits.ResumeGrace : policy.IdleProbeInterval * MissedProbes + policy.SuspicionMax;

    /// <summary>True if the client is still registered, with the addresses that its session has.</summary>
    public static bool IsRegistered(GatewayTurn turn, Session session) =>
        turn.Environment.Registry.TryFind(session.Client, out RegisteredClient client) && client.Addresses.Equals(session.Addresses);
}
