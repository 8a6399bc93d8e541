using System.Collections.Frozen;

namespace JumpingVpn.Domain.Sessions;

/// <summary>Names of reason codes. The table is the contract with scripts, dashboards and stored events.</summary>
public static class ReasonCodes
{
    private static readonly (ReasonCode Code, string Name)[] Table =
    [
        (ReasonCode.HandshakeOk, "HANDSHAKE_OK"),
        (ReasonCode.VolatilitySignal, "VOLATILITY_SIGNAL"),
        (ReasonCode.StabilityRestored, "STABILITY_RESTORED"),
        (ReasonCode.EnterDegraded, "ENTER_DEGRADED"),
        (ReasonCode.TransportDead, "TRANSPORT_DEAD"),
        (ReasonCode.TransportSwitched, "TRANSPORT_SWITCHED"),
        (ReasonCode.KeysRotated, "KEYS_ROTATED"),
        (ReasonCode.OwnershipReleased, "OWNERSHIP_RELEASED"),
        (ReasonCode.OwnershipClaimed, "OWNERSHIP_CLAIMED"),
        (ReasonCode.Compacted, "COMPACTED"),
        (ReasonCode.Superseded, "SUPERSEDED"),
        (ReasonCode.RecoveryWindowExceeded, "RECOVERY_WINDOW_EXCEEDED"),
        (ReasonCode.TtlExpired, "TTL_EXPIRED"),
        (ReasonCode.PolicyExceeded, "POLICY_EXCEEDED"),
        (ReasonCode.Explicit, "EXPLICIT"),
        (ReasonCode.ClientRemoved, "CLIENT_REMOVED"),
        (ReasonCode.DualClient, "DUAL_CLIENT"),
        (ReasonCode.Ambiguity, "AMBIGUITY"),
        (ReasonCode.VersionMismatch, "VERSION_MISMATCH"),
        (ReasonCode.ReplayDetected, "REPLAY_DETECTED"),
        (ReasonCode.Cooldown, "COOLDOWN"),
        (ReasonCode.BudgetExceeded, "BUDGET_EXCEEDED"),
        (ReasonCode.Gone, "GONE"),
        (ReasonCode.UnknownSession, "UNKNOWN_SESSION"),
        (ReasonCode.BadProof, "BAD_PROOF"),
        (ReasonCode.BadTicket, "BAD_TICKET"),
        (ReasonCode.BadMac, "BAD_MAC"),
        (ReasonCode.BadLength, "BAD_LENGTH"),
        (ReasonCode.UnknownType, "UNKNOWN_TYPE"),
        (ReasonCode.CookieRequired, "COOKIE_REQUIRED"),
        (ReasonCode.RateLimited, "RATE_LIMITED"),
        (ReasonCode.HandshakeExpired, "HANDSHAKE_EXPIRED"),
        (ReasonCode.TokenMismatch, "TOKEN_MISMATCH"),
        (ReasonCode.StaleEpoch, "STALE_EPOCH"),
        (ReasonCode.UnknownClient, "UNKNOWN_CLIENT"),
        (ReasonCode.StoreUnavailable, "STORE_UNAVAILABLE"),
        (ReasonCode.StoreConflict, "STORE_CONFLICT"),
        (ReasonCode.WrongOwner, "WRONG_OWNER"),
        (ReasonCode.WrongState, "WRONG_STATE"),
        (ReasonCode.SpoofedSource, "SPOOFED_SOURCE"),
        (ReasonCode.UnboundSource, "UNBOUND_SOURCE"),
        (ReasonCode.TooManyPending, "TOO_MANY_PENDING"),
        (ReasonCode.NotConfirmed, "NOT_CONFIRMED"),
        (ReasonCode.BadSessionId, "BAD_SESSION_ID"),
        (ReasonCode.BadHandshake, "BAD_HANDSHAKE"),
        (ReasonCode.BadTag, "BAD_TAG"),
        (ReasonCode.UnknownReceiver, "UNKNOWN_RECEIVER"),
        (ReasonCode.UnsupportedVersion, "UNSUPPORTED_VERSION"),
        (ReasonCode.Malformed, "MALFORMED"),
        (ReasonCode.BadInnerPacket, "BAD_INNER_PACKET"),
        (ReasonCode.UnknownDestination, "UNKNOWN_DESTINATION"),
        (ReasonCode.QueueFull, "QUEUE_FULL"),
        (ReasonCode.LeaseLost, "LEASE_LOST"),
        (ReasonCode.WrongInstance, "WRONG_INSTANCE"),
        (ReasonCode.StaleTransport, "STALE_TRANSPORT"),
        (ReasonCode.InvalidCommand, "INVALID_COMMAND"),
        (ReasonCode.TooManySessions, "TOO_MANY_SESSIONS"),
        (ReasonCode.LowOrderPoint, "LOW_ORDER_POINT"),
        (ReasonCode.Draining, "DRAINING"),
    ];

    private static readonly FrozenDictionary<ReasonCode, string> Names = Table.ToFrozenDictionary(row => row.Code, row => row.Name);

    private static readonly FrozenDictionary<string, ReasonCode> Codes =
        Table.ToFrozenDictionary(row => row.Name, row => row.Code, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, ReasonCode>.AlternateLookup<ReadOnlySpan<char>> ByName = Codes.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Every code, in the order of their numbers.</summary>
    public static IReadOnlyList<ReasonCode> All { get; } = [.. Table.Select(row => row.Code)];

    /// <summary>The stable name, such as TRANSPORT_DEAD; UNKNOWN_n for a number that this version does not know.</summary>
    public static string Name(this ReasonCode code) =>
        Names.TryGetValue(code, out string? name) ? name : "UNKNOWN_" + ((ushort)code).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>True for codes with which a session may end.</summary>
    public static bool IsEnd(this ReasonCode code) => code is >= ReasonCode.Superseded and <= ReasonCode.Ambiguity;

    /// <summary>True for codes of refused inputs, which never change a session.</summary>
    public static bool IsRejection(this ReasonCode code) => (ushort)code >= 100 && Names.ContainsKey(code);

    /// <summary>Finds a code by its exact name.</summary>
    public static bool TryParse(ReadOnlySpan<char> name, out ReasonCode code) => ByName.TryGetValue(name, out code);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out ReasonCode)"/>
    public static bool TryParse(string? name, out ReasonCode code)
    {
        code = ReasonCode.None;
        return name is not null && Codes.TryGetValue(name, out code);
    }

    /// <summary>Finds a code by its number on the wire; false for a number that this version does not know.</summary>
    public static bool TryFromNumber(ushort number, out ReasonCode code)
    {
        code = (ReasonCode)number;
        return Names.ContainsKey(code);
    }
}
