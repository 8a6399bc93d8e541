using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>What a client's disk holds: the resumption with its root in clear, because this disk is nobody's.</summary>
internal sealed record StateOnDisk(ClientResumption Resumption, byte[] Root);

/// <summary>One client host: its uplinks and disk, which outlive the process, and the process around the shipped core.</summary>
internal sealed partial class ClientHost : IModelHost
{
    private const int SocketBuffer = 256;

    private readonly World _world;
    private readonly SimRandom _random;
    private readonly byte[] _privateKey = new byte[ICryptography.SecretSize];
    private readonly Queue<(ClientInput Input, Datagram? Cause)> _inputs = new();
    private readonly Queue<(int Socket, Datagram Datagram)> _socketBuffer = new();
    private readonly SortedDictionary<int, OpenSocket> _sockets = [];
    private NodeCryptography? _secrets;
    private ICryptography _crypto = null!;
    private ClientEnvironment _environment = null!;
    private TimeSpan _clockOffset;
    private int _baseline;
    private long _process;
    private long _timer;
    private bool _isStepping;
    private ushort _nextPort = 40_000;
    private Instant _pausedUntil = Instant.Zero;

    public ClientHost(World world, int number, bool keepsState, ImmutableArray<SimUplink> uplinks, ClientHost? original = null)
    {
        _world = world;
        _random = world.Random.Fork();
        if (original is null) _random.Fill(_privateKey);
        else original._privateKey.CopyTo(_privateKey, 0);
        Number = number;
        KeepsState = keepsState;
        Uplinks = uplinks;
        Disk = original?.Disk;
        InnerAddress = original?.InnerAddress ?? Endpoint.FromIPv4(0x0A4D0002 + (uint)number, 0).Address;
        using NodeCryptography crypto = world.NewCryptography();
        Key = crypto.Crypto.PublicKeyOf(crypto.Crypto.Import(_privateKey));
        foreach (SimUplink uplink in uplinks)
        {
            Addresses.Add(uplink.OuterAddress);
            world.Network.Connect(uplink, (inside, datagram) => Arrived(inside, datagram));
        }
    }

    private sealed record OpenSocket(SimUplink Uplink, Endpoint Local, Endpoint Remote);

    public int Number { get; }

    public string Name => "client" + Number;

    public PublicKey Key { get; }

    public bool KeepsState { get; }

    public UInt128 InnerAddress { get; }

    public ImmutableArray<SimUplink> Uplinks { get; }

    /// <summary>Every outer address that its uplinks have had.</summary>
    public HashSet<UInt128> Addresses { get; } = [];

    public StateOnDisk? Disk { get; set; }

    /// <summary>Percentage of writes to the disk that fail.</summary>
    public int DiskFailures { get; set; }

    public ClientState State { get; private set; } = ClientState.Initial;

    public ModelDataPlane DataPlane { get; private set; } = null!;

    public bool IsRunning => _secrets is not null;

    public ClientEnvironment Environment => _environment;

    public NodeCryptography Cryptography => _secrets!;

    public bool HasStopped { get; private set; }

    public Instant Now => _world.Agenda.Now + _clockOffset;

    public bool Serves => true;

    public bool IsAttached => IsRunning && State.Session is { } session && session.State.IsBound();

    /// <summary>Another host with the same key and a copy of the disk.</summary>
    public ClientHost Copy(int number, SimUplink uplink) => new(_world, number, KeepsState, [uplink], this);

    /// <summary>The process starts, with what the disk holds.</summary>
    public void Start()
    {
        if (IsRunning || _world.IsLeaving) return;
        _process++;
        HasStopped = false;
        _secrets = _world.NewCryptography();
        _crypto = _world.Decorate(_secrets.Crypto, isGateway: false);
        _clockOffset = _random.Milliseconds(0, 3_600_000);
        _environment = new(_crypto, NoiseKeyPair.From(_crypto, _crypto.Import(_privateKey)), _world.GatewayPublic, SecretHandle.None,
            [new IpPrefix(Endpoint.FromIPv4(0x0A4D0000, 0).Address, 24, true)], _world.ClientSuites, KeepsState);
        _baseline = _secrets.Live;
        DataPlane = _world.NewDataPlane(_crypto, this);
        State = ClientState.Initial;
        Span<byte> instance = stackalloc byte[InstanceId.Size];
        _random.Fill(instance);
        ClientResumption? resumption = Disk is { } disk && KeepsState ? disk.Resumption with { Root = _crypto.Import(disk.Root) } : null;
        _world.Trace.Line(Name, () => resumption is null ? "starts" : $"starts with session {resumption.Session.ToString()[..8]}");
        Post(new ClientInput.Start(InstanceId.Read(instance), resumption));
        TellUplinks();
    }

    /// <summary>The process is killed.</summary>
    public void Kill()
    {
        if (!IsRunning) return;
        _world.Trace.Line(Name, () => "dies");
        End();
    }

    /// <summary>The process is asked to stop.</summary>
    public void Stop()
    {
        if (!IsRunning) return;
        if (State.Session is { } session && !KeepsState) _world.Oracle.AskedToEnd.Add(session.Id);
        Post(new ClientInput.Stop());
    }

    public void Pause(TimeSpan time)
    {
        if (!IsRunning) return;
        _world.Trace.Line(Name, () => $"stands still for {time.TotalMilliseconds} ms");
        _pausedUntil = Instant.Max(_pausedUntil, _world.Agenda.Now + time);
        long process = _process;
        _world.Agenda.At(_pausedUntil, () =>
        {
            if (process != _process || _world.Agenda.Now < _pausedUntil) return;
            if (ClientCore.NextDeadline(State) <= Now) Post(new ClientInput.TimerFired());
            while (_socketBuffer.TryDequeue(out (int Socket, Datagram Datagram) waiting)) Receive(waiting.Socket, waiting.Datagram);
            Run();
            Schedule();
        });
    }

    /// <summary>The kernel tells of links and addresses.</summary>
    public void TellUplinks() => Post(new ClientInput.UplinksChanged(
        [.. Uplinks.Where(uplink => uplink.IsUp).Select(uplink => new Uplink(uplink.Name, uplink.InterfaceIndex, [uplink.Address]))]));

    public void Post(ClientInput input, Datagram? cause = null)
    {
        if (!IsRunning) return;
        _inputs.Enqueue((input, cause));
        if (!_isStepping && _world.Agenda.Now >= _pausedUntil) Run();
    }

    /// <summary>An inner packet out of the TUN device.</summary>
    public void SendInner(byte[] inner)
    {
        if (IsRunning && _world.Agenda.Now >= _pausedUntil && State.Session is { } session) DataPlane.SendInner(session.Id, inner);
    }

    void IModelHost.SendData(SessionId session, TransportAddress transport, byte[] datagram, UInt128 key, ulong counter)
    {
        _world.Seals.DataSealed(key, counter);
        Transmit(transport.Socket, transport.Remote, datagram);
    }

    void IModelHost.Deliver(SessionId session, byte[] inner, in Arrival arrival)
    {
        ulong number = ModelPacket.NumberOf(inner);
        _world.Oracle.DeliveredAtClient(number, arrival);
        _world.DeliveredDown(this, number);
    }

    void IModelHost.ControlDatagram(TransportAddress source, Datagram datagram) => Post(new ClientInput.DatagramReceived(source, datagram.Bytes), datagram);

    void IModelHost.ControlFrame(SessionId session, uint localIndex, byte[] frame) => Post(new ClientInput.FrameReceived(localIndex, frame));

    void IModelHost.UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source, int size)
    {
    }

    void IModelHost.TrafficResumed(SessionId session) => Post(new ClientInput.TrafficResumed());

    void IModelHost.EpochHeard(SessionId session, uint localIndex) => Post(new ClientInput.EpochHeard(localIndex));

    private void Arrived(Endpoint inside, Datagram datagram)
    {
        if (!IsRunning) return;
        foreach ((int number, OpenSocket socket) in _sockets)
        {
            if (socket.Local != inside) continue;
            if (_world.Agenda.Now >= _pausedUntil) Receive(number, datagram);
            else if (_socketBuffer.Count < SocketBuffer) _socketBuffer.Enqueue((number, datagram));
            return;
        }
    }

    private void Receive(int number, Datagram datagram)
    {
        if (!_sockets.TryGetValue(number, out OpenSocket? socket)) return;
        _world.Trace.Line(Name, () => "<- " + datagram);
        DataPlane.Receive(new TransportAddress(number, socket.Local, datagram.From), datagram);
    }

    private void Transmit(int number, Endpoint remote, byte[] bytes)
    {
        if (!_sockets.TryGetValue(number, out OpenSocket? socket)) return;
        SendResult result = _world.Network.SendUp(socket.Uplink, socket.Local, remote, bytes);
        if (result == SendResult.Unsendable) Post(new ClientInput.SendFailed(number, SendProblem.Local));
        if (result == SendResult.TooBig) Post(new ClientInput.SendFailed(number, SendProblem.TooBig));
    }

    private void Open(ClientEffect.OpenSocket open)
    {
        long process = _process;
        _world.Agenda.After(_random.Time(TimeSpan.Zero, TimeSpan.FromMilliseconds(1)), () =>
        {
            if (process != _process || _sockets.ContainsKey(open.Socket) || _closed.Contains(open.Socket)) return;
            SimUplink? uplink = Uplinks.FirstOrDefault(uplink => uplink.Name == open.Uplink);
            if (uplink is not { IsUp: true })
            {
                Post(new ClientInput.SocketFailed(open.Socket, "no such device"));
                return;
            }
            var socket = new OpenSocket(uplink, new(uplink.Address, _nextPort++), open.Remote);
            _sockets[open.Socket] = socket;
            Post(new ClientInput.SocketOpened(open.Socket, socket.Local));
        });
    }

    private readonly HashSet<int> _closed = [];

    private void Save(ClientEffect.SaveState save)
    {
        // The shell reads the root while it carries this out.
        byte[] root = _secrets!.Reveal(save.Resumption.Root);
        long process = _process;
        _world.Agenda.After(_random.Time(TimeSpan.FromMilliseconds(0.3), TimeSpan.FromMilliseconds(8)), () =>
        {
            if (process != _process) return;
            bool fails = _random.Chance(DiskFailures);
            // A write that fails may have reached the disk after all.
            if (!fails || _random.Chance(50)) Disk = new(save.Resumption, root);
            Post(fails ? new ClientInput.StateSaveFailed(save.Save, "the disk refused") : new ClientInput.StateSaved(save.Save));
        });
    }

    private void End()
    {
        _secrets!.Dispose();
        _secrets = null;
        _process++;
        _inputs.Clear();
        _socketBuffer.Clear();
        _sockets.Clear();
        _closed.Clear();
        _pausedUntil = Instant.Zero;
    }

    private void Schedule()
    {
        long timer = ++_timer;
        Instant at = ClientCore.NextDeadline(State);
        if (at == Instant.Never || !IsRunning) return;
        _world.Agenda.At(Instant.Max(at - _clockOffset, _world.Agenda.Now) + _world.TimerLateness(), () =>
        {
            if (timer == _timer && IsRunning && _world.Agenda.Now >= _pausedUntil) Post(new ClientInput.TimerFired());
        });
    }
}
