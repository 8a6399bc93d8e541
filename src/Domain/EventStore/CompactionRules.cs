using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.EventStore;

/// <summary>What a compaction does: these envelopes go to the archive, then the snapshot takes the last one's place.</summary>
public sealed record CompactionPlan(ImmutableArray<EventEnvelope> Replaced, EventEnvelope Snapshot);

/// <summary>The one statement of what compaction and retirement need; every adapter carries out its plan.</summary>
public static class CompactionRules
{
    /// <summary>Left with the refusal. <paramref name="snapshot"/> must be a snapshot's draft of the state at that version.</summary>
    public static Either<CompactResult, CompactionPlan> Decide(
        SessionId stream, ImmutableArray<EventEnvelope> envelopes, long upToVersion, EventDraft snapshot)
    {
        if (envelopes.IsEmpty) return new CompactResult.Missing(stream);
        int last = -1;
        for (int i = 0; i < envelopes.Length; i++)
            if (envelopes[i].Version == upToVersion) last = i;
        if (last < 0 || envelopes[last].IsSnapshot) return new CompactResult.NotThere(stream, upToVersion);
        return HashChain.Verify(stream, envelopes.Take(last + 1))
            .MapLeft(static CompactResult (fault) => new CompactResult.Corrupt(fault.Stream, fault.ToString()))
            .Map(head => new CompactionPlan([.. envelopes.Take(last + 1)], HashChain.SealSnapshot(head, snapshot)));
    }

    /// <summary>Sessions that ended at or before this instant may be retired.</summary>
    public static Instant RetireUntil(Instant now, StorePolicy policy) => now - policy.EndedRetention;
}
