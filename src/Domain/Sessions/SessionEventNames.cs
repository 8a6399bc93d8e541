namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// STORAGE FORMAT: the aliases under which events, commands and snapshots are stored. They never change, whatever the
/// types are called in code.
/// </summary>
public static class SessionEventNames
{
    public const string Established = "session_established";
    public const string BecameVolatile = "session_became_volatile";
    public const string StabilityRestored = "session_stability_restored";
    public const string EnteredDegraded = "session_entered_degraded";
    public const string TransportLost = "session_transport_lost";
    public const string TransportSwitched = "session_transport_switched";
    public const string KeysRotated = "session_keys_rotated";
    public const string OwnershipReleased = "session_ownership_released";
    public const string OwnershipClaimed = "session_ownership_claimed";
    public const string Terminated = "session_terminated";

    /// <summary>The snapshot that replaces compacted events.</summary>
    public const string Snapshot = Audit.Snapshot.Alias;

    /// <summary>Every event alias.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Established, BecameVolatile, StabilityRestored, EnteredDegraded, TransportLost,
        TransportSwitched, KeysRotated, OwnershipReleased, OwnershipClaimed, Terminated,
    ];

    /// <summary>The alias of an event.</summary>
    public static string Of(SessionEvent happened) => happened switch
    {
        SessionEvent.Established => Established,
        SessionEvent.BecameVolatile => BecameVolatile,
        SessionEvent.StabilityRestored => StabilityRestored,
        SessionEvent.EnteredDegraded => EnteredDegraded,
        SessionEvent.TransportLost => TransportLost,
        SessionEvent.TransportSwitched => TransportSwitched,
        SessionEvent.KeysRotated => KeysRotated,
        SessionEvent.OwnershipReleased => OwnershipReleased,
        SessionEvent.OwnershipClaimed => OwnershipClaimed,
        SessionEvent.Terminated => Terminated,
        _ => throw new InvalidOperationException("An event without an alias: " + happened.GetType().Name),
    };
}
