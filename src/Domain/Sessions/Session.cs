using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// The session: the stable identity and all that its events have made of it. Bounded in every member
/// (<see cref="SessionLimits"/>). It holds no key material.
/// </summary>
public sealed record Session
{
    /// <summary>Never changes.</summary>
    public required SessionId Id { get; init; }

    /// <summary>The client's static key.</summary>
    public required PublicKey Client { get; init; }

    /// <summary>The registry's name for the client when the session was established.</summary>
    public required Option<string> ClientName { get; init; }

    /// <summary>The inner addresses that the session may use.</summary>
    public required AddressSet Addresses { get; init; }

    public required SessionState State { get; init; }

    /// <summary>The stream's version: +1 for every event.</summary>
    public required ulong Version { get; init; }

    /// <summary>The version of the last event that bound a transport.</summary>
    public required ulong BindingVersion { get; init; }

    /// <summary>The one node that may serve the session; none after a release.</summary>
    public required Option<Owner> Owner { get; init; }

    /// <summary>+1 for every claim; 1 at first.</summary>
    public required ulong OwnershipEpoch { get; init; }

    /// <summary>+1 for every set of traffic keys; 1 at first.</summary>
    public required uint KeyEpoch { get; init; }

    /// <summary>The last committed reattach nonce; fresh is what lies above (REQ-REPLAY-1).</summary>
    public required ulong LastNonce { get; init; }

    /// <summary>The bound transport; none in Recovering and Terminated.</summary>
    public required Option<TransportBinding> Transport { get; init; }

    /// <summary>The client's process that holds the session.</summary>
    public required InstanceId Instance { get; init; }

    public required Instant EstablishedAt { get; init; }

    /// <summary>The end of the session's lifetime.</summary>
    public required Instant ExpiresAt { get; init; }

    /// <summary>When the present state began.</summary>
    public required Instant StateSince { get; init; }

    /// <summary>The time of the last event; events never go back in time.</summary>
    public required Instant UpdatedAt { get; init; }

    /// <summary>When the last transport was bound.</summary>
    public required Instant LastBoundAt { get; init; }

    /// <summary>When the keys were changed last.</summary>
    public required Instant LastKeyedAt { get; init; }

    /// <summary>The end of the recovery window; <see cref="Instant.Never"/> unless Recovering.</summary>
    public required Instant RecoveryDeadline { get; init; }

    public required SwitchBudgets Budgets { get; init; }

    /// <summary>Transports bound after the first one.</summary>
    public required ulong Switches { get; init; }

    /// <summary>The reason of the last event.</summary>
    public required ReasonCode LastReason { get; init; }

    /// <summary>The hash of the policy under which the session was established.</summary>
    public required Hash256 PolicyHash { get; init; }

    /// <summary>True once nothing more can happen.</summary>
    public bool IsTerminal => State == SessionState.Terminated;

    /// <summary>A session before its first event.</summary>
    public static Session Birth(SessionId id) => new()
    {
        Id = id,
        Client = default,
        ClientName = Option<string>.None,
        Addresses = AddressSet.Empty,
        State = SessionState.Birth,
        Version = 0,
        BindingVersion = 0,
        Owner = Option<Owner>.None,
        OwnershipEpoch = 0,
        KeyEpoch = 0,
        LastNonce = 0,
        Transport = Option<TransportBinding>.None,
        Instance = default,
        EstablishedAt = Instant.Zero,
        ExpiresAt = Instant.Never,
        StateSince = Instant.Zero,
        UpdatedAt = Instant.Zero,
        LastBoundAt = Instant.Zero,
        LastKeyedAt = Instant.Zero,
        RecoveryDeadline = Instant.Never,
        Budgets = SwitchBudgets.Full,
        Switches = 0,
        LastReason = ReasonCode.None,
        PolicyHash = default,
    };
}
