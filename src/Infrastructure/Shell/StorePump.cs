using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// Carries a gateway core's appends to the store and its answers back. An answer that does not say what happened is
/// resolved by reading before the core hears of it; streams that have grown to their bound are compacted on the way.
/// </summary>
/// <param name="self">The incarnation that compacts.</param>
/// <param name="post">Takes an answer, on any thread.</param>
/// <param name="warn">Takes one line about something that went wrong beside the answers.</param>
/// <param name="moved">Told of each stream's head once it is stored, and of each snapshot; it must not wait.</param>
public sealed class StorePump(
    IEventStore store, Func<Owner> self, Func<Instant> clock, Func<WallTime> wall, Action<GatewayInput> post, Action<string> warn,
    Action<HeadLeaf>? moved = null)
{
    /// <summary>Pause between two reads that try to find out what became of an append.</summary>
    private static readonly TimeSpan ResolvePause = TimeSpan.FromMilliseconds(200);

    /// <summary>Of refusals one line in that time at most: while a store is away each session's withdrawal is refused again and again.</summary>
    private static readonly TimeSpan ComplaintPause = TimeSpan.FromSeconds(1);

    private int _running;
    private int _unsaid;
    private long _nextComplaint;

    /// <summary>Appends whose answer has not come, and compactions that run.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Starts an append; its answer comes by itself.</summary>
    public void Start(GatewayEffect.Append append)
    {
        Interlocked.Increment(ref _running);
        _ = RunAsync(append);
    }

    private async Task RunAsync(GatewayEffect.Append append)
    {
        try
        {
            AppendRequest request = SessionRecords.Request(append.Streams, wall()) with { Fence = append.Fence };
            AppendResult result = await store.AppendAsync(request).ConfigureAwait(false);
            // The archive was away for longer than the stream has room for: whether it is back shows only when it is tried.
            if (result is AppendResult.Uncompacted && await CompactBeforeAsync(append.Streams).ConfigureAwait(false))
                result = await store.AppendAsync(request).ConfigureAwait(false);
            LoadResult? read = null;
            if (AppendFate.OutcomeOf(result) is not { } outcome) (outcome, read) = await ResolveAsync(request, result).ConfigureAwait(false);
            post(new GatewayInput.AppendFinished(append.Number, outcome));
            if (result is AppendResult.Committed committed)
            {
                foreach (StreamPosition position in committed.Positions) Tell(position.Head);
                await CompactAsync(append.Streams, committed).ConfigureAwait(false);
            }
            else if (outcome == AppendOutcome.Committed) await TellStoredAsync(request, read).ConfigureAwait(false);
            else Complain($"the store refused an append to session {append.Streams[0].Before.Id}: {result}");
        }
        catch (Exception fault)
        {
            // A broken invariant of the store: nothing is known, so nothing may be granted (REQ-SAFETY-1).
            warn($"append {append.Number} failed: {fault.Message}");
            post(new GatewayInput.AppendFinished(append.Number, AppendOutcome.Conflict));
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private void Tell(ChainHead head) => moved?.Invoke(new(HeadKind.Event, head.Stream, head.Version, head.Hash));

    /// <summary>
    /// Of an append whose answer was lost the heads are read. Where a head has moved on, or cannot be read now, it is signed with the next
    /// event.
    /// </summary>
    /// <param name="read">What <see cref="AppendFate.StreamToRead"/> was found to be when the append's fate was sought.</param>
    private async Task TellStoredAsync(AppendRequest request, LoadResult? read)
    {
        if (moved is null) return;
        foreach (Domain.EventStore.StreamAppend stream in request.Streams)
        {
            LoadResult? loaded = stream.Stream == AppendFate.StreamToRead(request) ? read : await store.ResolveAsync(stream.Stream).ConfigureAwait(false);
            if (loaded is LoadResult.Found { History.Head: var head } && head.Version == stream.ExpectedVersion + stream.Events.Length) Tell(head);
        }
    }

    /// <summary>Reads until the store tells whether the append is there; also what it read.</summary>
    private async Task<(AppendOutcome Outcome, LoadResult Read)> ResolveAsync(AppendRequest request, AppendResult result)
    {
        Complain($"an append's outcome is unknown ({result}); reading");
        while (true)
        {
            LoadResult read = await store.ResolveAsync(AppendFate.StreamToRead(request)).ConfigureAwait(false);
            if (AppendFate.Resolve(request, read) is { } outcome) return (outcome, read);
            await Task.Delay(ResolvePause).ConfigureAwait(false);
        }
    }

    private void Complain(string problem)
    {
        long now = Environment.TickCount64, next = Interlocked.Read(ref _nextComplaint);
        if (now < next || Interlocked.CompareExchange(ref _nextComplaint, now + (long)ComplaintPause.TotalMilliseconds, next) != next)
        {
            Interlocked.Increment(ref _unsaid);
            return;
        }
        int unsaid = Interlocked.Exchange(ref _unsaid, 0);
        warn(unsaid == 0 ? problem : $"{problem} (and {unsaid} more since the last such line)");
    }

    private async Task CompactAsync(ImmutableArray<Domain.Gateway.StreamAppend> streams, AppendResult.Committed committed)
    {
        for (int i = 0; i < streams.Length; i++)
        {
            // An ended session is retired as a whole.
            if (committed.Positions[i].CompactionDue && !streams[i].After.IsTerminal) await CompactAsync(streams[i].After).ConfigureAwait(false);
        }
    }

    /// <summary>Compacts streams as they are before an append. False if that was of no use.</summary>
    private async Task<bool> CompactBeforeAsync(ImmutableArray<Domain.Gateway.StreamAppend> streams)
    {
        bool isDone = false;
        foreach (Domain.Gateway.StreamAppend stream in streams)
            if (stream.Before.Version > 0) isDone |= await CompactAsync(stream.Before).ConfigureAwait(false);
        return isDone;
    }

    /// <summary>Replaces a session's events by a snapshot of what it is now.</summary>
    private async Task<bool> CompactAsync(Session session)
    {
        CompactResult result = await store.CompactAsync(
            session.Id, (long)session.Version, SessionRecords.SnapshotOf(session, self(), clock(), wall())).ConfigureAwait(false);
        if (result is CompactResult.Done { Snapshot: { } snapshot }) moved?.Invoke(HeadLeaf.Of(snapshot));
        if (result is not (CompactResult.Done or CompactResult.NotThere)) Complain($"session {session.Id} was not compacted: {result}");
        return result is CompactResult.Done;
    }
}
