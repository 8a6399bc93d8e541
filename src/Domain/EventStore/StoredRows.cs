using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.EventStore;

/// <summary>What the store knows of a stream without reading its events.</summary>
/// <param name="EndedAt">The time of the event that ended the session; <see cref="Instant.Never"/> while it lives.</param>
public sealed record StoredStream(ChainHead Head, int LiveEvents, SessionSummary Summary, Instant EndedAt);

/// <summary>What the store knows of a client: its latest session, and what it has used of its budget on one day.</summary>
/// <param name="Day">The day of the service clock that the counts are for.</param>
public sealed record StoredClient(PublicKey Client, SessionId Session, long Day, int Events, int Sessions)
{
    /// <summary>The day of the service clock in which an instant lies.</summary>
    public static long DayOf(Instant time) => Math.DivRem(time.Ticks, TimeSpan.TicksPerDay).Quotient;
}

/// <summary>The rows that an append depends on, as they are inside its transaction.</summary>
public interface IStoreView
{
    /// <summary>The stream, or null where the store has none.</summary>
    StoredStream? Stream(SessionId id);

    /// <summary>The client, or null where the store has none.</summary>
    StoredClient? Client(PublicKey key);

    /// <summary>The row of a node's incarnation, or null where the store has none. A store with one node has none at all.</summary>
    NodeRow? Node(IncarnationId incarnation);
}
