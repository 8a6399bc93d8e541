using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.EventStore;

/// <summary>Events for one stream.</summary>
/// <param name="Stream">The session.</param>
/// <param name="ExpectedVersion">The version that the stream must have now; 0 for a stream that must not exist.</param>
/// <param name="Events">At least one.</param>
/// <param name="Summary">The session after the last of them.</param>
public sealed record StreamAppend(SessionId Stream, long ExpectedVersion, ImmutableArray<EventDraft> Events, SessionSummary Summary);

/// <summary>
/// One or two appends that are committed together or not at all. Two: the end of a client's former session and the start of
/// the one that supersedes it.
/// </summary>
public sealed record AppendRequest
{
    /// <summary>A request that breaks its shape (no events, two clients, one stream twice) is a broken invariant and throws.</summary>
    public AppendRequest(params ImmutableArray<StreamAppend> streams)
    {
        bool wellFormed = streams.Length is 1 or 2
            && streams[0].Summary.Client == streams[^1].Summary.Client
            && (streams.Length == 1 || streams[0].Stream != streams[1].Stream);
        foreach (StreamAppend stream in streams) wellFormed &= stream.ExpectedVersion >= 0 && !stream.Events.IsDefaultOrEmpty;
        if (!wellFormed) throw new ArgumentException("an append is for one or two streams of one client, with events for each", nameof(streams));
        Streams = streams;
    }

    public ImmutableArray<StreamAppend> Streams { get; }

    /// <summary>
    /// The owner that must be gone for this append to be right: its incarnation is fenced in the same transaction. Null where no
    /// other node's session is touched, and where the store has one node (REQ-PARTITION-1).
    /// </summary>
    public FenceEvidence? Fence { get; init; }

    /// <summary>The client whose sessions these are.</summary>
    public PublicKey Client => Streams[0].Summary.Client;

    /// <summary>The latest time of the events: the service clock has reached it.</summary>
    public Instant Time
    {
        get
        {
            Instant latest = Instant.Zero;
            foreach (StreamAppend stream in Streams)
                foreach (EventDraft draft in stream.Events) latest = Instant.Max(latest, draft.Time);
            return latest;
        }
    }

    /// <summary>How many events.</summary>
    public int EventCount
    {
        get
        {
            int count = 0;
            foreach (StreamAppend stream in Streams) count += stream.Events.Length;
            return count;
        }
    }
}
