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
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>
/// A gateway's process: the shipped core and the shipped checks in front of it, over the model of the data plane and the network. How it
/// gets hold of its store differs between a sole gateway and a node of several.
/// </summary>
internal abstract partial class GatewayHost(World world, string name) : IModelHost
{
    private const int SocketBuffer = 256;

    /// <summary>Few, so that sessions share some.</summary>
    private const int Meters = 64;

    private const ushort InnerMtu = 1400;

    private readonly SimRandom _random = world.Random.Fork();
    private readonly Queue<(GatewayInput Input, Datagram? Cause)> _inputs = new();
    private readonly Queue<Datagram> _socketBuffer = new();
    private NodeCryptography? _secrets;
    private ICryptography _crypto = null!;
    private ControlAdmission _admission = null!;
    private GatewayEnvironment _environment = null!;
    private int _baseline;
    private long _timer;
    private bool _isStepping;
    private bool _isDeaf;
    private Instant _pausedUntil = Instant.Zero;

    public string Name => name;

    public GatewayState State { get; private set; } = GatewayState.Empty;

    public ModelDataPlane DataPlane { get; private set; } = null!;

    public bool IsRunning => _secrets is not null;

    public bool HasDrained { get; private set; }

    /// <summary>Counts the starts and ends of the process.</summary>
    public long Process { get; private set; }

    /// <summary>By the service clock.</summary>
    public abstract Instant Now { get; }

    /// <summary>False while the node holds no lease.</summary>
    public abstract bool Serves { get; }

    public Owner Self => _environment.Self;

    public GatewayEnvironment Environment
    {
        get => _environment;
        protected set => _environment = value;
    }

    public NodeCryptography Cryptography => _secrets!;

    protected World World => world;

    protected SimRandom Random => _random;

    protected ICryptography Crypto => _crypto;

    protected bool IsDeaf => _isDeaf;

    protected bool IsAwake => world.Agenda.Now >= _pausedUntil;

    public Dictionary<ReasonCode, int> Rejections { get; } = [];

    /// <summary>Answers to operators, by request.</summary>
    public Dictionary<long, ReasonCode> Answers { get; } = [];

    /// <summary>The process starts, unless it runs.</summary>
    public abstract void Start();

    /// <summary>The process is killed: its memory is gone; what was on its way to the disk has arrived there, or not.</summary>
    public void Kill()
    {
        if (!IsRunning) return;
        world.Trace.Line(name, () => "dies");
        Died();
        _secrets!.Dispose();
        _secrets = null;
        Process++;
        _inputs.Clear();
        _socketBuffer.Clear();
        _pausedUntil = Instant.Zero;
        State = GatewayState.Empty;
    }

    /// <summary>A planned end: the sessions have been handed over.</summary>
    public virtual void Leave(Action done) => done();

    /// <summary>The process stands still: datagrams wait in the socket's buffer, timers come late.</summary>
    /// <param name="isDeaf">The whole machine sleeps: what arrives meanwhile is lost. Its clock goes on in any case.</param>
    public void Pause(TimeSpan time, bool isDeaf = false)
    {
        if (!IsRunning) return;
        world.Trace.Line(name, () => $"stands still for {time.TotalMilliseconds} ms{(isDeaf ? ", deaf" : "")}");
        _isDeaf = isDeaf;
        _pausedUntil = Instant.Max(_pausedUntil, world.Agenda.Now + time);
        long process = Process;
        world.Agenda.At(_pausedUntil, () =>
        {
            if (process != Process || world.Agenda.Now < _pausedUntil) return;
            if (State.NextDeadline <= Now && Serves) Post(new GatewayInput.TimerFired());
            WakesUp();
            while (_socketBuffer.TryDequeue(out Datagram? datagram)) Receive(datagram);
            Run();
            Schedule();
        });
    }

    public void Receive(Datagram datagram)
    {
        if (!IsRunning || !HasSockets) return;
        if (world.Agenda.Now < _pausedUntil)
        {
            if (_socketBuffer.Count < SocketBuffer && !_isDeaf) _socketBuffer.Enqueue(datagram);
            return;
        }
        world.Trace.Line(name, () => "<- " + datagram);
        DataPlane.Receive(new TransportAddress(1, datagram.To, datagram.From), datagram);
    }

    /// <summary>Takes an input now, or after the one that is being taken.</summary>
    public void Post(GatewayInput input, Datagram? cause = null)
    {
        if (!IsRunning || !HasSockets) return;
        _inputs.Enqueue((input, cause));
        if (!_isStepping && world.Agenda.Now >= _pausedUntil) Run();
    }

    /// <summary>An inner packet for a client out of the gateway's TUN device.</summary>
    public virtual void SendInner(PublicKey client, byte[] inner)
    {
        if (IsRunning && world.Agenda.Now >= _pausedUntil && State.ByClient.TryGetValue(client, out SessionId session)) DataPlane.SendInner(session, inner);
    }

    void IModelHost.SendData(SessionId session, TransportAddress transport, byte[] datagram, UInt128 key, ulong counter)
    {
        CheckServes(session, "sends");
        world.Seals.DataSealed(key, counter);
        world.Network.SendDown(transport.Local, transport.Remote, datagram);
    }

    void IModelHost.Deliver(SessionId session, byte[] inner, in Arrival arrival)
    {
        CheckServes(session, "delivers");
        ulong number = ModelPacket.NumberOf(inner);
        world.Oracle.DeliveredAtGateway(session, number, arrival, !State.Appends.IsEmpty);
        world.DeliveredUp(number);
    }

    void IModelHost.ControlDatagram(TransportAddress source, Datagram datagram)
    {
        (AdmissionVerdict verdict, ReasonCode reason, _, _, _) = _admission.Check(State, source, datagram.Bytes, Now, Now);
        if (verdict == AdmissionVerdict.Drop) Count(reason);
        if (verdict == AdmissionVerdict.SendCookie)
        {
            SecretHandle seed = Draw();
            byte[] cookie = new byte[Cookie.Size];
            _admission.MakeCookie(datagram.Bytes, source.Remote, seed, cookie);
            _crypto.Release(seed);
            world.Oracle.Require(cookie.Length <= datagram.Bytes.Length, () => "a cookie is larger than its question");
            world.Network.SendDown(source.Local, source.Remote, cookie);
        }
        if (verdict == AdmissionVerdict.Pass) Post(new GatewayInput.DatagramReceived(source, datagram.Bytes, CountersFor(datagram.Bytes)), datagram);
    }

    void IModelHost.ControlFrame(SessionId session, uint localIndex, byte[] frame)
    {
        if (_admission.AllowsFrame(session, Now)) Post(new GatewayInput.FrameReceived(session, localIndex, frame));
        else Count(ReasonCode.RateLimited);
    }

    void IModelHost.UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source, int size)
    {
        world.Oracle.Require(size >= Challenge.Size, () => "a challenge would be larger than what came");
        Post(new GatewayInput.UnboundSourceSeen(session, localIndex, counter, source));
    }

    void IModelHost.EpochHeard(SessionId session, uint localIndex)
    {
    }

    void IModelHost.TrafficResumed(SessionId session)
    {
    }

    private TrafficCounters? CountersFor(byte[] datagram) =>
        datagram[0] == (byte)MessageType.Probe && DataPlane.TryReadCounters(SessionId.Read(datagram.AsSpan(Probe.SessionOffset)), out TrafficCounters counters)
            ? counters
            : null;

    /// <summary>A process with an empty memory.</summary>
    protected void Boot(Func<ClientRegistry> registry, Owner self, bool isCluster)
    {
        Process++;
        HasDrained = false;
        _isDeaf = false;
        _seen.Clear();
        _secrets = world.NewCryptography();
        _crypto = world.Decorate(_secrets.Crypto, isGateway: true);
        SecretHandle cluster = _crypto.Import(world.ClusterKey), token = Draw();
        ClusterKeys keys = ClusterKeys.Derive(_crypto, [cluster]);
        _crypto.Release(cluster);
        NoiseKeyPair identity = NoiseKeyPair.From(_crypto, _crypto.Import(world.GatewayKey));
        _environment = new(_crypto, identity, keys, registry(), world.Policy, SessionJson.HashOf(world.Policy),
            self, world.GatewaySuites, InnerMtu, token, isCluster);
        var filter = new ControlFilter(_crypto, AddressKeys.Derive(_crypto, identity.Public), keys);
        filter.Rotate(Draw());
        var mix = new KeyedMix(new UInt128(_random.Next(), _random.Next()));
        _admission = new(filter, new ProofGate(_crypto, new OneThread(_crypto), token, mix, Meters), new SourceStanding(mix, SourceBudgets.Default, Meters), new SessionMisuse(mix, Meters));
        DataPlane = world.NewDataPlane(_crypto, this);
        world.TokenSecret = token;
    }

    /// <summary>The memory that the process begins with; then it works.</summary>
    protected void Begin(GatewayState state)
    {
        State = state;
        _baseline = _secrets!.Live;
        world.Trace.Line(name, () => $"starts as {Self} with {State.Sessions.Count} sessions");
        Schedule();
    }

    /// <summary>The process is about to go.</summary>
    protected abstract void Died();

    /// <summary>The process goes on after it has stood still.</summary>
    protected virtual void WakesUp()
    {
    }

    /// <summary>Hands an append to the store; its answer comes as an input.</summary>
    protected abstract void Append(GatewayEffect.Append append);

    /// <summary>An effect that only nodes with a shared store have.</summary>
    protected virtual bool TryCarryOut(GatewayEffect effect) => false;

    /// <summary>When the world's clock is where the service clock shows <paramref name="at"/>.</summary>
    protected abstract Instant ToWorld(Instant at);

    /// <summary>True once the process has opened its sockets.</summary>
    protected virtual bool HasSockets => true;

    /// <summary>The node is about to deliver or send data of a session, and must have the right to.</summary>
    protected virtual void CheckServes(SessionId session, string what)
    {
    }

    /// <summary>More than any gateway must keep: how this one's memory and the store fit each other.</summary>
    protected abstract void CheckMemory(GatewayState before);

    /// <summary>Asks for the timer that the core wants next.</summary>
    protected void Schedule()
    {
        long timer = ++_timer;
        Instant at = State.NextDeadline;
        // What is due waits until the node may do something about it.
        if (at == Instant.Never || !Serves) return;
        world.Agenda.At(ToWorld(at) + world.TimerLateness(), () =>
        {
            if (timer == _timer && IsRunning && IsAwake && Serves) Post(new GatewayInput.TimerFired());
        });
    }

    private SecretHandle Draw()
    {
        Span<byte> bytes = stackalloc byte[ICryptography.SecretSize];
        _random.Fill(bytes);
        return _crypto.Import(bytes);
    }

    /// <summary>Here the core and its gate are one thread: no key is released while the gate looks at it.</summary>
    private sealed class OneThread(ICryptography crypto) : IProofCheck
    {
        public bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac, out bool isLive)
        {
            isLive = true;
            return crypto.VerifyMac(key, data, mac);
        }
    }

    private void Count(ReasonCode reason) => Rejections[reason] = Rejections.GetValueOrDefault(reason) + 1;
}
