using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>What a binding changes, whether by the owner or by a claim.</summary>
/// <param name="Kind">Why the client moved.</param>
/// <param name="Nonce">The nonce that is used up.</param>
/// <param name="KeyEpoch">The number of the new traffic keys.</param>
/// <param name="Transport">The new transport.</param>
/// <param name="Instance">The client's process from now on.</param>
/// <param name="State">Attached, or Degraded while bounds are exceeded.</param>
/// <param name="Budgets">What is left of the budgets after the move.</param>
public sealed record Binding(
    ReattachKind Kind, ulong Nonce, uint KeyEpoch, TransportBinding Transport, InstanceId Instance, SessionState State, SwitchBudgets Budgets);

/// <summary>
/// All that can happen to a session. STORAGE FORMAT: these records are stored and signed for years. Members are only ever
/// added, with a default for histories that lack them; their stored names are in <see cref="SessionEventNames"/>.
/// </summary>
public abstract record SessionEvent
{
    private SessionEvent(ulong version, Instant at)
    {
        Version = version;
        At = at;
    }

    /// <summary>The stream's version after this event.</summary>
    public ulong Version { get; init; }

    /// <summary>When it happened, by the store's service clock; never before its predecessor.</summary>
    public Instant At { get; init; }

    /// <summary>The one primary cause.</summary>
    public abstract ReasonCode Reason { get; }

    /// <summary>The session exists, with its first transport and key epoch 1.</summary>
    public sealed record Established(
        ulong Version, Instant At, SessionId Id, PublicKey Client, Option<string> ClientName, AddressSet Addresses, InstanceId Instance,
        Owner Owner, TransportBinding Transport, Instant ExpiresAt, Hash256 PolicyHash) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.HandshakeOk;
    }

    /// <summary>Quality stayed below the floor.</summary>
    public sealed record BecameVolatile(ulong Version, Instant At, QualityReport Quality) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.VolatilitySignal;
    }

    /// <summary>Quality stayed above the ceiling.</summary>
    public sealed record StabilityRestored(ulong Version, Instant At, QualityReport Quality) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.StabilityRestored;
    }

    /// <summary>The quality budget is spent, or the session was volatile for too long.</summary>
    public sealed record EnteredDegraded(ulong Version, Instant At) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.EnterDegraded;
    }

    /// <summary>No viable delivery: the transport is unbound.</summary>
    public sealed record TransportLost(ulong Version, Instant At, ulong TransportId, Instant RecoveryDeadline) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.TransportDead;
    }

    /// <summary>Another transport is bound.</summary>
    public sealed record TransportSwitched(ulong Version, Instant At, Binding Binding) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.TransportSwitched;
    }

    /// <summary>The keys changed on the bound transport.</summary>
    public sealed record KeysRotated(ulong Version, Instant At, ulong Nonce, uint KeyEpoch) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.KeysRotated;
    }

    /// <summary>The session has no owner and no transport until it is claimed.</summary>
    public sealed record OwnershipReleased(ulong Version, Instant At, Owner Previous, Instant RecoveryDeadline) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.OwnershipReleased;
    }

    /// <summary>Another node, or incarnation, owns the session and has bound a transport.</summary>
    public sealed record OwnershipClaimed(
        ulong Version, Instant At, Owner Owner, ulong OwnershipEpoch, Option<Owner> Fenced, Binding Binding) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => ReasonCode.OwnershipClaimed;
    }

    /// <summary>The session is over.</summary>
    public sealed record Terminated(ulong Version, Instant At, ReasonCode Cause, Option<SessionId> Successor) : SessionEvent(Version, At)
    {
        public override ReasonCode Reason => Cause;
    }
}
