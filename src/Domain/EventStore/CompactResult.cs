using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.EventStore;

/// <summary>What became of a compaction.</summary>
public abstract record CompactResult
{
    private CompactResult()
    {
    }

    /// <summary>The snapshot has replaced <paramref name="Replaced"/> envelopes, which are durable in the archive.</summary>
    public sealed record Done(int Replaced) : CompactResult
    {
        /// <summary>The snapshot, for its signature; null where the store does not say.</summary>
        public EventEnvelope? Snapshot { get; init; }
    }

    /// <summary>The stream is not in the store.</summary>
    public sealed record Missing(SessionId Stream) : CompactResult;

    /// <summary>The store holds no event of that version: it was compacted before, or is not there yet.</summary>
    public sealed record NotThere(SessionId Stream, long Version) : CompactResult;

    /// <summary>The stream's chain is broken; it is kept as it is.</summary>
    public sealed record Corrupt(SessionId Stream, string Reason) : CompactResult;

    /// <summary>Nothing was replaced: the archive or the store cannot write now. The archive may hold the events already.</summary>
    public sealed record Unavailable(string Reason) : CompactResult;
}

/// <summary>What became of the retirement of ended sessions.</summary>
/// <param name="Sessions">How many left the store.</param>
/// <param name="Failure">Why it stopped early, or null.</param>
public sealed record RetireResult(int Sessions, string? Failure);
