using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.EventStore;

/// <summary>What to write for one stream of an append.</summary>
public sealed record StreamPlan(bool IsNew, ImmutableArray<EventEnvelope> Envelopes, StoredStream After);

/// <summary>What to write for an append.</summary>
/// <param name="Fences">The incarnation to fence with it, or null.</param>
public sealed record AppendPlan(ImmutableArray<StreamPlan> Streams, StoredClient Client, Instant ServiceTime, IncarnationId? Fences)
{
    public AppendResult.Committed Result(StorePolicy policy) => new(
        [.. Streams.Select(stream => new StreamPosition(stream.After.Head, stream.After.LiveEvents, stream.After.LiveEvents >= policy.MaxLiveEvents))]);
}

/// <summary>
/// The one statement of what an append needs and does; every adapter carries out its plan inside one transaction.
/// </summary>
public static class AppendRules
{
    /// <summary>Left with the refusal, Right with what to write.</summary>
    /// <param name="writer">The incarnation that asks; null where the store's lock proves that there is one node only.</param>
    public static Either<AppendResult, AppendPlan> Decide(AppendRequest request, IStoreView view, StorePolicy policy, IncarnationId? writer = null)
    {
        // REQ-PARTITION-1: who is fenced writes nothing, and nobody is fenced who has renewed.
        if (writer is { } asks && view.Node(asks) is not { IsFenced: false }) return new AppendResult.Fenced();
        IncarnationId? fences = null;
        if (request.Fence is { } fence && view.Node(fence.Owner.Incarnation) is { IsFenced: false } owner)
        {
            if (owner.Number != fence.Number) return new AppendResult.OwnerAlive(fence.Owner);
            fences = fence.Owner.Incarnation;
        }
        ImmutableArray<StreamPlan>.Builder plans = ImmutableArray.CreateBuilder<StreamPlan>(request.Streams.Length);
        foreach (StreamAppend append in request.Streams)
        {
            StoredStream? stored = view.Stream(append.Stream);
            if (Refusal(append, stored, policy) is { } refusal) return refusal;
            plans.Add(Plan(append, stored));
        }
        StoredClient? client = view.Client(request.Client);
        if (OtherLiveSession(client, plans, view) is { } live) return new AppendResult.ClientBusy(request.Client, live);
        return Charge(request, client, plans, policy).Map(charged => new AppendPlan(plans.ToImmutable(), charged, request.Time, fences));
    }

    private static AppendResult? Refusal(StreamAppend append, StoredStream? stored, StorePolicy policy)
    {
        if (stored is null) return append.ExpectedVersion == 0 ? null : new AppendResult.Missing(append.Stream);
        if (stored.Summary.Client != append.Summary.Client) throw new InvalidOperationException("a session has changed its client");
        if (stored.Summary.Ended) return new AppendResult.Ended(append.Stream, stored.Head.Version);
        if (stored.Head.Version != append.ExpectedVersion) return new AppendResult.Conflict(append.Stream, stored.Head.Version);
        return stored.LiveEvents + append.Events.Length > 2 * policy.MaxLiveEvents && !append.Summary.Ended
            ? new AppendResult.Uncompacted(append.Stream, stored.LiveEvents)
            : null;
    }

    private static StreamPlan Plan(StreamAppend append, StoredStream? stored)
    {
        ChainHead head = stored?.Head ?? HashChain.Start(append.Stream);
        ImmutableArray<EventEnvelope>.Builder envelopes = ImmutableArray.CreateBuilder<EventEnvelope>(append.Events.Length);
        foreach (EventDraft draft in append.Events)
        {
            EventEnvelope envelope = HashChain.Seal(head, draft);
            envelopes.Add(envelope);
            head = HashChain.After(envelope);
        }
        Instant endedAt = append.Summary.Ended ? append.Events[^1].Time : Instant.Never;
        return new(stored is null, envelopes.MoveToImmutable(), new(head, (stored?.LiveEvents ?? 0) + append.Events.Length, append.Summary, endedAt));
    }

    /// <summary>A live session of the client that would live on beside one of the plan's (REQ-HIJACK-3: never two).</summary>
    private static SessionId? OtherLiveSession(StoredClient? client, IReadOnlyList<StreamPlan> plans, IStoreView view)
    {
        SessionId? live = null;
        foreach (StreamPlan plan in plans)
        {
            if (plan.After.Summary.Ended) continue;
            if (live is not null) return live;
            live = plan.After.Head.Stream;
        }
        if (live is null || client is null || plans.Any(plan => plan.After.Head.Stream == client.Session)) return null;
        return view.Stream(client.Session) is { Summary.Ended: false } ? client.Session : null;
    }

    private static Either<AppendResult, StoredClient> Charge(
        AppendRequest request, StoredClient? client, IReadOnlyList<StreamPlan> plans, StorePolicy policy)
    {
        // The day never goes back: an event that was decided before midnight counts to the day that has begun.
        long day = Math.Max(StoredClient.DayOf(request.Time), client?.Day ?? 0);
        bool sameDay = client is not null && client.Day == day;
        int events = (sameDay ? client!.Events : 0) + request.EventCount;
        int sessions = (sameDay ? client!.Sessions : 0) + plans.Count(static plan => plan.IsNew);
        bool onlyEnds = plans.All(static plan => plan.After.Summary.Ended);
        if (!onlyEnds && events > policy.EventsPerClientDay)
            return new AppendResult.BudgetExceeded(request.Client, StoreBudget.Events, policy.EventsPerClientDay);
        if (!onlyEnds && plans.Any(static plan => plan.IsNew) && sessions > policy.SessionsPerClientDay)
            return new AppendResult.BudgetExceeded(request.Client, StoreBudget.Sessions, policy.SessionsPerClientDay);
        StreamPlan current = plans.FirstOrDefault(static plan => !plan.After.Summary.Ended) ?? plans[^1];
        SessionId session = current.After.Summary.Ended && client is not null ? client.Session : current.After.Head.Stream;
        return new StoredClient(request.Client, session, day, events, sessions);
    }
}
