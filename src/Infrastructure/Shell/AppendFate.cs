using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using StreamAppend = JumpingVpn.Domain.EventStore.StreamAppend;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>What a core is told of its appends. It never hears "unknown": that is resolved by reading first (REQ-SAFETY-1).</summary>
public static class AppendFate
{
    /// <summary>What a result means for the core; null if only a later read tells.</summary>
    public static AppendOutcome? OutcomeOf(AppendResult result) => result switch
    {
        AppendResult.Committed => AppendOutcome.Committed,
        AppendResult.BudgetExceeded => AppendOutcome.BudgetExceeded,
        AppendResult.Unavailable or AppendResult.Uncompacted => AppendOutcome.Unavailable,
        AppendResult.Unknown => null,
        AppendResult.Fenced => AppendOutcome.Fenced,
        AppendResult.OwnerAlive => AppendOutcome.OwnerAlive,
        AppendResult.Conflict or AppendResult.Missing or AppendResult.Ended or AppendResult.ClientBusy => AppendOutcome.Conflict,
        _ => throw new InvalidOperationException("an append result that is none of the known ones"),
    };

    /// <summary>The stream to read about an append of unknown fate: both streams of one request share it, so the last one speaks for both.</summary>
    public static Domain.Primitives.SessionId StreamToRead(AppendRequest request) => request.Streams[^1].Stream;

    /// <summary>What a read of <see cref="StreamToRead"/> shows; null if the store could not be read.</summary>
    public static AppendOutcome? Resolve(AppendRequest request, LoadResult loaded)
    {
        StreamAppend append = request.Streams[^1];
        return loaded switch
        {
            LoadResult.Found found => Judge(append, found.History),
            LoadResult.Missing => append.ExpectedVersion == 0 ? AppendOutcome.Unavailable : AppendOutcome.Conflict,
            LoadResult.Corrupt => AppendOutcome.Conflict,
            LoadResult.Unavailable => null,
            _ => throw new InvalidOperationException("a load result that is none of the known ones"),
        };
    }

    private static AppendOutcome Judge(StreamAppend append, StreamHistory history)
    {
        if (history.Head.Version == append.ExpectedVersion) return AppendOutcome.Unavailable;
        long version = append.ExpectedVersion + append.Events.Length;
        EventEnvelope? last = history.Envelopes.FirstOrDefault(envelope => envelope.Version == version);
        return last is not null && history.Head.Version == version && last.Draft == append.Events[^1] ? AppendOutcome.Committed : AppendOutcome.Conflict;
    }
}
