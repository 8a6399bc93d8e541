using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.EventStore;

/// <summary>What a read of one stream gave.</summary>
public abstract record LoadResult
{
    private LoadResult()
    {
    }

    /// <summary>The stream, its chain verified.</summary>
    public sealed record Found(StreamHistory History) : LoadResult;

    /// <summary>The stream is not in the store: it never was, or it ended and was retired.</summary>
    public sealed record Missing(SessionId Stream) : LoadResult;

    /// <summary>The stream is there and cannot be trusted. Nothing was changed.</summary>
    public sealed record Corrupt(SessionId Stream, string Reason) : LoadResult;

    /// <summary>The store cannot be read now.</summary>
    public sealed record Unavailable(string Reason) : LoadResult;
}

/// <summary>A stream as the store holds it: a snapshot or the first event, then every later event.</summary>
public sealed record StreamHistory(ChainHead Head, ImmutableArray<EventEnvelope> Envelopes, SessionSummary Summary)
{
    public SessionId Stream => Head.Stream;
}
