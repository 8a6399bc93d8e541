using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>The gateway's process: the shipped core and the shipped filter in front of it, over the model of the data plane, the network and the store.</summary>
internal sealed partial class GatewayHost(World world, SimStore store) : IModelHost
{
    private const int SocketBuffer = 256;
    private const ushort InnerMtu = 1400;

    private readonly SimRandom _random = world.Random.Fork();
    private readonly Queue<(GatewayInput Input, Datagram? Cause)> _inputs = new();
    private readonly Queue<Datagram> _socketBuffer = new();
    private NodeCryptography? _secrets;
    private ICryptography _crypto = null!;
    private ControlFilter _filter = null!;
    private GatewayEnvironment _environment = null!;
    private TimeSpan _clockOffset;
    private int _baseline;
    private long _timer;
    private bool _isStepping;
    private Instant _pausedUntil = Instant.Zero;

    public GatewayState State { get; private set; } = GatewayState.Empty;

    public ModelDataPlane DataPlane { get; private set; } = null!;

    public bool IsRunning => _secrets is not null;

    public bool HasDrained { get; private set; }

    /// <summary>Counts the starts and ends of the process.</summary>
    public long Process { get; private set; }

    /// <summary>By the store's service clock, which stands still while no process runs.</summary>
    public Instant Now => world.Agenda.Now + _clockOffset;

    public Owner Self => _environment.Self;

    public Dictionary<ReasonCode, int> Rejections { get; } = [];

    /// <summary>Answers to operators, by request.</summary>
    public Dictionary<long, ReasonCode> Answers { get; } = [];

    public void Start()
    {
        if (IsRunning) return;
        Process++;
        HasDrained = false;
        _seen.Clear();
        _secrets = world.NewCryptography();
        _crypto = world.Decorate(_secrets.Crypto, isGateway: true);
        Span<byte> bytes = stackalloc byte[16];
        _random.Fill(bytes);
        StoreOpening opening = store.State.Open(IncarnationId.Read(bytes));
        _clockOffset = opening.ServiceTime - world.Agenda.Now;
        SecretHandle cluster = _crypto.Import(world.ClusterKey), token = Draw();
        ClusterKeys keys = ClusterKeys.Derive(_crypto, [cluster]);
        _crypto.Release(cluster);
        NoiseKeyPair identity = NoiseKeyPair.From(_crypto, _crypto.Import(world.GatewayKey));
        _environment = new(_crypto, identity, keys, world.Registry(_crypto), world.Policy, SessionJson.HashOf(world.Policy),
            new Owner("gw", opening.Incarnation), world.GatewaySuites, InnerMtu, token);
        _filter = new(_crypto, AddressKeys.Derive(_crypto, identity.Public), keys);
        _filter.Rotate(Draw());
        DataPlane = world.NewDataPlane(_crypto, this);
        world.TokenSecret = token;
        State = GatewayState.Restore(Load(), Now);
        _baseline = _secrets.Live;
        world.Trace.Line("gateway", () => $"starts as {Self} with {State.Sessions.Count} sessions");
        Schedule();
        long process = Process;
        world.Agenda.After(ServiceClock.CheckpointInterval, () => Checkpoint(process));
    }

    /// <summary>The process is killed: its memory is gone; what was on its way to the disk has arrived there, or not.</summary>
    public void Kill()
    {
        if (!IsRunning) return;
        world.Trace.Line("gateway", () => "dies");
        store.ProcessDied();
        _secrets!.Dispose();
        _secrets = null;
        Process++;
        _inputs.Clear();
        _socketBuffer.Clear();
        _pausedUntil = Instant.Zero;
        State = GatewayState.Empty;
    }

    /// <summary>The process stands still: datagrams wait in the socket's buffer, timers come late.</summary>
    public void Pause(TimeSpan time)
    {
        if (!IsRunning) return;
        world.Trace.Line("gateway", () => $"stands still for {time.TotalMilliseconds} ms");
        _pausedUntil = Instant.Max(_pausedUntil, world.Agenda.Now + time);
        long process = Process;
        world.Agenda.At(_pausedUntil, () =>
        {
            if (process != Process || world.Agenda.Now < _pausedUntil) return;
            if (State.NextDeadline <= Now) Post(new GatewayInput.TimerFired());
            while (_socketBuffer.TryDequeue(out Datagram? datagram)) Receive(datagram);
            Run();
            Schedule();
        });
    }

    public void Receive(Datagram datagram)
    {
        if (!IsRunning) return;
        if (world.Agenda.Now < _pausedUntil)
        {
            if (_socketBuffer.Count < SocketBuffer) _socketBuffer.Enqueue(datagram);
            return;
        }
        world.Trace.Line("gateway", () => "<- " + datagram);
        DataPlane.Receive(new TransportAddress(1, datagram.To, datagram.From), datagram);
    }

    /// <summary>Takes an input now, or after the one that is being taken.</summary>
    public void Post(GatewayInput input, Datagram? cause = null)
    {
        if (!IsRunning) return;
        _inputs.Enqueue((input, cause));
        if (!_isStepping && world.Agenda.Now >= _pausedUntil) Run();
    }

    /// <summary>An inner packet for a client out of the gateway's TUN device.</summary>
    public void SendInner(PublicKey client, byte[] inner)
    {
        if (IsRunning && world.Agenda.Now >= _pausedUntil && State.ByClient.TryGetValue(client, out SessionId session)) DataPlane.SendInner(session, inner);
    }

    void IModelHost.SendData(TransportAddress transport, byte[] datagram, UInt128 key, ulong counter)
    {
        world.Seals.DataSealed(key, counter);
        world.Network.SendDown(transport.Local, transport.Remote, datagram);
    }

    void IModelHost.Deliver(SessionId session, byte[] inner, in Arrival arrival)
    {
        ulong number = ModelPacket.NumberOf(inner);
        world.Oracle.DeliveredAtGateway(session, number, arrival, !State.Appends.IsEmpty);
        world.DeliveredUp(number);
    }

    void IModelHost.ControlDatagram(TransportAddress source, Datagram datagram)
    {
        AdmissionVerdict verdict = _filter.Check(datagram.Bytes, source.Remote, Now, out ReasonCode reason);
        if (verdict == AdmissionVerdict.Drop) Count(reason);
        if (verdict == AdmissionVerdict.SendCookie)
        {
            SecretHandle seed = Draw();
            byte[] cookie = new byte[Cookie.Size];
            _filter.MakeCookie(datagram.Bytes, source.Remote, seed, cookie);
            _crypto.Release(seed);
            world.Oracle.Require(cookie.Length <= datagram.Bytes.Length, () => "a cookie is larger than its question");
            world.Network.SendDown(source.Local, source.Remote, cookie);
        }
        if (verdict == AdmissionVerdict.Pass) Post(new GatewayInput.DatagramReceived(source, datagram.Bytes, CountersFor(datagram.Bytes)), datagram);
    }

    void IModelHost.ControlFrame(SessionId session, uint localIndex, byte[] frame) => Post(new GatewayInput.FrameReceived(session, localIndex, frame));

    void IModelHost.UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source, int size)
    {
        world.Oracle.Require(size >= Challenge.Size, () => "a challenge would be larger than what came");
        Post(new GatewayInput.UnboundSourceSeen(session, localIndex, counter, source));
    }

    void IModelHost.TrafficResumed(SessionId session)
    {
    }

    private TrafficCounters? CountersFor(byte[] datagram) =>
        datagram[0] == (byte)MessageType.Probe && DataPlane.TryReadCounters(SessionId.Read(datagram.AsSpan(Probe.SessionOffset)), out TrafficCounters counters)
            ? counters
            : null;

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
        world.Agenda.After(ServiceClock.CheckpointInterval, () => Checkpoint(process));
    }

    private SecretHandle Draw()
    {
        Span<byte> bytes = stackalloc byte[ICryptography.SecretSize];
        _random.Fill(bytes);
        return _crypto.Import(bytes);
    }

    private void Count(ReasonCode reason) => Rejections[reason] = Rejections.GetValueOrDefault(reason) + 1;

    private void Schedule()
    {
        long timer = ++_timer;
        Instant at = State.NextDeadline;
        if (at == Instant.Never) return;
        world.Agenda.At(at - _clockOffset + world.TimerLateness(), () =>
        {
            if (timer == _timer && IsRunning && world.Agenda.Now >= _pausedUntil) Post(new GatewayInput.TimerFired());
        });
    }
}
