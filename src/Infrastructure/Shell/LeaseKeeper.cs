using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// Holds a node's lease: renews it in time on a thread of its own, however busy the core is, and passes on what each renewal shows. All
/// decisions are <see cref="LeaseCore"/>'s. A node that has been fenced serves nothing from that moment, lets the core drop everything,
/// and comes back as a new incarnation (REQ-PARTITION-2).
/// </summary>
public sealed class LeaseKeeper : IDisposable
{
    /// <summary>How often it is looked whether the appends of a fenced incarnation have come back.</summary>
    private static readonly TimeSpan IdlePause = TimeSpan.FromMilliseconds(10);

    /// <summary>How long the end waits for a renewal that is under way.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromMilliseconds(200);

    private readonly LeaseKeeperOptions _options;
    private readonly object _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private TaskCompletionSource _dropped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LeaseState _state;
    private bool _fenceSeen;
    private bool _failing;
    private volatile bool _returns = true;

    /// <summary>For a node that has just entered; nothing is served before <see cref="Start"/> and the first renewal.</summary>
    public LeaseKeeper(LeaseKeeperOptions options)
    {
        _options = options;
        _state = LeaseState.Entered(options.Boot());
        _thread = new Thread(Run) { Name = "lease", IsBackground = true };
        options.ServeUntil(_state.ServeUntil);
    }

    /// <summary>What the lease stands on now. Readable from any thread.</summary>
    public LeaseState State => Volatile.Read(ref _state);

    /// <summary>True while this node may serve. Costs a clock and no lock.</summary>
    public bool Serves => State.Serves(_options.Boot());

    /// <summary>What is left of the lease; zero while none is held.</summary>
    public TimeSpan Left
    {
        get
        {
            LeaseState state = State;
            Instant now = _options.Boot();
            return state.Serves(now) ? state.ServeUntil - now : TimeSpan.Zero;
        }
    }

    /// <summary>The owners that have been gone for as long as a client of theirs may need to come by itself.</summary>
    public ImmutableArray<IncarnationId> GoneFor(TimeSpan grace)
    {
        LeaseState state = State;
        Instant now = _options.Boot();
        TimeSpan gone = _options.Times.Lease + _options.Times.Margin + grace;
        return [.. state.Gone.Keys.Where(id => state.Watched.TryGetValue(id, out WatchedNode? seen) && now >= seen.Since + gone)];
    }

    public void Start() => _thread.Start();

    /// <summary>
    /// An append was refused because this incarnation is fenced: the store says so before a renewal does. Nothing is served from here on,
    /// also while a renewal waits for its answer.
    /// </summary>
    public void FenceSeen()
    {
        lock (_gate)
        {
            if (_stop.IsCancellationRequested) return;
            Instant now = _options.Boot();
            Volatile.Write(ref _state, LeaseCore.Renewed(State, new Renewal.Fenced(), now, now, _options.Times));
            _options.ServeUntil(State.ServeUntil);
            _fenceSeen = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>The core has taken the input that says so, and has dropped everything.</summary>
    public void Dropped() => Volatile.Read(ref _dropped).TrySetResult();

    /// <summary>The node is about to end: it goes on renewing, but once fenced it does not come back.</summary>
    public void Ending() => _returns = false;

    /// <summary>Ends serving, before it returns, and the thread.</summary>
    public void Dispose()
    {
        if (_stop.IsCancellationRequested) return;
        lock (_gate)
        {
            _stop.Cancel();
            Volatile.Write(ref _state, LeaseState.Entered(_options.Boot()));
            Monitor.Pulse(_gate);
            _options.ServeUntil(State.ServeUntil);
        }
        if (_thread.IsAlive && Thread.CurrentThread != _thread) _ = _thread.Join(EndPatience);
    }

    private void Run()
    {
        SchedulingPriority.RaiseThisThread();
        try
        {
            while (AwaitTurn()) TurnAsync().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The node stops.
        }
#pragma warning disable CA1031 // A broken invariant on a thread that has nobody above it: the node must not go on without its lease.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _options.Fail($"the lease cannot be held: {fault.Message}");
        }
    }

    /// <summary>Waits until something is to be done; false when the thread is to end.</summary>
    private bool AwaitTurn()
    {
        lock (_gate)
        {
            while (!_stop.IsCancellationRequested)
            {
                if (_fenceSeen || State.IsFenced) return true;
                TimeSpan wait = State.RenewAt - _options.Boot();
                if (wait <= TimeSpan.Zero) return true;
                Monitor.Wait(_gate, TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(wait.TotalMilliseconds), int.MaxValue - 1)));
            }
            return false;
        }
    }

    /// <summary>One renewal, or the way back of a node that has been fenced.</summary>
    internal async Task TurnAsync()
    {
        bool fenceSeen;
        lock (_gate) (fenceSeen, _fenceSeen) = (_fenceSeen, false);
        Instant started = _options.Boot();
        if (fenceSeen) Take(new Renewal.Fenced(), started);
        else
        {
            lock (_gate)
            {
                _stop.Token.ThrowIfCancellationRequested();
                Volatile.Write(ref _state, LeaseCore.Renewing(State));
            }
            Take(await _options.Store.RenewAsync(_options.Clock.Now).ConfigureAwait(false), started);
        }
        if (State.IsFenced) await ReturnAsync().ConfigureAwait(false);
    }

    private void Take(Renewal renewal, Instant started)
    {
        LeaseState before, after;
        lock (_gate)
        {
            // An answer that comes after the end grants nothing any more.
            if (_stop.IsCancellationRequested) return;
            before = State;
            after = LeaseCore.Renewed(before, renewal, started, _options.Boot(), _options.Times);
            Volatile.Write(ref _state, after);
            // Before anything else: everybody else works with what the data plane may still do.
            if (after.ServeUntil != before.ServeUntil) _options.ServeUntil(after.ServeUntil);
        }
        if (renewal is Renewal.Renewed renewed)
        {
            _options.Clock.Follow(renewed.ServiceTime);
            _options.Clock.RunUntil(after.ServeUntil);
        }
        Tell(before, after, renewal);
    }

    private void Tell(LeaseState before, LeaseState after, Renewal renewal)
    {
        if (!ReferenceEquals(before.Gone, after.Gone) && !(before.Gone.IsEmpty && after.Gone.IsEmpty)) _options.Post(new GatewayInput.NodesGone(after.Gone));
        foreach ((IncarnationId id, FenceEvidence evidence) in after.Gone)
            if (!before.Gone.ContainsKey(id)) _options.Warn($"node {evidence.Owner} is gone: its sessions may be taken");
        switch (renewal)
        {
            case Renewal.Renewed renewed:
                foreach (SessionId wanted in renewed.Wanted) _options.Post(new GatewayInput.SessionWanted(wanted));
                _options.RegistryRevision(renewed.RegistryRevision);
                if (_failing) _options.Warn("the lease is renewed again");
                _failing = false;
                break;
            case Renewal.Failed failed:
                if (!_failing) _options.Warn($"the lease was not renewed, and holds for {Left.TotalMilliseconds:0} ms: {failed.Reason}");
                _failing = true;
                break;
            case Renewal.Fenced:
                _options.Warn("another node has fenced this one: it drops every session and comes back as a new incarnation");
                break;
            default:
                throw new InvalidOperationException("a renewal that is none of the known ones");
        }
    }

    private async Task ReturnAsync()
    {
        TaskCompletionSource dropped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _dropped, dropped);
        _options.Post(new GatewayInput.Fenced());
        await dropped.Task.WaitAsync(_stop.Token).ConfigureAwait(false);
        // What is still on its way was asked for by the old incarnation, and must not be written as the new one.
        while (!_options.StoreIsIdle()) await Task.Delay(IdlePause, _stop.Token).ConfigureAwait(false);
        if (!_returns) await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token).ConfigureAwait(false);
        string? told = null;
        var entry = new NodeEntry(_options.Store, _options.Node, _options.Times, _options.Boot, pause => Task.Delay(pause, _stop.Token));
        Either<string, StoreOpening> entered = await entry.EnterAsync(reason =>
        {
            if (reason != told) _options.Warn($"the node cannot come back yet: {told = reason}");
        }).ConfigureAwait(false);
        _ = entered.Match(Right: Return, Left: problem => throw new InvalidOperationException(problem));
    }

    private Unit Return(StoreOpening opening)
    {
        _options.Entered(_options.Store.Self);
        _options.Clock.Follow(opening.ServiceTime);
        lock (_gate)
        {
            _fenceSeen = false;
            if (!_stop.IsCancellationRequested) Volatile.Write(ref _state, LeaseState.Entered(_options.Boot()));
        }
        _options.Warn($"back as incarnation {opening.Incarnation}");
        return Unit.Default;
    }
}
