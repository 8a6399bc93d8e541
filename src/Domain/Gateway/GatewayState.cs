using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>All that a gateway core remembers. Immutable; every collection is bounded.</summary>
/// <param name="Sessions">The sessions that have not ended.</param>
/// <param name="ByClient">A client key has at most one session.</param>
/// <param name="ByIndex">Receiver indices of half-open handshakes, prepared reattaches and bound epochs.</param>
/// <param name="HalfOpen">Half-open handshakes by their slot in a ring of <see cref="GatewayEnvironment.HalfOpenHandshakes"/>.</param>
/// <param name="NextSlot">The slot that the next handshake takes, whoever is in it.</param>
/// <param name="HalfOpenExpiry">No half-open handshake expires before this.</param>
/// <param name="Deadlines">When each session wants to be looked at, soonest first.</param>
/// <param name="Appends">Appends that the store has not answered.</param>
/// <param name="LastAppend">Number of the last append.</param>
/// <param name="ReattachBudget">Diffie-Hellman exchanges for reattaches; handshakes have their own.</param>
public sealed record GatewayState(
    ImmutableSortedDictionary<SessionId, GatewaySession> Sessions,
    ImmutableSortedDictionary<PublicKey, SessionId> ByClient,
    ImmutableSortedDictionary<uint, ReceiverIndex> ByIndex,
    ImmutableSortedDictionary<int, HalfOpenHandshake> HalfOpen,
    int NextSlot,
    Instant HalfOpenExpiry,
    ImmutableSortedSet<(Instant At, SessionId Session)> Deadlines,
    ImmutableSortedDictionary<long, PendingAppend> Appends,
    long LastAppend,
    Admission.TokenBucket HandshakeBudget,
    Admission.TokenBucket ReattachBudget,
    bool Draining)
{
    /// <summary>In a cluster: owners that this node can prove to be gone.</summary>
    public ImmutableSortedDictionary<IncarnationId, FenceEvidence> Gone { get; init; } = StateMap.Empty<IncarnationId, FenceEvidence>();

    /// <summary>In a cluster: sessions that are being read, and what waits for each; at most <see cref="GatewayLimits.Loads"/>.</summary>
    public ImmutableSortedDictionary<SessionId, WaitingForLoad> Loading { get; init; } = StateMap.Empty<SessionId, WaitingForLoad>();

    /// <summary>In a cluster: clients whose live session is being read; bounded by the half-open handshakes.</summary>
    public ImmutableSortedSet<PublicKey> LoadingClients { get; init; } = [];

    public static readonly GatewayState Empty = new(
        StateMap.Empty<SessionId, GatewaySession>(),
        ImmutableSortedDictionary<PublicKey, SessionId>.Empty,
        ImmutableSortedDictionary<uint, ReceiverIndex>.Empty,
        ImmutableSortedDictionary<int, HalfOpenHandshake>.Empty,
        0,
        Instant.Never,
        [],
        StateMap.Empty<long, PendingAppend>(),
        0,
        Admission.TokenBucket.Full,
        Admission.TokenBucket.Full,
        false);

    /// <summary>
    /// The state of a node that starts over what its store holds. The loaded sessions belong to an earlier incarnation, whose
    /// death the store's exclusive lock proves; their clients have <see cref="GatewayLimits.ResumeGrace"/> to come back before
    /// their transports count as lost.
    /// </summary>
    public static GatewayState Restore(IEnumerable<Session> sessions, Instant now)
    {
        GatewayState state = Empty;
        foreach (Session session in sessions.Where(session => !session.IsTerminal))
        {
            var loaded = new GatewaySession { Session = session, HeardAt = now, Deadline = now + GatewayLimits.ResumeGrace };
            state = state with
            {
                Sessions = state.Sessions.SetItem(session.Id, loaded),
                ByClient = state.ByClient.SetItem(session.Client, session.Id),
                Deadlines = state.Deadlines.Add((loaded.Deadline, session.Id)),
            };
        }
        return state;
    }

    /// <summary>When the core wants a TimerFired; <see cref="Instant.Never"/> if nothing waits.</summary>
    public Instant NextDeadline => Deadlines.IsEmpty ? HalfOpenExpiry : Instant.Min(HalfOpenExpiry, Deadlines.Min.At);
}

/// <summary>What a receiver index of ours stands for: exactly one of the two is set.</summary>
public readonly record struct ReceiverIndex(int? HalfOpenSlot, SessionId? Session);

/// <summary>Bounds of a gateway that are no policy. Each has a reason beside it.</summary>
public static class GatewayLimits
{
    /// <summary>Half-open handshakes unless the node's operator sets another bound: half a second of the handshake budget's rate. A full ring forgets the oldest.</summary>
    public const int HalfOpenHandshakes = 1024;

    /// <summary>A half-open handshake is forgotten after this long: five retransmissions of a CONFIRM at its slowest.</summary>
    public static readonly TimeSpan HalfOpenLifetime = TimeSpan.FromSeconds(10);

    /// <summary>A prepared reattach is forgotten after this long.</summary>
    public static readonly TimeSpan PreparedLifetime = TimeSpan.FromSeconds(10);

    /// <summary>How long the old epoch still delivers after a bind: a few round trips of the slowest links.</summary>
    public static readonly TimeSpan OldEpochLifetime = TimeSpan.FromSeconds(3);

    /// <summary>How long a restarted node waits for the clients of its loaded sessions before it calls their transports lost.</summary>
    public static readonly TimeSpan ResumeGrace = TimeSpan.FromSeconds(5);

    /// <summary>Pause before a withdrawal that the store refused is tried again.</summary>
    public static readonly TimeSpan StoreRetry = TimeSpan.FromSeconds(1);

    /// <summary>Challenges per session: one for each ten data packets at 100 packets a second.</summary>
    public static readonly Admission.TokenRate Challenges = Admission.TokenRate.PerSecond(10, burst: 5);

    /// <summary>Proven requests per session: a client that tries eight paths every 100 ms stays below it.</summary>
    public static readonly Admission.TokenRate Requests = Admission.TokenRate.PerSecond(100, burst: 50);

    /// <summary>Probes per session: eight paths at 20 ms.</summary>
    public static readonly Admission.TokenRate Probes = Admission.TokenRate.PerSecond(500, burst: 200);

    /// <summary>Handshakes of the whole node: about a third of one core at 120 us each.</summary>
    public static readonly Admission.TokenRate Handshakes = Admission.TokenRate.PerSecond(2000, burst: 1000);

    /// <summary>Key exchanges for reattaches of the whole node: about a third of one core at 80 us each.</summary>
    public static readonly Admission.TokenRate Reattaches = Admission.TokenRate.PerSecond(4000, burst: 4000);

    /// <summary>Sessions that are read at once: what a store reads in about a second.</summary>
    public const int Loads = 16_384;

    /// <summary>How long a session that belongs to nobody, or to another node, is remembered after it was last asked for.</summary>
    public static readonly TimeSpan BorrowedLifetime = TimeSpan.FromSeconds(10);

    /// <summary>Pause before an owner is asked again for the same session: its answer may have been lost.</summary>
    public static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);

    /// <summary>Appends that wait for the store, all sessions together; beyond it requests are refused.</summary>
    public const int Appends = 20_000;
}
