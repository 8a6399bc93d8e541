using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>
/// A sole gateway's event store with its latency and its faults: what a disk and a driver may do to an append without breaking the port's
/// promise.
/// </summary>
internal sealed class SimStore(Agenda agenda, SimRandom random, Trace trace, Oracle oracle, StorePolicy policy) : StoreFaults(policy)
{
    private static readonly TimeSpan ResolvePause = TimeSpan.FromMilliseconds(200);

    private readonly List<Work> _waiting = [];
    private Instant _busyUntil;

    /// <summary>The mutation "expected versions are not compared": the store takes whatever it is given.</summary>
    public bool IgnoresVersions { get; init; }

    /// <summary>Hands an append to the store; the answer comes later, or never if the process dies first.</summary>
    public void Append(GatewayEffect.Append append, Action<AppendOutcome> answer)
    {
        var work = new Work(append, SessionRecords.Request(append.Streams, new WallTime(agenda.Now.Ticks)), answer);
        _waiting.Add(work);
        // Appends take effect in the order in which they were asked for.
        _busyUntil = Instant.Max(_busyUntil, agenda.Now + random.Time(Latency.Low, Latency.High));
        agenda.At(_busyUntil, () => Carry(work));
    }

    /// <summary>The process dies: what was on its way to the disk has arrived there, or not.</summary>
    public void ProcessDied()
    {
        foreach (Work work in _waiting.ToArray())
        {
            if (agenda.Now >= UnavailableUntil && random.Chance(50)) Apply(work);
            work.IsOver = true;
        }
        _waiting.Clear();
    }

    private void Carry(Work work)
    {
        if (work.IsOver) return;
        bool isLost = random.Chance(LostAnswers);
        bool isStored = agenda.Now >= UnavailableUntil && (!isLost || random.Chance(50));
        AppendResult result = isStored ? Apply(work) : new AppendResult.Unavailable("the disk is away");
        if (isLost) result = new AppendResult.Unknown("the answer was lost");
        trace.Line("store", () => $"append {work.Append.Number}: {result.GetType().Name}{(isLost && isStored ? " (stored)" : "")}");
        trace.Mark((ulong)result.GetType().Name.Length);
        if (AppendFate.OutcomeOf(result) is { } outcome) Answer(work, outcome);
        if (result is AppendResult.Committed committed)
            for (int i = 0; i < work.Append.Streams.Length; i++) CompactIfDue(work.Append.Streams[i].After, committed.Positions[i]);
        if (isLost) agenda.After(ResolvePause, () => Resolve(work));
    }

    private void Resolve(Work work)
    {
        if (work.IsOver) return;
        LoadResult loaded = agenda.Now >= UnavailableUntil ? State.Load(AppendFate.StreamToRead(work.Request)) : new LoadResult.Unavailable("the disk is away");
        if (AppendFate.Resolve(work.Request, loaded) is { } outcome) Answer(work, outcome);
        else agenda.After(ResolvePause, () => Resolve(work));
    }

    private void Answer(Work work, AppendOutcome outcome)
    {
        _waiting.Remove(work);
        work.IsOver = true;
        work.Reply(outcome);
    }

    private AppendResult Apply(Work work)
    {
        AppendResult result = Store(work.Request);
        if (random.Chance(Repeats)) Store(work.Request);
        if (result is not AppendResult.Committed) return result;
        oracle.Committed(work.Append.Streams);
        return result;
    }

    private AppendResult Store(AppendRequest request)
    {
        if (!IgnoresVersions) return State.Apply(request);
        // The mutation: each stream is put behind whatever there is.
        return State.Apply(new([.. request.Streams.Select(stream => stream with { ExpectedVersion = State.Stream(stream.Stream)?.Head.Version ?? 0 })]));
    }

    private void CompactIfDue(Session session, StreamPosition position)
    {
        if (!position.CompactionDue || session.IsTerminal) return;
        Owner by = session.Owner.IfNone(() => new Owner("gw", default));
        Either<CompactResult, CompactionPlan> plan = State.PlanCompaction(
            session.Id, position.Head.Version, SessionRecords.SnapshotOf(session, by, session.UpdatedAt, new WallTime(agenda.Now.Ticks)));
        plan.IfRight(right => { State.Replace(right); });
    }

    private sealed record Work(GatewayEffect.Append Append, AppendRequest Request, Action<AppendOutcome> Reply)
    {
        public bool IsOver { get; set; }
    }
}
