using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>The one gateway of a store that has no other: the store's lock proves that its predecessor is dead, so it serves at once.</summary>
internal sealed class SoleGateway(World world, SimStore store) : GatewayHost(world, "gateway")
{
    private TimeSpan _clockOffset;

    /// <summary>By the store's service clock, which stands still while no process runs.</summary>
    public override Instant Now => World.Agenda.Now + _clockOffset;

    public override bool Serves => true;

    public override void Start()
    {
        if (IsRunning) return;
        Span<byte> bytes = stackalloc byte[IncarnationId.Size];
        Random.Fill(bytes);
        StoreOpening opening = store.State.Open(IncarnationId.Read(bytes));
        _clockOffset = opening.ServiceTime - World.Agenda.Now;
        Boot(World.Registry, new Owner("gw", opening.Incarnation), isCluster: false);
        Begin(GatewayState.Restore(Load(), Now));
        long process = Process;
        World.Agenda.After(ServiceClock.CheckpointInterval, () => Checkpoint(process));
    }

    protected override void Died() => store.ProcessDied();

    protected override void Append(GatewayEffect.Append append)
    {
        long process = Process;
        store.Append(append, outcome =>
        {
            if (process == Process) Post(new GatewayInput.AppendFinished(append.Number, outcome));
        });
    }

    protected override Instant ToWorld(Instant at) => at - _clockOffset;

    /// <summary>After every step its memory is the store's.</summary>
    protected override void CheckMemory(GatewayState before)
    {
        Oracle oracle = World.Oracle;
        foreach ((SessionId id, GatewaySession session) in State.Sessions)
        {
            bool isSame = before.Sessions.TryGetValue(id, out GatewaySession? earlier) && ReferenceEquals(earlier, session);
            if (!isSame && session.Append is null) oracle.Compare(session);
        }
        if (State.Appends.IsEmpty && World.IsStoreStrict)
            oracle.Require(oracle.Live.All(session => State.Sessions.ContainsKey(session.Id)), () => "the store holds a live session that the gateway does not serve");
    }

    private IEnumerable<Session> Load()
    {
        foreach (LoadResult loaded in store.State.LoadAllLive())
        {
            if (loaded is not LoadResult.Found found) throw new SimulationException($"the store cannot be read again: {loaded}");
            yield return SessionRecords.Restore(found.History).Match(session => session, problem => throw new SimulationException("the store cannot be read again: " + problem));
        }
    }

    private void Checkpoint(long process)
    {
        if (process != Process) return;
        store.State.Checkpoint(Now);
        World.Agenda.After(ServiceClock.CheckpointInterval, () => Checkpoint(process));
    }
}
