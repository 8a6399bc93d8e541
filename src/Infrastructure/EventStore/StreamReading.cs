using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The check of everything that is read: the chain holds and ends where the stream's row says.</summary>
internal static class StreamReading
{
    public static LoadResult Check(StoredStream stream, ImmutableArray<EventEnvelope> envelopes) =>
        HashChain.Verify(stream.Head.Stream, envelopes).Match<LoadResult>(
            Right: head => head == stream.Head && envelopes.Length == stream.LiveEvents
                ? new LoadResult.Found(new StreamHistory(head, envelopes, stream.Summary))
                : new LoadResult.Corrupt(
                    stream.Head.Stream,
                    $"session {stream.Head.Stream}: {envelopes.Length} events up to version {head.Version}, "
                    + $"not {stream.LiveEvents} up to {stream.Head.Version}"),
            Left: fault => new LoadResult.Corrupt(stream.Head.Stream, fault.ToString()));
}
