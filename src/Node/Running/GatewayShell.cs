using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Telemetry.Recorder;

namespace JumpingVpn.Node.Running;

/// <summary>
/// Runs a gateway core: one thread feeds it inputs and carries out its effects in order. Nothing here decides anything.
/// </summary>
internal sealed class GatewayShell : IDisposable
{
    /// <summary>How often a node without a lease looks at what is due.</summary>
    private static readonly TimeSpan WithoutLease = TimeSpan.FromMilliseconds(50);

    private readonly GatewayShellOptions _options;
    private readonly IDataPlane _dataPlane;
    private readonly StorePump _store;
    private readonly CoreLoop<GatewayInput> _loop;
    private readonly Lock _exchange = new();
    private readonly Dictionary<long, TaskCompletionSource<ReasonCode>> _requests = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private GatewayEnvironment _environment;
    private GatewayState _state;
    private long _lastRequest;

    public GatewayShell(GatewayShellOptions options)
    {
        _options = options;
        _state = options.State;
        _environment = options.Environment;
        _dataPlane = options.DataPlane;
        _store = new(options.Store, () => Environment.Self, options.Clock, WallClock.Now, Post, options.Log.Warning, options.Moved);
        _loop = new("gateway-core", options.Clock, Step, new GatewayInput.TimerFired(), options.OnFault);
    }

    /// <summary>The state after the last step; immutable, so any thread may read it.</summary>
    public GatewayState State => Volatile.Read(ref _state);

    /// <summary>Completes when every session has been handed over.</summary>
    public Task Drained => _drained.Task;

    public long DroppedInputs => _loop.Dropped;

    /// <summary>No append is on its way to the store or back.</summary>
    public bool StoreIsIdle => _store.Running == 0;

    private GatewayEnvironment Environment => Volatile.Read(ref _environment);

    public void Start() => _loop.Start();

    public void Post(GatewayInput input) => _loop.Post(input);

    public bool TryPostDatagram(GatewayInput input) => _loop.TryPostDatagram(input);

    /// <summary>Ends a session on an operator's behalf; completes when its end is stored. None: done.</summary>
    public Task<ReasonCode> TerminateAsync(SessionId session)
    {
        var answer = new TaskCompletionSource<ReasonCode>(TaskCreationOptions.RunContinuationsAsynchronously);
        long request = Interlocked.Increment(ref _lastRequest);
        lock (_requests) _requests.Add(request, answer);
        _loop.Post(new GatewayInput.TerminateRequested(session, request));
        return answer.Task;
    }

    /// <summary>Has the core's next step work in another environment: with another registry, or as another incarnation.</summary>
    public void Exchange(Func<GatewayEnvironment, GatewayEnvironment> change)
    {
        lock (_exchange) Volatile.Write(ref _environment, change(_environment));
    }

    public void Dispose() => _loop.Dispose();

    private Instant Step(GatewayInput input)
    {
        if (input is GatewayInput.DatagramReceived { Counters: null } datagram && datagram.Bytes.Span is { Length: >= Probe.Size } bytes
            && bytes[0] == (byte)MessageType.Probe
            && _dataPlane.TryReadCounters(SessionId.Read(bytes[Probe.SessionOffset..]), out TrafficCounters counters))
            input = datagram with { Counters = counters };
        SecretHandle seed = _options.Crypto.GenerateSecret();
        var context = new StepContext(_options.Clock(), WallClock.Now(), seed, Serves);
        (GatewayState state, ImmutableArray<GatewayEffect> effects) = GatewayCore.Step(_state, input, context, Environment);
        _options.Crypto.Release(seed);
        Volatile.Write(ref _state, state);
        foreach (GatewayEffect effect in effects) Run(effect);
        if (_options.Recorder is { } recorder) Count(recorder, input, effects);
        if (input is GatewayInput.Fenced) Cluster.Dropped();
        // Without a lease the core lets what is due wait, and would be asked again at once and for ever, before any input.
        return context.Serves ? _state.NextDeadline : Instant.Max(_state.NextDeadline, context.Now + WithoutLease);
    }

    /// <summary>Probes that were answered: what is not proven leaves no trace.</summary>
    private static void Count(FlightRecorder recorder, GatewayInput input, ImmutableArray<GatewayEffect> effects)
    {
        if (input is not GatewayInput.DatagramReceived { Bytes.Span: { Length: >= Probe.Size } bytes } || bytes[0] != (byte)MessageType.Probe) return;
        foreach (GatewayEffect effect in effects)
        {
            if (effect is GatewayEffect.Send { Bytes.Span: [(byte)MessageType.ProbeReply, ..] } reply)
                recorder.Probed(SessionId.Read(bytes[Probe.SessionOffset..]), reply.To.Remote, sent: 1, received: 1);
        }
    }

    private void Run(GatewayEffect effect)
    {
        switch (effect)
        {
            case GatewayEffect.Send send:
                Send(send.To, send.Bytes.Span);
                break;
            case GatewayEffect.SendFrame frame:
                Span<byte> bytes = stackalloc byte[ControlFrame.Size];
                frame.Frame.Write(bytes);
                _dataPlane.SendControl(frame.Session, bytes);
                break;
            case GatewayEffect.Append append:
                _store.Start(append);
                break;
            case GatewayEffect.OpenSession open:
                _dataPlane.OpenSession(open.Session, open.Prefixes, Environment.InnerMtu);
                break;
            case GatewayEffect.InstallEpoch install:
                _dataPlane.InstallEpoch(install.Session, install.Keys, install.Source, install.Held);
                break;
            case GatewayEffect.Bind bind:
                ulong end = _dataPlane.Bind(bind.Session, bind.LocalIndex, bind.Transport, bind.OldUntil);
                _loop.Post(new GatewayInput.TransportBound(bind.Session, bind.LocalIndex, end));
                if (_options.Announcer is { } announcer && _state.Sessions.TryGetValue(bind.Session, out GatewaySession? bound))
                    announcer.Announce(bind.Session, bound.Session.Addresses);
                break;
            case GatewayEffect.LimitEpoch limit:
                _dataPlane.LimitEpoch(limit.Session, limit.LocalIndex, limit.End);
                break;
            case GatewayEffect.RemoveEpoch remove:
                _dataPlane.RemoveEpoch(remove.Session, remove.LocalIndex);
                break;
            case GatewayEffect.Unbind unbind:
                _dataPlane.Unbind(unbind.Session);
                // Now, and not when the store knows: another node may bind it in the same moment.
                _options.Announcer?.Withdraw(unbind.Session);
                break;
            case GatewayEffect.CloseSession close:
                _dataPlane.CloseSession(close.Session);
                _options.Announcer?.Withdraw(close.Session);
                break;
            case GatewayEffect.ReadCounters read:
                _loop.Post(new GatewayInput.CountersRead(read.Session, _dataPlane.TryReadCounters(read.Session, out TrafficCounters counters) ? counters : null));
                break;
            case GatewayEffect.Forget forget:
                _options.Crypto.Release(forget.Secret);
                break;
            case GatewayEffect.Transitioned transition:
                _options.Log.Transition(transition.Before, transition.After);
                break;
            case GatewayEffect.Rejected rejected:
                _options.Log.Rejection(rejected.Reason, rejected.Source, rejected.Session);
                break;
            case GatewayEffect.Answer answer:
                TaskCompletionSource<ReasonCode>? waiting;
                lock (_requests) _requests.Remove(answer.Request, out waiting);
                waiting?.TrySetResult(answer.Problem);
                break;
            case GatewayEffect.Drained:
                _drained.TrySetResult();
                break;
            case GatewayEffect.Load load:
                Cluster.Reader.Load(load);
                break;
            case GatewayEffect.LoadClient load:
                Cluster.Reader.LoadClient(load);
                break;
            case GatewayEffect.Want want:
                Cluster.Reader.Want(want);
                break;
            case GatewayEffect.Fenced:
                Cluster.FenceSeen();
                break;
            default:
                throw new InvalidOperationException("an effect that is none of the known ones");
        }
    }

    private bool Serves => _options.Cluster?.Serves ?? true;

    private IShellCluster Cluster => _options.Cluster ?? throw new InvalidOperationException("a store with one node has no other nodes");

    private void Send(TransportAddress to, ReadOnlySpan<byte> bytes)
    {
        // Between the step and here the lease may have run out, and the core's answers go around the data plane.
        if (!Serves) return;
        if (!_options.Sockets.TryGetValue(to.Socket, out UdpSocket? socket)) return;
        // The answer leaves from the address that was asked, so that the client's NAT and firewall know it.
        _ = socket.TrySendTo(to.Remote, to.Local.IsUnspecified ? null : to.Local.Address, bytes);
    }
}
