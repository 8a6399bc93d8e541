using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// The event that stands for all events up to its version after compaction. It takes the place (version and position) of
/// the last of them, its data holds the session's state after that event, and its `previous` is the hash of the event it
/// replaces: the chain's head at that version, so that the next event links on as if nothing had gone.
/// </summary>
public static class Snapshot
{
    /// <summary>The stored name.</summary>
    public const string Alias = "session_snapshot";

    /// <summary>The reason code of every snapshot.</summary>
    public const string Reason = "COMPACTED";

    /// <summary>A snapshot's draft. <paramref name="state"/> is the session's state after the last event that it replaces.</summary>
    public static EventDraft Draft(
        CanonicalJson state, Instant time, WallTime wall, Hash256 policyHash, string node, IncarnationId incarnation, long ownershipEpoch) =>
        new(Alias, time, wall, Reason, CanonicalJson.Null, policyHash, node, incarnation, ownershipEpoch, state);
}
