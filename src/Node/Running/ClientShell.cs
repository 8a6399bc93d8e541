using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Node.Running;

/// <summary>What a client's shell works with, beside its core.</summary>
/// <param name="StateFile">Null where no state is kept.</param>
/// <param name="ApplyTunnel">Sets the tunnel device's addresses, routes and MTU; throws <see cref="LinuxException"/> if the kernel refuses.</param>
/// <param name="Resolve">The configured endpoints' addresses; never throws.</param>
internal sealed record ClientTools(
    SodiumCryptography Crypto, IDataPlane DataPlane, ClientStateFile? StateFile, Action<ImmutableArray<IpPrefix>, ImmutableArray<IpPrefix>, int> ApplyTunnel,
    Func<Task<ImmutableArray<Endpoint>>> Resolve, NodeReports Log, Func<Instant> Clock);

/// <summary>
/// Runs a client core: one thread feeds it inputs and carries out its effects in order. Nothing here decides anything.
/// </summary>
internal sealed class ClientShell : IDataPlaneEvents, IDisposable
{
    /// <summary>State files that wait for their turn on a disk that does not answer.</summary>
    private const int MaxWaitingWrites = 4;

    /// <summary>After which a state file counts as not written.</summary>
    private static readonly TimeSpan WritePatience = TimeSpan.FromSeconds(5);

    private readonly ClientEnvironment _environment;
    private readonly ClientTools _tools;
    private readonly CoreLoop<ClientInput> _loop;
    private readonly Dictionary<int, UdpSocket> _sockets = [];
    private readonly Dictionary<int, string> _uplinks = [];
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClientState _state = ClientState.Initial;
    private ClientState _shown = ClientState.Initial;
    private SessionId? _session;
    private Task _writes = Task.CompletedTask;
    private int _waitingWrites;

    public ClientShell(ClientEnvironment environment, ClientTools tools, Action<Exception> onFault)
    {
        _environment = environment;
        _tools = tools;
        _loop = new("client-core", tools.Clock, Step, new ClientInput.TimerFired(), onFault);
    }

    /// <summary>
    /// The state after the last step whose effects are done, so that a session that shows as attached carries traffic. Immutable: any
    /// thread may read it.
    /// </summary>
    public ClientState State => Volatile.Read(ref _shown);

    /// <summary>Completes when the core has done all that its stop asks for.</summary>
    public Task Stopped => _stopped.Task;

    public void Start() => _loop.Start();

    public void Post(ClientInput input) => _loop.Post(input);

    public void Dispose()
    {
        _loop.Dispose();
        foreach (int socket in _sockets.Keys.ToList()) CloseSocket(socket);
    }

    ControlVerdict IDataPlaneEvents.ControlDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant received)
    {
        if (datagram.Length <= ProtocolConstants.MaxControlDatagram)
            _loop.TryPostDatagram(new ClientInput.DatagramReceived(source, datagram.ToArray()));
        return ControlVerdict.Taken;
    }

    void IDataPlaneEvents.ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame) =>
        _loop.TryPostDatagram(new ClientInput.FrameReceived(localIndex, frame.ToArray()));

    void IDataPlaneEvents.UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source)
    {
        // The gateway's packets reach the client only by the path that it asked for; what comes otherwise is not delivered, and
        // nothing follows from it (REQ-PATH-2).
    }

    void IDataPlaneEvents.TrafficResumed(SessionId session) => _loop.Post(new ClientInput.TrafficResumed());

    void IDataPlaneEvents.EpochHeard(SessionId session, uint localIndex) => _loop.Post(new ClientInput.EpochHeard(localIndex));

    void IDataPlaneEvents.SendFailed(int socket, int errno) => _loop.Post(new ClientInput.SendFailed(socket, SendProblems.Of(errno)));

    private Instant Step(ClientInput input)
    {
        if (input is ClientInput.DatagramReceived { Bytes.Span: [(byte)MessageType.ProbeReply, ..] } reply)
            Count(reply.Source.Socket, reply.Source.Remote, sent: 0, received: 1);
        TrafficCounters counters = default;
        if (_session is { } session) _ = _tools.DataPlane.TryReadCounters(session, out counters);
        SecretHandle seed = _tools.Crypto.GenerateSecret();
        var step = new ClientStep(new StepContext(_tools.Clock(), WallClock.Now(), seed), counters);
        (ClientState state, ImmutableArray<ClientEffect> effects) = ClientCore.Step(_state, input, step, _environment);
        _tools.Crypto.Release(seed);
        _state = state;
        foreach (ClientEffect effect in effects) Run(effect);
        Volatile.Write(ref _shown, state);
        return ClientCore.NextDeadline(state);
    }

    private void Run(ClientEffect effect)
    {
        switch (effect)
        {
            case ClientEffect.OpenSocket open:
                OpenSocket(open);
                break;
            case ClientEffect.CloseSocket close:
                CloseSocket(close.Socket);
                break;
            case ClientEffect.Send send:
                Send(send);
                break;
            case ClientEffect.SendFrame frame:
                Span<byte> bytes = stackalloc byte[ControlFrame.Size];
                frame.Frame.Write(bytes);
                _ = _tools.DataPlane.SendControl(frame.Session, bytes);
                break;
            case ClientEffect.ConfigureTunnel configure:
                ConfigureTunnel(configure);
                break;
            case ClientEffect.OpenSession open:
                _session = open.Session;
                _tools.DataPlane.OpenSession(open.Session, open.Prefixes, open.InnerMtu);
                break;
            case ClientEffect.InstallEpoch install:
                _tools.DataPlane.InstallEpoch(install.Session, install.Keys, install.Source, held: false);
                break;
            case ClientEffect.Bind bind:
                ulong end = _tools.DataPlane.Bind(bind.Session, bind.LocalIndex, bind.Transport, bind.OldUntil);
                _loop.Post(new ClientInput.TransportBound(bind.LocalIndex, end));
                break;
            case ClientEffect.LimitEpoch limit:
                _tools.DataPlane.LimitEpoch(limit.Session, limit.LocalIndex, limit.End);
                break;
            case ClientEffect.RemoveEpoch remove:
                _tools.DataPlane.RemoveEpoch(remove.Session, remove.LocalIndex);
                break;
            case ClientEffect.CloseSession close:
                _session = null;
                _tools.DataPlane.CloseSession(close.Session);
                break;
            case ClientEffect.SetInnerMtu mtu:
                _tools.DataPlane.SetInnerMtu(mtu.Session, mtu.InnerMtu);
                break;
            case ClientEffect.ArmTrafficResumed arm:
                _tools.DataPlane.ArmTrafficResumed(arm.Session);
                break;
            case ClientEffect.Resolve:
                _ = ResolveAsync();
                break;
            case ClientEffect.SaveState save:
                SaveState(save);
                break;
            case ClientEffect.DeleteState:
                Enqueue(() => Complain(_tools.StateFile?.Delete()));
                break;
            case ClientEffect.Forget forget:
                _tools.Crypto.Release(forget.Secret);
                break;
            case ClientEffect.Report report:
                _tools.Log.Client(report.Event);
                break;
            case ClientEffect.Stopped:
                _ = FinishAsync();
                break;
            default:
                throw new InvalidOperationException("an effect that is none of the known ones");
        }
    }

    private void OpenSocket(ClientEffect.OpenSocket open)
    {
        try
        {
            Endpoint any = open.Remote.IsIPv4 ? Endpoint.FromIPv4(0, 0) : new Endpoint(UInt128.Zero, 0);
            UdpSocket socket = UdpSocket.Open(new UdpSocketOptions(any)
            {
                Device = open.Uplink,
                ReceiveOffload = true,
                ReceiveErrors = false,
                PathMtu = PathMtuMode.Probe,
            });
            _sockets.Add(open.Socket, socket);
            _uplinks[open.Socket] = open.Uplink;
            _tools.DataPlane.AddSocket(open.Socket, socket.Descriptor, !socket.IsIPv4);
            _loop.Post(new ClientInput.SocketOpened(open.Socket, socket.Local));
        }
        catch (LinuxException problem)
        {
            _uplinks.Remove(open.Socket);
            if (_sockets.Remove(open.Socket, out UdpSocket? opened)) opened.Dispose();
            _loop.Post(new ClientInput.SocketFailed(open.Socket, problem.Message));
        }
    }

    private void CloseSocket(int socket)
    {
        if (!_sockets.Remove(socket, out UdpSocket? open)) return;
        _uplinks.Remove(socket);
        _tools.DataPlane.RemoveSocket(socket);
        open.Dispose();
    }

    private void Send(ClientEffect.Send send)
    {
        if (!_sockets.TryGetValue(send.Socket, out UdpSocket? socket)) return;
        SendResult result = socket.TrySendTo(send.Remote, null, send.Bytes.Span);
        if (send.Bytes.Span is [(byte)MessageType.Probe, ..]) Count(send.Socket, send.Remote, sent: 1, received: 0);
        if (result.Status == SendStatus.LocalError) _loop.Post(new ClientInput.SendFailed(send.Socket, SendProblems.Of(result.Errno)));
    }

    private void Count(int socket, Endpoint remote, int sent, int received)
    {
        if (_uplinks.TryGetValue(socket, out string? uplink)) _tools.Log.Evidence?.Recorder.Probed(_session, remote, sent, received, uplink);
    }

    private void ConfigureTunnel(ClientEffect.ConfigureTunnel configure)
    {
        try
        {
            _tools.ApplyTunnel(configure.Addresses, configure.Routes, configure.InnerMtu);
        }
        catch (LinuxException problem)
        {
            _tools.Log.Warning($"the tunnel device could not be set up: {problem.Message}");
        }
    }

    private async Task ResolveAsync() => _loop.Post(new ClientInput.EndpointsResolved(await _tools.Resolve().ConfigureAwait(false)));

    /// <summary>Sealed here, while the root is there; written on another thread, because an fsync takes milliseconds.</summary>
    private void SaveState(ClientEffect.SaveState save)
    {
        if (_tools.StateFile is not { } file) throw new InvalidOperationException("a client without a state file saves nothing");
        if (Volatile.Read(ref _waitingWrites) >= MaxWaitingWrites)
        {
            _loop.Post(new ClientInput.StateSaveFailed(save.Save, "the disk does not answer"));
            return;
        }
        byte[] bytes = file.Seal(save.Resumption);
        Task write = Enqueue(() =>
        {
            string? problem = file.Write(bytes);
            _loop.Post(problem is null ? new ClientInput.StateSaved(save.Save) : new ClientInput.StateSaveFailed(save.Save, problem));
        });
        _ = GiveUpAsync(write, save.Save);
    }

    /// <summary>A disk that hangs tells nobody: the core hears of it all the same, and of a write that comes back later once more, in vain.</summary>
    private async Task GiveUpAsync(Task write, long save)
    {
        if (await Task.WhenAny(write, Task.Delay(WritePatience)).ConfigureAwait(false) == write && write.IsCompletedSuccessfully) return;
        string problem = write.Exception?.InnerException?.Message ?? $"the disk has not answered for {WritePatience.TotalSeconds:0} s";
        _loop.Post(new ClientInput.StateSaveFailed(save, problem));
    }

    /// <summary>One write after the other; one that fails does not keep the next from its turn.</summary>
    private Task Enqueue(Action write)
    {
        Interlocked.Increment(ref _waitingWrites);
        Task turn = _writes.ContinueWith(
            _ =>
            {
                Interlocked.Decrement(ref _waitingWrites);
                write();
            },
            CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _writes = turn;
        return turn;
    }

    private void Complain(string? problem)
    {
        if (problem is not null) _tools.Log.Warning(problem);
    }

    private async Task FinishAsync()
    {
        await _writes.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopped.TrySetResult();
    }
}
