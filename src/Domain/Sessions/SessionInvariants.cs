using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>What must hold across every step, checked in tests, in simulation and in replay (REQ-SAFETY-2).</summary>
public static class SessionInvariants
{
    /// <summary>What is wrong with a session by itself, such as one that a snapshot held; empty if it could have come to be.</summary>
    public static IReadOnlyList<string> Check(Session session)
    {
        var violations = new List<string>();
        Require(session.State is > SessionState.Birth and <= SessionState.Terminated, "a stored session was established");
        Require(session.Version is > 0 and <= SessionLimits.MaxVersion + 1, "versions have bounds");
        Require(session.State.IsBound() == session.Transport.IsSome, "a transport is bound in Attached, Volatile and Degraded, and in no other state");
        Require(session.BindingVersion > 0 && session.BindingVersion <= session.Version, "the binding version is one of the session's versions");
        Require(session.Transport.ForAll(bound => bound.Id == session.BindingVersion), "the bound transport carries the binding version");
        Require(session.Transport.ForAll(bound => session.Owner.Exists(owner => owner.Node == bound.Node)), "the owner serves the bound transport");
        Require((session.State == SessionState.Recovering) == (session.RecoveryDeadline != Instant.Never), "a recovery deadline stands in Recovering only");
        Require(session.KeyEpoch is > 0 and <= SessionLimits.MaxKeyEpoch, "key epochs have bounds");
        Require(session.OwnershipEpoch is > 0 and <= SessionLimits.MaxVersion, "ownership epochs have bounds");
        Require(session.Owner.ForAll(owner => owner.Node.Length is > 0 and <= SessionLimits.MaxNameLength), "a node's name has bounds");
        Require(session.ClientName.ForAll(name => name.Length is > 0 and <= SessionLimits.MaxNameLength), "a client's name has bounds");
        Require(session.Addresses.Count <= SessionLimits.MaxAddresses, "addresses are bounded");
        Require(session.LastReason != ReasonCode.None && !session.LastReason.IsRejection(), "a rejection changes no session");
        Require(session.LastReason.IsEnd() == session.IsTerminal, "an end ends");
        return violations;

        void Require(bool holds, string rule)
        {
            if (!holds) violations.Add(rule);
        }
    }

    /// <summary>The violations of one step; empty if all holds.</summary>
    public static IReadOnlyList<string> Check(Session before, SessionEvent happened, Session after)
    {
        var violations = new List<string>(Check(after));
        Require(before.State != SessionState.Terminated, "nothing follows Terminated");
        Require(after.Version == before.Version + 1 && after.Version == happened.Version, "the version rises by 1 with each event");
        Require(after.UpdatedAt == happened.At && happened.At >= before.UpdatedAt, "time does not run back");
        Require(after.Id == before.Id, "the id never changes");
        Require(after.BindingVersion >= before.BindingVersion, "the binding version never goes back");
        Require(after.LastNonce >= before.LastNonce, "nonces never go back");
        Require(after.KeyEpoch >= before.KeyEpoch && after.KeyEpoch - before.KeyEpoch <= 1, "key epochs rise one by one");
        Require(after.OwnershipEpoch >= before.OwnershipEpoch && after.OwnershipEpoch - before.OwnershipEpoch <= 1, "ownership epochs rise one by one");
        Require(after.LastReason == happened.Reason && happened.Reason != ReasonCode.None, "every step has a reason");
        if (before.State != SessionState.Birth)
        {
            Require(after.Client == before.Client && after.ExpiresAt == before.ExpiresAt && after.EstablishedAt == before.EstablishedAt,
                "client key and lifetime never change");
            Require(after.Addresses.Equals(before.Addresses), "addresses never change");
        }

        bool binds = happened is SessionEvent.Established or SessionEvent.TransportSwitched or SessionEvent.OwnershipClaimed;
        Require(binds == (after.BindingVersion == after.Version), "the binding version moves when, and only when, a transport binds");
        bool keys = binds || happened is SessionEvent.KeysRotated;
        Require(keys == (after.KeyEpoch == before.KeyEpoch + 1), "every binding and every rekey makes new keys, and nothing else does");
        if (keys && happened is not SessionEvent.Established) Require(after.LastNonce > before.LastNonce, "a reattach uses up its nonce");
        bool claims = happened is SessionEvent.Established or SessionEvent.OwnershipClaimed;
        Require(claims == (after.OwnershipEpoch == before.OwnershipEpoch + 1), "every claim raises the ownership epoch, and nothing else does");
        return violations;

        void Require(bool holds, string rule)
        {
            if (!holds) violations.Add(rule);
        }
    }
}
