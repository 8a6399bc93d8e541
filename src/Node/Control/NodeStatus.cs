namespace JumpingVpn.Node.Control;

/// <summary>
/// What a node says about itself: exactly the document that `status --json` prints. Names become snake_case, what does not
/// exist is null. Byte and packet counts are those of the present process.
/// </summary>
public sealed record NodeStatus
{
    /// <summary>`gateway` or `client`.</summary>
    public required string Role { get; init; }

    /// <summary>The node's name.</summary>
    public required string Node { get; init; }

    /// <summary>The program's version.</summary>
    public required string Version { get; init; }

    /// <summary>In the order of their ids; on a client at most one.</summary>
    public required IReadOnlyList<SessionStatus> Sessions { get; init; }

    /// <summary>Refused inputs by reason code since the process started.</summary>
    public required IReadOnlyDictionary<string, long> Rejections { get; init; }

    /// <summary>Null on a client.</summary>
    public required StoreStatus? Store { get; init; }

    /// <summary>Null where the store has no lease: on SQLite, and on a client.</summary>
    public required LeaseStatus? Lease { get; init; }

    public required TelemetryStatus Telemetry { get; init; }
}

/// <summary>One session as its node sees it.</summary>
public sealed record SessionStatus
{
    /// <summary>32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>The client's name.</summary>
    public required string Client { get; init; }

    /// <summary>`Birth`, `Attached`, `Volatile`, `Degraded`, `Recovering` or `Terminated`.</summary>
    public required string State { get; init; }

    public required ulong Version { get; init; }

    public required ulong BindingVersion { get; init; }

    /// <summary>The name of the node that serves the session; null after a release.</summary>
    public required string? Owner { get; init; }

    public required ulong OwnershipEpoch { get; init; }

    public required uint KeyEpoch { get; init; }

    /// <summary>UTC.</summary>
    public required DateTime? EstablishedAt { get; init; }

    /// <summary>The client's prefixes inside the tunnel.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>The bound transport; null in Recovering and Terminated.</summary>
    public required TransportStatus? Transport { get; init; }

    /// <summary>What a client measures; empty on a gateway, which only sees the bound path.</summary>
    public required IReadOnlyList<PathStatus> Paths { get; init; }

    /// <summary>Transports bound after the first one.</summary>
    public required ulong Switches { get; init; }

    /// <summary>The reason code of the last event.</summary>
    public required string LastReason { get; init; }

    public required ulong RxBytes { get; init; }

    public required ulong TxBytes { get; init; }

    public required ulong RxPackets { get; init; }

    public required ulong TxPackets { get; init; }
}

/// <summary>The path that is bound to a session.</summary>
public sealed record TransportStatus
{
    /// <summary>The version of the event that bound it.</summary>
    public required ulong Id { get; init; }

    /// <summary>The client's device; null on a gateway that was not told.</summary>
    public required string? Uplink { get; init; }

    /// <summary>This node's address and port.</summary>
    public required string? Local { get; init; }

    /// <summary>The other side's address and port.</summary>
    public required string Remote { get; init; }

    /// <summary>UTC.</summary>
    public required DateTime? BoundAt { get; init; }
}

/// <summary>One path that a client measures.</summary>
public sealed record PathStatus
{
    /// <summary>The device.</summary>
    public required string Uplink { get; init; }

    /// <summary>The gateway's address and port.</summary>
    public required string Endpoint { get; init; }

    /// <summary>`Unknown`, `Live`, `Suspect` or `Dead`.</summary>
    public required string State { get; init; }

    /// <summary>Round trip in milliseconds; null before the first.</summary>
    public required double? RttMs { get; init; }

    /// <summary>Share of what was lost, 0 to 1; null before the first measurement.</summary>
    public required double? Loss { get; init; }

    /// <summary>Largest datagram that passed, in bytes of IP; null before it is known.</summary>
    public required int? Mtu { get; init; }
}

/// <summary>The event store.</summary>
public sealed record StoreStatus
{
    /// <summary>`sqlite`, `postgres` or `memory`.</summary>
    public required string Kind { get; init; }

    /// <summary>False while appends fail.</summary>
    public required bool Healthy { get; init; }

    /// <summary>Events that are not compacted yet.</summary>
    public required long LiveEvents { get; init; }
}

/// <summary>A node's right to serve, where it shares its store.</summary>
public sealed record LeaseStatus
{
    public required bool Held { get; init; }

    public required long ExpiresInMs { get; init; }
}

/// <summary>The log and the metrics.</summary>
public sealed record TelemetryStatus
{
    /// <summary>Log lines that were dropped because the disk, the pipe or the terminal did not take them.</summary>
    public required long Dropped { get; init; }

    /// <summary>Records that the flight recorder could not take or write.</summary>
    public long RecorderDropped { get; init; }

    /// <summary>What is wrong with log, metrics and whatever else records, a line each; empty if nothing is.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
