using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>One PREPARE on one path, with a nonce and a key share of its own.</summary>
public sealed record ReattachAttempt
{
    /// <summary>Our receiver index for the new epoch.</summary>
    public required uint LocalIndex { get; init; }

    public required PathId Path { get; init; }

    public required ReattachKind Kind { get; init; }

    /// <summary>The path's socket when it began: with another socket it is void.</summary>
    public required int Socket { get; init; }

    public required ulong Nonce { get; init; }

    /// <summary>The binding version that its PREPARE names.</summary>
    public required ulong BindingVersion { get; init; }

    /// <summary>The PREPARE without cookie MAC.</summary>
    public required ReadOnlyMemory<byte> Datagram { get; init; }

    /// <summary>Hash of the PREPARE without cookie MAC.</summary>
    public required Hash256 RequestHash { get; init; }

    public required Instant StartedAt { get; init; }

    public required ReattachStage Stage { get; init; }

    /// <summary>When its message is repeated.</summary>
    public Instant RetryAt { get; init; }

    /// <summary>Times that its message was sent.</summary>
    public int Tries { get; init; }

    /// <summary>Times that a cookie made us repeat it.</summary>
    public int CookieRounds { get; init; }
}

/// <summary>How far an attempt has come. Owns its secrets. Closed.</summary>
public abstract record ReattachStage
{
    private ReattachStage()
    {
    }

    public abstract void Release(ICryptography crypto);

    /// <summary>The PREPARE is out.</summary>
    public sealed record Preparing(SecretHandle Ephemeral) : ReattachStage
    {
        public override void Release(ICryptography crypto) => crypto.Release(Ephemeral);
    }

    /// <summary>PREPARED came; the epoch is in the data plane and the CONFIRM is out.</summary>
    /// <param name="AnswerHash">Hash of PREPARED without its token: one that differs belongs to other keys.</param>
    /// <param name="RemoteIndex">The gateway's receiver index.</param>
    /// <param name="Confirmation">MACs CONFIRMs, for as long as another token may come.</param>
    /// <param name="GatewayControl">Opens BOUND.</param>
    /// <param name="Confirms">One for each token that has come, the latest last; at most <see cref="ClientLimits.Tokens"/>.</param>
    /// <param name="Since">When PREPARED came.</param>
    public sealed record Confirming(
        Hash256 AnswerHash, uint RemoteIndex, SecretHandle Confirmation, SecretHandle GatewayControl, ImmutableArray<ReadOnlyMemory<byte>> Confirms, Instant Since)
        : ReattachStage
    {
        public override void Release(ICryptography crypto)
        {
            crypto.Release(Confirmation);
            crypto.Release(GatewayControl);
        }
    }
}

/// <summary>A reattach under way: several attempts, of which one will be bound.</summary>
public sealed record Reattach
{
    public required ReattachKind Kind { get; init; }

    /// <summary>What set it off, for people.</summary>
    public required string Cause { get; init; }

    public required Instant StartedAt { get; init; }

    /// <summary>The paths to try first, best first; a gentle reattach tries no other.</summary>
    public ImmutableArray<PathId> Preferred { get; init; } = [];

    /// <summary>The attempts, oldest first; at most <see cref="Protocol.ProtocolConstants.MaxPendingReattaches"/>.</summary>
    public ImmutableArray<ReattachAttempt> Attempts { get; init; } = [];

    /// <summary>When paths are looked for that could be tried as well.</summary>
    public required Instant RoundAt { get; init; }

    /// <summary>Rounds so far.</summary>
    public int Rounds { get; init; }

    /// <summary>The gateway asked us to wait until then.</summary>
    public Instant NotBefore { get; init; } = Instant.Zero;

    /// <summary>Times that a newer binding version made us try again at once.</summary>
    public int VersionRepeats { get; init; }

    /// <summary>
    /// A silence set it off, not a certain sign: an answer on the bound path before anything was confirmed calls it off.
    /// </summary>
    public bool IsTentative { get; init; }

    /// <summary>Only the path's address has changed, as far as is known: it is tried alone for a moment.</summary>
    public bool IsRebound => Kind is ReattachKind.Rebound or ReattachKind.Challenge;

    /// <summary>The old transport stays in use until BOUND.</summary>
    public bool IsGentle => Kind is ReattachKind.Voluntary or ReattachKind.Rekey;

    public bool IsConfirming => Attempts.Any(attempt => attempt.Stage is ReattachStage.Confirming);
}
