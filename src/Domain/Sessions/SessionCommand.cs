using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// What a client asks for when it reattaches. Proof, token and cookie were checked before; what is left is what depends
/// on the session's state.
/// </summary>
/// <param name="Kind">Why.</param>
/// <param name="Nonce">Above the last committed one (REQ-REPLAY-1).</param>
/// <param name="ExpectedBindingVersion">The binding version that the client knows (REQ-HIJACK-2).</param>
/// <param name="Transport">What would be bound.</param>
/// <param name="Instance">The client's process.</param>
public sealed record ReattachRequest(
    ReattachKind Kind, ulong Nonce, ulong ExpectedBindingVersion, TransportCandidate Transport, InstanceId Instance);

/// <summary>
/// All that can be asked of a session. Each command carries the time, by the store's service clock, and the node that
/// asks; nothing else reaches the decision.
/// </summary>
public abstract record SessionCommand
{
    private SessionCommand(Instant at, Owner by)
    {
        At = at;
        By = by;
    }

    public Instant At { get; init; }

    /// <summary>The node that asks, in its present incarnation.</summary>
    public Owner By { get; init; }

    /// <summary>A handshake was confirmed by the client's first message under the new keys.</summary>
    public sealed record Establish(
        Instant At, Owner By, PublicKey Client, Option<string> ClientName, AddressSet Addresses, InstanceId Instance,
        TransportCandidate Transport, Hash256 PolicyHash) : SessionCommand(At, By);

    /// <summary>A reattach was confirmed at the session's owner.</summary>
    public sealed record Reattach(Instant At, Owner By, ReattachRequest Request) : SessionCommand(At, By);

    /// <summary>
    /// A reattach was confirmed at a node that does not own the session yet. <paramref name="Fenced"/> is the owner
    /// whose fencing this node holds evidence of; none says that the session was released.
    /// </summary>
    public sealed record Claim(Instant At, Owner By, Option<Owner> Fenced, ReattachRequest Request) : SessionCommand(At, By);

    /// <summary>What the owner measured on the bound transport.</summary>
    public sealed record ReportQuality(Instant At, Owner By, QualityReport Quality) : SessionCommand(At, By);

    /// <summary>The bound transport delivers no more.</summary>
    /// <param name="TransportId">Which one; another than the bound one is refused.</param>
    /// <param name="Fenced">The owner that died with the transport, where another node says so.</param>
    public sealed record LoseTransport(Instant At, Owner By, ulong TransportId, Option<Owner> Fenced = default) : SessionCommand(At, By);

    /// <summary>The owner hands the session over: it drains, or another node asked for it.</summary>
    public sealed record Release(Instant At, Owner By) : SessionCommand(At, By);

    /// <summary>A new handshake of the same client key was confirmed.</summary>
    public sealed record Supersede(Instant At, Owner By, Option<Owner> Fenced, SessionId Successor) : SessionCommand(At, By);

    /// <summary>Ends the session with EXPLICIT, CLIENT_REMOVED, DUAL_CLIENT, POLICY_EXCEEDED or AMBIGUITY.</summary>
    public sealed record Terminate(Instant At, Owner By, Option<Owner> Fenced, ReasonCode Reason) : SessionCommand(At, By);

    /// <summary>Time has passed: see <see cref="SessionDecider.NextDeadline"/>.</summary>
    public sealed record Tick(Instant At, Owner By, Option<Owner> Fenced) : SessionCommand(At, By);
}
