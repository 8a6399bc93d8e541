using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>What must hold across every step, checked in tests, in simulation and in replay (REQ-SAFETY-2).</summary>
public static class SessionInvariants
{
    /// <summary>The violations of one step; empty if all holds.</summary>
    public static IReadOnlyList<string> Check(Session before, SessionEvent happened, Session after)
    {
        var violations = new List<string>();
        Require(before.State != SessionState.Terminated, "nothing follows Terminated");
        Require(after.Version == before.Version + 1 && after.Version == happened.Version, "the version rises by 1 with each event");
        Require(after.UpdatedAt == happened.At && happened.At >= before.UpdatedAt, "time does not run back");
        Require(after.Id == before.Id, "the id never changes");
        Require(after.State.IsBound() == after.Transport.IsSome, "a transport is bound in Attached, Volatile and Degraded, and in no other state");
        Require(after.Transport.ForAll(bound => bound.Id == after.BindingVersion), "the bound transport carries the binding version");
        Require(after.Transport.ForAll(bound => after.Owner.Exists(owner => owner.Node == bound.Node)), "the owner serves the bound transport");
        Require(after.BindingVersion <= after.Version && after.BindingVersion >= before.BindingVersion, "the binding version never goes back");
        Require(after.LastNonce >= before.LastNonce, "nonces never go back");
        Require(after.KeyEpoch >= before.KeyEpoch && after.KeyEpoch - before.KeyEpoch <= 1, "key epochs rise one by one");
        Require(after.OwnershipEpoch >= before.OwnershipEpoch && after.OwnershipEpoch - before.OwnershipEpoch <= 1, "ownership epochs rise one by one");
        Require((after.State == SessionState.Recovering) == (after.RecoveryDeadline != Instant.Never), "a recovery deadline stands in Recovering only");
        Require(after.Addresses.Count <= SessionLimits.MaxAddresses, "addresses are bounded");
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
