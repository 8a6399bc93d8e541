using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>The client's mirror of its session: what the gateway has told, and what the client needs to go on with it.</summary>
public sealed record ClientSession
{
    public required SessionId Id { get; init; }

    public required SessionState State { get; init; }

    public required ulong Version { get; init; }

    public required ulong BindingVersion { get; init; }

    public required ulong OwnershipEpoch { get; init; }

    public required uint KeyEpoch { get; init; }

    /// <summary>The keys of the session's life; owned by the session.</summary>
    public required SessionSecrets Secrets { get; init; }

    public required ReadOnlyMemory<byte> Ticket { get; init; }

    public required SessionPolicy Policy { get; init; }

    public required ImmutableArray<IpPrefix> Addresses { get; init; }

    /// <summary>The tunnel's own limit, in bytes; 0 until the first BOUND of this process.</summary>
    public required int TunnelMtu { get; init; }

    /// <summary>The instances under which this host has held the session, newest last.</summary>
    public required ImmutableArray<InstanceId> Instances { get; init; }

    /// <summary>The instance that the gateway has bound.</summary>
    public required InstanceId BoundInstance { get; init; }

    public required NonceBook Nonces { get; init; }

    /// <summary>When this process first held the session.</summary>
    public required Instant Since { get; init; }

    /// <summary>When the current keys came into use.</summary>
    public Instant KeyedAt { get; init; } = Instant.Zero;

    /// <summary>When the session's lifetime is over.</summary>
    public Instant ExpiresAt { get; init; } = Instant.Never;

    /// <summary>What the gateway has bound; null while nothing is.</summary>
    public BoundTransport? Bound { get; init; }

    /// <summary>The epochs in the data plane.</summary>
    public ImmutableArray<InstalledEpoch> Epochs { get; init; } = [];

    /// <summary>The epoch that the data plane sends under: the bound one, or one that a CONFIRM is out for; 0 if none.</summary>
    public uint SendingIndex { get; init; }

    /// <summary>The epoch of the last BOUND; 0 before the first of this process.</summary>
    public uint CommittedIndex { get; init; }

    /// <summary>One more than the highest counter that the gateway has said it received under the committed epoch.</summary>
    public ulong Acknowledged { get; init; }

    /// <summary>The old epoch that the gateway is to be told the end of, once the data plane has named it.</summary>
    public EndedEpoch? Ending { get; init; }

    /// <summary>The data plane knows the session.</summary>
    public bool IsOpen { get; init; }

    /// <summary>What the data plane and the tunnel were last told, in bytes.</summary>
    public int InnerMtu { get; init; }

    public int Switches { get; init; }

    public ReasonCode LastReason { get; init; }

    /// <summary>The epoch that the data plane sends under; null if none.</summary>
    public InstalledEpoch? Sending => Epochs.FirstOrDefault(epoch => epoch.LocalIndex == SendingIndex);
}

/// <summary>The transport that the gateway has bound, on one of our paths.</summary>
/// <param name="Address">As the data plane knows it.</param>
/// <param name="Local">The address that we send from, for people.</param>
public sealed record BoundTransport(PathId Path, string Uplink, TransportAddress Address, Endpoint Local, Instant At);

/// <summary>An epoch that the data plane holds.</summary>
/// <param name="RemoveAt">When it is forgotten; <see cref="Instant.Never"/> for those in use.</param>
public sealed record InstalledEpoch(uint LocalIndex, uint RemoteIndex, PathId Path, Instant RemoveAt);

/// <summary>A replaced epoch, by the gateway's receiver index, and the epoch whose Bind replaces it.</summary>
public readonly record struct EndedEpoch(uint RemoteIndex, uint ReplacedBy);

/// <summary>
/// The nonces of a session (REQ-REPLAY-1): each is used once, ever rising, and with a state file only after the file that
/// promises not to use it again is on disk.
/// </summary>
/// <param name="Next">The next one to use.</param>
/// <param name="UsableBelow">The end of what may be used now.</param>
public readonly record struct NonceBook(ulong Next, ulong UsableBelow)
{
    /// <summary>Without a state file nothing outlives the process, so nothing needs to be promised.</summary>
    public static readonly NonceBook Unlimited = new(1, ulong.MaxValue);

    public bool HasOne => Next < UsableBelow;

    /// <summary>True if so few are left that more should be reserved.</summary>
    public bool IsLow => UsableBelow != ulong.MaxValue && (Next >= UsableBelow || UsableBelow - Next <= ClientLimits.NonceBlock / 2);
}
