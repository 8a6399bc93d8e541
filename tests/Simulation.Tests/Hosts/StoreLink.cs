using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>
/// One node's way to the store: questions and answers take time and get lost, and who hears nothing does not know what became of its
/// append. It belongs to the host; what a dead process has sent may still be carried out.
/// </summary>
internal sealed class StoreLink(ClusterStore store, string node)
{
    /// <summary>How long a node waits for an answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan ResolvePause = TimeSpan.FromMilliseconds(200);

    private readonly List<Work> _works = [];
    private readonly Agenda _agenda = store.Agenda;

    /// <summary>Nothing passes in either direction until then.</summary>
    public Instant CutUntil { get; set; } = Instant.Zero;

    /// <summary>Takes a notice: for which incarnation (null: for all), and what it says.</summary>
    public Action<IncarnationId?, ClusterNotice> Notified { get; set; } = (_, _) => { };

    private bool IsCut => _agenda.Now < CutUntil;

    /// <summary>Asks something that may be asked again: if no answer comes in time, it may have been carried out or not.</summary>
    public void Ask<T>(Func<T> carryOut, Func<string, T> failed, Action<T> answer)
    {
        bool isOver = false;
        if (store.IsAway)
        {
            After(() => Finish(failed("the store is away")));
            return;
        }
        _agenda.After(Patience, () => Finish(failed("the store does not answer")));
        After(() =>
        {
            if (IsCut || store.IsAway) return;
            T result = carryOut();
            After(() =>
            {
                if (!IsCut) Finish(result);
            });
        });

        void Finish(T result)
        {
            if (isOver) return;
            isOver = true;
            answer(result);
        }
    }

    /// <summary>Hands an append to the store; the answer comes later, or never if the process dies first.</summary>
    public void Append(GatewayEffect.Append append, IncarnationId writer, Action<AppendOutcome> answer)
    {
        AppendRequest request = SessionRecords.Request(append.Streams, new WallTime(_agenda.Now.Ticks)) with { Fence = append.Fence };
        var work = new Work(append, request, writer, answer);
        _works.Add(work);
        if (store.IsAway)
        {
            // A connection that is refused: nothing has been sent.
            work.IsSettled = true;
            After(() => Answer(work, new AppendResult.Unavailable("the store is away")));
            return;
        }
        _agenda.After(Patience, () => Wonder(work));
        After(() =>
        {
            bool isLost = IsCut || store.IsAway;
            if (isLost || work.IsDropped) work.IsSettled = true;
            else if (store.Random.Chance(store.LateAppends)) _agenda.After(store.Random.Milliseconds(300, 4_000), () => CarryOut(work));
            else CarryOut(work);
        });
    }

    /// <summary>The process is gone: nobody waits for answers any more; what it has sent arrives, or not.</summary>
    public void ProcessDied()
    {
        foreach (Work work in _works)
        {
            work.IsOver = true;
            work.IsDropped = store.Random.Chance(50);
        }
        _works.Clear();
    }

    /// <summary>The store lets this node know something.</summary>
    public void Carry(IncarnationId? incarnation, ClusterNotice notice) => After(() =>
    {
        if (!IsCut && !store.IsAway) Notified(incarnation, notice);
    });

    private void CarryOut(Work work)
    {
        work.IsSettled = true;
        if (store.IsAway || work.IsDropped) return;
        bool isLost = store.Random.Chance(store.LostAnswers);
        if (isLost && store.Random.Chance(50))
        {
            After(() => Wonder(work));
            return;
        }
        AppendResult result = store.Append(work.Append.Streams, work.Request, work.Writer);
        store.Trace.Line("store", () => $"{node} append {work.Append.Number}: {result.GetType().Name}{(work.IsOver || work.IsUnknown ? " (nobody hears it)" : "")}");
        store.Trace.Mark((ulong)result.GetType().Name.Length);
        After(() =>
        {
            if (isLost) Wonder(work);
            else if (!IsCut) Answer(work, result);
        });
    }

    /// <summary>No answer has come, or a broken one: only a read tells what became of the append.</summary>
    private void Wonder(Work work)
    {
        if (work.IsOver || work.IsUnknown) return;
        store.Trace.Line("store", () => $"{node} does not know what became of append {work.Append.Number}");
        work.IsUnknown = true;
        Resolve(work);
    }

    private void Resolve(Work work)
    {
        if (work.IsOver) return;
        // The read waits for what may still be on its way: afterwards nothing changes what it says.
        if (work.IsSettled) Ask<LoadResult>(() => store.State.Load(AppendFate.StreamToRead(work.Request)), reason => new LoadResult.Unavailable(reason), Judge);
        else _agenda.After(ResolvePause, () => Resolve(work));

        void Judge(LoadResult loaded)
        {
            if (AppendFate.Resolve(work.Request, loaded) is { } outcome) Finish(work, outcome);
            else _agenda.After(ResolvePause, () => Resolve(work));
        }
    }

    private void Answer(Work work, AppendResult result)
    {
        if (!work.IsUnknown) Finish(work, AppendFate.OutcomeOf(result) ?? throw new SimulationException($"the store answers {result}"));
    }

    private void Finish(Work work, AppendOutcome outcome)
    {
        if (work.IsOver) return;
        work.IsOver = true;
        _works.Remove(work);
        work.Reply(outcome);
    }

    /// <summary>One way takes half of the time.</summary>
    private void After(Action action) => _agenda.After(store.Random.Time(store.Latency.Low, store.Latency.High) / 2, action);

    private sealed record Work(GatewayEffect.Append Append, AppendRequest Request, IncarnationId Writer, Action<AppendOutcome> Reply)
    {
        /// <summary>Nobody waits any more.</summary>
        public bool IsOver { get; set; }

        /// <summary>The node has been told nothing, and finds out by reading.</summary>
        public bool IsUnknown { get; set; }

        /// <summary>The store has carried it out, or never will.</summary>
        public bool IsSettled { get; set; }

        /// <summary>It died with its process on the way.</summary>
        public bool IsDropped { get; set; }
    }
}
