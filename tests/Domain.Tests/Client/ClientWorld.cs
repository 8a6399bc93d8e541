using System.Buffers.Binary;
using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>
/// A client core, its shell, two uplinks behind NATs and a scripted gateway, under virtual time in one thread. The client's secrets
/// live in an arena of their own, so that a test can count what is left of them.
/// </summary>
internal sealed class ClientWorld : IDisposable
{
    private readonly PriorityQueue<Action, (long At, long Number)> _events = new();
    private readonly SecretArena _arena = new(8192);
    private readonly Dictionary<int, SimulatedSocket> _sockets = [];
    private readonly SecretHandle _seedRoot;
    private readonly int _lasting;
    private long _number;
    private long _steps;
    private ushort _nextPort = 40_000;
    private int _epoch;

    public ClientWorld(int seed = 1, bool keepsState = false)
    {
        Crypto = new(_arena);
        Span<byte> bytes = stackalloc byte[32];
        bytes.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, seed);
        _seedRoot = Crypto.Import(bytes);
        NoiseKeyPair identity = NoiseKeyPair.From(Crypto, Crypto.GenerateSecret());
        Gateway = new(identity.Public)
        {
            Send = ReachClient,
            After = (delay, action) => At(Now + delay, action),
            Now = () => Now,
        };
        Environment = new(Crypto, identity, Gateway.Identity.Public, SecretHandle.None, [new IpPrefix(Endpoint.FromIPv4(0x0A4D0000, 0).Address, 24, true)],
            CipherSuites.Offer([CipherSuite.ChaCha20Poly1305]), keepsState);
        Wan1 = new("wan1", 2, Endpoint.FromIPv4(0x0A010002, 0).Address, Endpoint.FromIPv4(0xC6336401, 0).Address);
        Wan2 = new("wan2", 3, Endpoint.FromIPv4(0x0A020002, 0).Address, Endpoint.FromIPv4(0xC6336402, 0).Address);
        _lasting = _arena.Live;
    }

    public static readonly Endpoint GatewayEndpoint = Endpoint.FromIPv4(0xC0000201, 51830);

    public SodiumCryptography Crypto { get; }

    public ClientEnvironment Environment { get; set; }

    public ScriptedGateway Gateway { get; }

    public SimulatedUplink Wan1 { get; }

    public SimulatedUplink Wan2 { get; }

    public ImmutableArray<Endpoint> Endpoints { get; set; } = [GatewayEndpoint];

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000_000);

    public ClientState State { get; private set; } = ClientState.Initial;

    public ClientSession? Session => State.Session;

    public SimulatedDataPlane DataPlane { get; private set; } = new();

    public List<(Instant At, ClientEffect Effect)> Effects { get; } = [];

    public IEnumerable<ClientReport> Reports => Effects.Select(entry => entry.Effect).OfType<ClientEffect.Report>().Select(report => report.Event);

    public IEnumerable<ClientReport.Transition> Transitions => Reports.OfType<ClientReport.Transition>();

    /// <summary>The saves that reached the disk; the last one is the file.</summary>
    public ClientResumption? File { get; private set; }

    public byte[] FileRoot { get; } = new byte[32];

    public int DeletedFiles { get; private set; }

    /// <summary>Sockets say only their port, and leave the address to the kernel.</summary>
    public bool LeavesLocalOpen { get; set; }

    public bool DiskFails { get; set; }

    public TimeSpan DiskTime { get; set; } = TimeSpan.FromMilliseconds(3);

    /// <summary>How much later than asked the client's timers fire.</summary>
    public TimeSpan TimerLag { get; set; }

    public bool HasStopped => Effects.Any(entry => entry.Effect is ClientEffect.Stopped);

    /// <summary>The client's secrets that are live beyond what the test itself made.</summary>
    public int LiveSecrets => _arena.Live - _lasting;

    /// <summary>Sees each datagram on its way; false loses it.</summary>
    public Func<SimulatedUplink, bool, byte[], bool> Passes { get; set; } = (_, _, _) => true;

    public void Dispose()
    {
        Gateway.Dispose();
        _arena.Dispose();
    }

    public void Start(ClientResumption? resumption = null, ulong instance = 7)
    {
        Input(new ClientInput.Start(new InstanceId(instance), resumption));
        UplinksChanged();
    }

    /// <summary>Starts and waits for the session.</summary>
    public ClientWorld Connected()
    {
        Start();
        RunFor(200);
        Assert.NotNull(Session);
        return this;
    }

    /// <summary>Hands a control frame to the client as if it had come under the bound epoch.</summary>
    public void Frame(ControlFrame frame)
    {
        byte[] bytes = new byte[ControlFrame.Size];
        frame.Write(bytes);
        Input(new ClientInput.FrameReceived(DataPlane.Bound!.Value.Index, bytes));
    }

    /// <summary>Hands datagrams to the client on a path of its own choice.</summary>
    public void Datagram(ClientPath path, byte[] datagram) => Input(new ClientInput.DatagramReceived(path.Transport, datagram));

    public void UplinksChanged() => Input(new ClientInput.UplinksChanged([.. new[] { Wan1, Wan2 }.Where(uplink => uplink.IsUp).Select(uplink => uplink.AsUplink())]));

    public void RunFor(int milliseconds) => RunUntil(Now + TimeSpan.FromMilliseconds(milliseconds));

    public void RunUntil(Instant end)
    {
        for (int i = 0; i < 2_000_000; i++)
        {
            Instant timer = ClientCore.NextDeadline(State);
            if (timer != Instant.Never) timer = Instant.Max(Now, timer) + TimerLag;
            Instant next = _events.TryPeek(out _, out (long At, long Number) key) ? new(key.At) : Instant.Never;
            if (Instant.Min(timer, next) > end)
            {
                Now = end;
                return;
            }
            if (next <= timer)
            {
                Now = Instant.Max(Now, next);
                _events.Dequeue()();
            }
            else
            {
                Now = timer;
                Input(new ClientInput.TimerFired());
            }
        }
        throw new InvalidOperationException($"the world does not come to rest: deadline {ClientCore.NextDeadline(State)} at {Now}");
    }

    public bool RunUntil(Func<bool> condition, int milliseconds)
    {
        for (int i = 0; i < milliseconds && !condition(); i++) RunFor(1);
        return condition();
    }

    public void At(Instant at, Action action) => _events.Enqueue(action, (at.Ticks, _number++));

    public void Input(ClientInput input)
    {
        SecretHandle seed = Crypto.Expand(_seedRoot, BitConverter.GetBytes(_steps++));
        (State, ImmutableArray<ClientEffect> effects) = ClientCore.Step(State, input, new(new(Now, default, seed), DataPlane.Counters), Environment);
        foreach (ClientEffect effect in effects)
        {
            Effects.Add((Now, effect));
            Apply(effect);
        }
        Crypto.Release(seed);
    }

    /// <summary>A packet on every tick in each direction, as far as the data planes let it through.</summary>
    public Traffic StartTraffic(bool fromClient = true, bool fromGateway = true, int everyMilliseconds = 10) => new(this, fromClient, fromGateway, everyMilliseconds);

    /// <summary>A file as a later start reads it: with a root handle of its own.</summary>
    public ClientResumption ReadFile() => File! with { Root = Crypto.Import(FileRoot) };

    /// <summary>The process is killed and starts again: nothing is released in order, but the arena forgets.</summary>
    public void Kill()
    {
        _epoch++;
        State = ClientState.Initial;
        DataPlane = new();
        _sockets.Clear();
    }

    public void SendData()
    {
        if (DataPlane.Bound is not { } bound || !_sockets.TryGetValue(bound.Transport.Socket, out SimulatedSocket? socket)) return;
        SimulatedEpoch epoch = DataPlane.Epochs[bound.Index];
        ulong counter = epoch.Sent++;
        DataPlane.LastSent = Now;
        if (DataPlane.TryDisarm()) Input(new ClientInput.TrafficResumed());
        if (!socket.Uplink.Carries(outwards: true) || !Passes(socket.Uplink, true, [(byte)MessageType.Data])) return;
        var source = new TransportAddress(0, bound.Transport.Remote, socket.Uplink.Outside(socket));
        At(Now + socket.Uplink.Delay, () => ReachGatewayWithData(source, epoch, counter));
    }

    public void SendDataFromGateway()
    {
        if (Gateway.Epoch is not { } epoch || !Gateway.IsServing || Gateway.IsAway) return;
        ulong counter = epoch.Sent++;
        TransportAddress to = epoch.Transport;
        Deliver(to, [(byte)MessageType.Data], socket => DataPlane.Receive(this, socket, to, epoch, counter));
    }

    public Action<ulong> DataAtGateway { get; set; } = _ => { };

    public Action DataAtClient { get; set; } = () => { };

    private void ReachGatewayWithData(TransportAddress source, SimulatedEpoch epoch, ulong counter)
    {
        if (Gateway.IsAway) return;
        foreach (PeerEpoch peer in Gateway.OldEpochs.Prepend(Gateway.Epoch).OfType<PeerEpoch>())
        {
            if (peer.LocalIndex != epoch.Keys.RemoteIndex) continue;
            Assert.Equal(peer.Mark, epoch.Mark);
            if (peer.Transport != source)
            {
                if (peer == Gateway.Epoch) Gateway.SendChallenge(source, counter);
                return;
            }
            peer.HighestReceived = Math.Max(peer.HighestReceived, counter + 1);
            peer.Received++;
            DataAtGateway(counter);
            return;
        }
        // Held until the binding has committed, as the real data plane does.
        if (Gateway.IsServing || Gateway.Session is not null) _held.Add((source, epoch, counter));
    }

    private readonly List<(TransportAddress Source, SimulatedEpoch Epoch, ulong Counter)> _held = [];

    private void ReleaseHeld()
    {
        (TransportAddress, SimulatedEpoch, ulong)[] held = [.. _held];
        _held.Clear();
        foreach ((TransportAddress source, SimulatedEpoch epoch, ulong counter) in held)
            if (Gateway.Epoch?.LocalIndex == epoch.Keys.RemoteIndex) ReachGatewayWithData(source, epoch, counter);
    }

    /// <summary>In this life of the process, or never.</summary>
    public void Later(TimeSpan delay, Action action)
    {
        int epoch = _epoch;
        At(Now + delay, () =>
        {
            if (epoch == _epoch) action();
        });
    }

    private void ReachClient(TransportAddress to, byte[] datagram)
    {
        if ((MessageType)datagram[0] == MessageType.Bound) ReleaseHeld();
        Deliver(to, datagram, socket => Input(new ClientInput.DatagramReceived(new(socket.Number, default, to.Local), datagram)));
    }

    private void Deliver(TransportAddress to, byte[] datagram, Action<SimulatedSocket> receive)
    {
        SimulatedUplink uplink = to.Remote.Address == Wan1.Nat ? Wan1 : Wan2;
        if (!uplink.Carries(outwards: false) || !Passes(uplink, false, datagram)) return;
        At(Now + uplink.Delay, () =>
        {
            SimulatedSocket? socket = _sockets.Values.FirstOrDefault(socket => socket.Uplink == uplink && uplink.Outside(socket) == to.Remote);
            if (socket is not null && uplink.IsUp) receive(socket);
        });
    }

    private void Apply(ClientEffect effect)
    {
        switch (effect)
        {
            case ClientEffect.OpenSocket open:
                SimulatedUplink uplink = open.Uplink == "wan1" ? Wan1 : Wan2;
                Later(TimeSpan.Zero, () =>
                {
                    var socket = new SimulatedSocket(open.Socket, uplink, new(uplink.Address, _nextPort++));
                    _sockets[open.Socket] = socket;
                    Input(new ClientInput.SocketOpened(open.Socket, LeavesLocalOpen ? Endpoint.FromIPv4(0, socket.Local.Port) : socket.Local));
                });
                break;
            case ClientEffect.CloseSocket close:
                _sockets.Remove(close.Socket);
                break;
            case ClientEffect.Send send:
                if (!_sockets.TryGetValue(send.Socket, out SimulatedSocket? from)) break;
                byte[] bytes = send.Bytes.ToArray();
                if (bytes.Length + 28 > from.Uplink.Mtu) break;
                if (!from.Uplink.Carries(outwards: true) || !Passes(from.Uplink, true, bytes)) break;
                var source = new TransportAddress(0, send.Remote, from.Uplink.Outside(from));
                At(Now + from.Uplink.Delay, () => Gateway.Receive(source, bytes));
                break;
            case ClientEffect.Resolve:
                Later(TimeSpan.Zero, () => Input(new ClientInput.EndpointsResolved(Endpoints)));
                break;
            case ClientEffect.SaveState save:
                ClientResumption content = save.Resumption;
                byte[] root = new byte[32];
                _arena.CopyTo(content.Root, root);
                bool fails = DiskFails;
                Later(DiskTime, () =>
                {
                    if (!fails)
                    {
                        File = content;
                        root.CopyTo(FileRoot, 0);
                    }
                    Input(fails ? new ClientInput.StateSaveFailed(save.Save, "No space left on device") : new ClientInput.StateSaved(save.Save));
                });
                break;
            case ClientEffect.DeleteState:
                File = null;
                DeletedFiles++;
                break;
            case ClientEffect.Forget forget:
                Crypto.Release(forget.Secret);
                break;
            case ClientEffect.SendFrame:
            case ClientEffect.ConfigureTunnel:
            case ClientEffect.Report:
            case ClientEffect.Stopped:
                break;
            default:
                DataPlane.Apply(this, effect);
                break;
        }
    }
}

/// <summary>A link behind a NAT of its own.</summary>
internal sealed class SimulatedUplink(string name, int index, UInt128 address, UInt128 nat)
{
    public UInt128 Address { get; set; } = address;

    /// <summary>The NAT's address.</summary>
    public UInt128 Nat { get; set; } = nat;

    /// <summary>Moves every mapping of the NAT.</summary>
    public ushort PortShift { get; set; }

    public bool IsUp { get; set; } = true;

    public bool LosesOutwards { get; set; }

    public bool LosesInwards { get; set; }

    public TimeSpan Delay { get; set; } = TimeSpan.FromMilliseconds(5);

    public int Mtu { get; set; } = 1500;

    public void Blackhole(bool on) => LosesOutwards = LosesInwards = on;

    public bool Carries(bool outwards) => IsUp && !(outwards ? LosesOutwards : LosesInwards);

    public Endpoint Outside(SimulatedSocket socket) => new(Nat, (ushort)(socket.Local.Port + PortShift));

    public Uplink AsUplink() => new(name, index, [Address]);
}

internal sealed record SimulatedSocket(int Number, SimulatedUplink Uplink, Endpoint Local);
