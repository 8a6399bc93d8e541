using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// The one thread that a core runs on: it takes inputs in order, and fires a timer when the core's next deadline has come.
/// What others cannot repeat (store results, link events, commands) is always taken; what the network sends is bounded,
/// and dropped and counted beyond that.
/// </summary>
/// <typeparam name="TInput">The core's inputs.</typeparam>
public sealed class CoreLoop<TInput> : IDisposable
    where TInput : class
{
    /// <summary>Network inputs that may wait: a few milliseconds of work.</summary>
    public const int MaxWaitingDatagrams = 2048;

    /// <summary>How often a clock that stands still is looked at.</summary>
    private static readonly TimeSpan StandstillPause = TimeSpan.FromMilliseconds(20);

    private readonly object _gate = new();
    private readonly Queue<(TInput Input, bool IsDatagram)> _inputs = new();
    private readonly Func<Instant> _clock;
    private readonly Func<TInput, Instant> _step;
    private readonly TInput _timer;
    private readonly Action<Exception> _onFault;
    private readonly Thread _thread;
    private int _waitingDatagrams;
    private long _dropped;
    private bool _stopped;

    /// <param name="clock">The core's clock.</param>
    /// <param name="step">Takes one input on the loop's thread, carries out the effects, and says when the timer is due.</param>
    /// <param name="timer">The input that stands for the timer.</param>
    /// <param name="onFault">A step threw: a broken invariant. The loop has ended; the process must not go on.</param>
    public CoreLoop(string name, Func<Instant> clock, Func<TInput, Instant> step, TInput timer, Action<Exception> onFault)
    {
        _clock = clock;
        _step = step;
        _timer = timer;
        _onFault = onFault;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
    }

    /// <summary>Network inputs that were dropped because too many waited.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public void Start() => _thread.Start();

    /// <summary>Adds an input that must not be lost. Never blocks.</summary>
    public void Post(TInput input)
    {
        lock (_gate)
        {
            _inputs.Enqueue((input, false));
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Adds an input from the network; false if too many wait. Never blocks.</summary>
    public bool TryPostDatagram(TInput input)
    {
        lock (_gate)
        {
            if (_waitingDatagrams >= MaxWaitingDatagrams)
            {
                _dropped++;
                return false;
            }
            _waitingDatagrams++;
            _inputs.Enqueue((input, true));
            Monitor.Pulse(_gate);
            return true;
        }
    }

    /// <summary>Ends the loop after the input at hand; waiting inputs are dropped. Not to be called from the loop's own thread and then waited for.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.Pulse(_gate);
        }
        if (Thread.CurrentThread != _thread && _thread.IsAlive) _thread.Join();
    }

    private void Run()
    {
        Instant deadline = Instant.Never;
        try
        {
            while (TryTake(deadline, out TInput? input))
                deadline = _step(input ?? _timer);
        }
        catch (Exception fault)
        {
            _onFault(fault);
        }
    }

    /// <summary>Waits for an input or the deadline (then the input is null); false when the loop is to end.</summary>
    private bool TryTake(Instant deadline, out TInput? input)
    {
        lock (_gate)
        {
            Instant before = Instant.Never;
            while (true)
            {
                input = null;
                if (_stopped) return false;
                Instant now = _clock();
                // The timer comes before inputs: a flood must not hold back what is due.
                if (deadline <= now) return true;
                if (_inputs.TryDequeue(out (TInput Input, bool IsDatagram) next))
                {
                    if (next.IsDatagram) _waitingDatagrams--;
                    input = next.Input;
                    return true;
                }
                if (deadline == Instant.Never)
                {
                    Monitor.Wait(_gate);
                    continue;
                }
                // A service clock stands still while no lease is held: then what is soon due may not be due for long.
                TimeSpan wait = deadline - now;
                if (now == before && wait < StandstillPause) wait = StandstillPause;
                before = now;
                Monitor.Wait(_gate, Ceiling(wait));
            }
        }
    }

    /// <summary>Whole milliseconds, rounded up: waking early would only spin.</summary>
    private static TimeSpan Ceiling(TimeSpan wait) =>
        TimeSpan.FromMilliseconds(Math.Min(int.MaxValue - 1, Math.Ceiling(wait.TotalMilliseconds)));
}
