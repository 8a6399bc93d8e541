using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Simulation.Tests.Kernel;

/// <summary>Virtual time: what is to happen, in order; what falls on the same instant happens in the order in which it was asked for.</summary>
internal sealed class Agenda
{
    private readonly PriorityQueue<Action, (long At, long Number)> _queue = new();
    private long _number;

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000_000);

    /// <summary>Things that have happened.</summary>
    public long Steps { get; private set; }

    public void At(Instant at, Action action) => _queue.Enqueue(action, (Math.Max(at.Ticks, Now.Ticks), _number++));

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    /// <summary>Lets everything up to <paramref name="end"/> happen.</summary>
    public void RunUntil(Instant end)
    {
        while (_queue.TryPeek(out _, out (long At, long Number) next) && next.At <= end.Ticks)
        {
            Now = new(next.At);
            Steps++;
            _queue.Dequeue()();
        }
        Now = Instant.Max(Now, end);
    }
}
