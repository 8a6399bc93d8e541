using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>
/// One of several gateways that share a store: what a node's shell does around the core. It enters as an incarnation, keeps its lease by
/// the shipped <see cref="LeaseCore"/>, tells the core what it has learned, and looks after sessions without an owner.
/// </summary>
internal sealed partial class ClusterNode : GatewayHost
{
    private const int TunQueue = 64;
    private const int OrphansAtOnce = 32;
    private const long Million = 1_000_000;
    private static readonly TimeSpan HousekeepingInterval = TimeSpan.FromSeconds(2);

    private readonly ClusterStore _store;
    private readonly StoreLink _link;
    private readonly NodePlan _plan;
    private readonly LeaseTimes _times;
    private readonly Queue<Action> _missed = new();
    private readonly Queue<(PublicKey Client, byte[] Inner)> _tun = new();
    private LeaseState _lease = LeaseState.Entered(Instant.Zero);
    private TimeSpan _serviceOffset;
    private int _boots;

    public ClusterNode(World world, ClusterStore store, LeaseTimes times, NodePlan plan, int number) : base(world, "gw" + number)
    {
        (_store, _times, _plan) = (store, times, plan);
        _link = store.Connect(Name);
        _link.Notified = Hear;
    }

    /// <summary>The node's clock that counts from boot, whether it runs, stands still or sleeps. It runs a little fast or slow, and no two show the same.</summary>
    public Instant Clock => new(_plan.ClockOffset.Ticks + (long)((Int128)World.Agenda.Now.Ticks * (Million + _plan.ClockPpm) / Million));

    public override Instant Now => Clock + _serviceOffset;

    public override bool Serves => _hasEntered && _lease.Serves(Clock);

    /// <summary>Cuts the node off from the store.</summary>
    public void CutFromStore(TimeSpan time) => _link.CutUntil = Instant.Max(_link.CutUntil, World.Agenda.Now + time);

    /// <summary>The machine starts anew: what the next process says of its place proves nothing about the former one.</summary>
    public void Reboot() => _boots++;

    public override void Start()
    {
        if (IsRunning) return;
        // Who has not entered yet has no name in the store.
        Boot(() => ClientRegistry.From([]), new Owner(Name, default), isCluster: true);
        World.Trace.Line(Name, () => "starts");
        _serviceOffset = TimeSpan.Zero;
        Enter();
    }

    public override void Leave(Action done)
    {
        if (!_hasEntered)
        {
            done();
            return;
        }
        IncarnationId incarnation = Self.Incarnation;
        _link.Ask(
            () =>
            {
                _store.Leave(incarnation);
                return true;
            },
            _ => false,
            _ => done());
    }

    /// <summary>While the process stands still its packets wait in the device's queue.</summary>
    public override void SendInner(PublicKey client, byte[] inner)
    {
        if (IsAwake) base.SendInner(client, inner);
        else if (IsRunning && !IsDeaf && _tun.Count < TunQueue) _tun.Enqueue((client, inner));
    }

    protected override bool HasSockets => _hasBegun;

    protected override Instant ToWorld(Instant at) =>
        new((long)((Int128)((at - _serviceOffset).Ticks - _plan.ClockOffset.Ticks) * Million / (Million + _plan.ClockPpm)) + TimeSpan.TicksPerMicrosecond);

    protected override void Died()
    {
        _link.ProcessDied();
        _missed.Clear();
        _tun.Clear();
        _hasEntered = _hasBegun = false;
    }

    /// <summary>Whatever was missed comes now: answers of the store before what waits in the queues, or after it.</summary>
    protected override void WakesUp()
    {
        if (Random.Chance(50)) CatchUp();
        else World.Agenda.After(TimeSpan.Zero, CatchUp);
        while (_tun.TryDequeue(out (PublicKey Client, byte[] Inner) packet)) base.SendInner(packet.Client, packet.Inner);
    }

    protected override void Append(GatewayEffect.Append append)
    {
        long process = Process;
        _link.Append(append, Self.Incarnation, outcome =>
        {
            if (process == Process) Post(new GatewayInput.AppendFinished(append.Number, outcome));
        });
    }

    protected override bool TryCarryOut(GatewayEffect effect)
    {
        switch (effect)
        {
            case GatewayEffect.Load load:
                Ask<LoadResult>(() => _store.State.Load(load.Session), reason => new LoadResult.Unavailable(reason),
                    loaded => Post(new GatewayInput.SessionLoaded(load.Session, Loaded(loaded))));
                return true;
            case GatewayEffect.LoadClient load:
                Ask<LoadResult>(() => _store.State.LoadClient(load.Client), reason => new LoadResult.Unavailable(reason),
                    loaded => Post(new GatewayInput.ClientLoaded(load.Client, Loaded(loaded))));
                return true;
            case GatewayEffect.Want want:
                IncarnationId by = Self.Incarnation;
                Ask(() => _store.State.Want(want.Session, want.Version, by), _ => false, _ => { });
                return true;
            case GatewayEffect.Fenced:
                FellOut();
                return true;
            default:
                return false;
        }
    }

    /// <summary>What this node serves is its own, and as the store has it; what it merely remembers of other nodes' sessions may be old.</summary>
    protected override void CheckMemory(GatewayState before)
    {
        Oracle oracle = World.Oracle;
        foreach ((SessionId id, GatewaySession session) in State.Sessions)
        {
            bool isSame = before.Sessions.TryGetValue(id, out GatewaySession? earlier) && ReferenceEquals(earlier, session);
            if (isSame || session.Append is not null) continue;
            if (session.Epoch is not null && Serves) oracle.Compare(session);
            else oracle.CompareOld(session);
        }
    }

    protected override void CheckServes(SessionId session, string what)
    {
        World.Oracle.Serves(session, Self, what);
        World.Leases.Require(Self, Clock, what);
        World.CheckRegistered(session, what);
    }

    private static LoadedSession Loaded(LoadResult result) => result switch
    {
        LoadResult.Found found => SessionRecords.Restore(found.History).Match<LoadedSession>(
            session => new LoadedSession.Found(session), problem => throw new SimulationException("the store cannot be read again: " + problem)),
        LoadResult.Missing => new LoadedSession.Missing(),
        LoadResult.Corrupt corrupt => throw new SimulationException($"the store cannot be read again: {corrupt}"),
        LoadResult.Unavailable => new LoadedSession.Unavailable(),
        _ => throw new SimulationException($"a result that is none of the known ones: {result}"),
    };

    /// <summary>Asks the store; the answer counts only for the process that asked, once that is awake.</summary>
    private void Ask<T>(Func<T> carryOut, Func<string, T> failed, Action<T> answer)
    {
        long process = Process;
        _link.Ask(carryOut, failed, result => WhenAwake(process, () => answer(result)));
    }

    private void WhenAwake(long process, Action action)
    {
        if (process != Process) return;
        if (IsAwake && _missed.Count == 0) action();
        else _missed.Enqueue(action);
    }

    private void Later(TimeSpan delay, Action action)
    {
        long process = Process;
        World.Agenda.After(delay, () => WhenAwake(process, action));
    }

    private void CatchUp()
    {
        while (IsRunning && IsAwake && _missed.TryDequeue(out Action? action)) action();
    }
}
