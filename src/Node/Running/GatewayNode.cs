using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Neighbours;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Infrastructure.Telemetry.Recorder;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Hosting;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Running;

/// <summary>A running gateway: everything that it is made of, put together and taken apart again.</summary>
internal sealed class GatewayNode : INode
{
    /// <summary>How long a draining node waits for its store before it ends anyway.</summary>
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(3);

    private readonly Stack<Func<ValueTask>> _cleanup = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, UdpSocket> _sockets = [];

    public GatewayNode(GatewayConfiguration configuration, NodeLog log)
    {
        Configuration = configuration;
        Telemetry = log;
        Log = new(log.Logger);
    }

    public NodeLog Telemetry { get; }

    public GatewayConfiguration Configuration { get; }

    public NodeReports Log { get; }

    public GatewayBacking Backing { get; private set; } = null!;

    public GatewayShell Shell { get; private set; } = null!;

    public DataPlane DataPlane { get; private set; } = null!;

    public AuditSigner Signer { get; private set; } = null!;

    public HeadSigner Heads { get; private set; } = null!;

    public FlightRecorder Recorder { get; private set; } = null!;

    /// <summary>About when an instant of this node's clock was.</summary>
    public DateTime WallTimeOf(Instant instant) => WallClock.Of(instant, Backing.Clock.Now);

    public INodeControl Control => new GatewayControl(this);

    public Task Failure => _failed.Task;

    public async Task StartAsync(CancellationToken cancellation) => await ComposeAsync(cancellation).WaitAsync(cancellation).ConfigureAwait(false);

    /// <summary>Hands the sessions over and tells the clients.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        Backing.Ending();
        Shell.Post(new GatewayInput.Drain());
        // Without a lease nothing can be handed over; it may come back in a moment.
        TimeSpan patience = Backing.Cluster is { Serves: false } ? DrainPatience / 4 : DrainPatience;
        if (await Task.WhenAny(Shell.Drained, Task.Delay(patience, cancellation)).ConfigureAwait(false) != Shell.Drained)
            Log.Warning("the store did not take every hand-over in time; the sessions are claimed later, here or by another node");
        await Backing.LeaveAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        while (_cleanup.TryPop(out Func<ValueTask>? undo)) await undo().ConfigureAwait(false);
    }

    private async Task ComposeAsync(CancellationToken cancellation)
    {
        var arena = new SecretArena();
        Undo(arena.Dispose);
        var crypto = new SodiumCryptography(arena);
        PacketCipherSelector ciphers = Ciphers.Select(Log);
        // The keys come before the store: a new cluster key is made only where there is no store yet.
        NoiseKeyPair identity = NodeSecrets.ReadIdentity(crypto, Configuration.PrivateKeyFile);
        ClusterKeys clusterKeys = NodeSecrets.ReadClusterKeys(crypto, Configuration);
        if (AuditKeyFile.TryLoadOrCreate(Configuration.Audit.Directory, out AuditSigner? signer) is { } keyless) throw Refusal.Configuration(keyless);
        Signer = signer!;
        Undo(Signer.Dispose);
        Backing = await OpenBackingAsync(crypto, clusterKeys, cancellation).ConfigureAwait(false);
        Undo(Backing.DisposeAsync);
        await ListAsync().ConfigureAwait(false);
        Heads = new(Configuration.Audit.Directory, Configuration.Node, Signer, WallClock.Now, Log.Warning);
        Undo(Heads.DisposeAsync);
        Recorder = new(new(SessionExport.RecorderDirectory(Configuration.Audit), Configuration.Node, Configuration.Audit.RecorderBytes, WallClock.Now), Sample);
        Undo(Recorder.DisposeAsync);
        Telemetry.Watch(() => Recorder.Warning);
        Log.Evidence = new(Recorder, Configuration.Node);
        ServiceClock clock = Backing.Clock;
        Func<Instant> now = () => clock.Now;
        var environment = new GatewayEnvironment(crypto, identity, clusterKeys, Backing.Registry, Configuration.Policy, SessionJson.HashOf(Configuration.Policy),
            Backing.Self, ciphers.Offer(), (ushort)Configuration.Tunnel.Mtu, crypto.GenerateSecret(), IsCluster: Backing.Cluster is not null,
            HalfOpenHandshakes: Configuration.Limits.HalfOpenHandshakes);

        TunDevice tun = TunDevice.Create(new TunOptions(Configuration.Tunnel.Name)
        {
            Mtu = Configuration.Tunnel.Mtu,
            MaxSegments = DataPlane.MaxSegments(Configuration.Tunnel.Mtu),
        });
        Undo(tun.Dispose);
        var network = new TunnelNetwork(tun);
        Undo(network.Dispose);
        network.Apply([.. Configuration.Tunnel.Addresses], [], Configuration.Tunnel.Mtu);

        var filter = new ControlFilter(crypto, AddressKeys.Derive(crypto, environment.Identity.Public), environment.ClusterKeys);
        filter.Rotate(crypto.GenerateSecret());
        var events = new GatewayEvents(ControlAdmission.Create(crypto, filter, environment.TokenSecret), crypto, _sockets, Log, now);
        OpenSockets();
        DataPlane = new DataPlane(new DataPlaneOptions
        {
            Tun = tun.Descriptor,
            UdpSegmentation = tun.Offload.HasFlag(TunOffload.Udp4),
            Secrets = arena,
            Ciphers = ciphers,
            Clock = now,
            Events = events,
            KnownSources = events,
        });
        Undo(DataPlane.Dispose);
        _ = DataPlane.Failed.ContinueWith(fault => _failed.TrySetException(fault.Result), TaskScheduler.Default);

        Shell = new GatewayShell(new()
        {
            State = GatewayState.Restore(Backing.Sessions, clock.Now),
            Environment = environment,
            Crypto = crypto,
            DataPlane = DataPlane,
            Sockets = _sockets,
            Store = Backing.Store,
            Log = Log,
            Clock = now,
            OnFault = Fail,
            Moved = Heads.Moved,
            Recorder = Recorder,
            Cluster = Backing.Cluster,
            Announcer = OpenAnnouncer(),
        });
        Undo(Shell.Dispose);
        Backing.Attach(Shell, DataPlane, Fail);
        Undo(Backing.DetachAsync);
        events.Attach(Shell);
        Shell.Start();
        foreach ((int number, UdpSocket socket) in _sockets) DataPlane.AddSocket(number, socket.Descriptor, !socket.IsIPv4);
        await Backing.ServeAsync(cancellation).ConfigureAwait(false);
        var housekeeping = new GatewayHousekeeping(Backing, now, () => filter.Rotate(crypto.GenerateSecret()), Log);
        Undo(housekeeping.DisposeAsync);
        // Clients of an earlier run come back within this time; the rehearsal must not take the processor from them.
        Rehearsals.Start(Backing.Sessions.IsEmpty ? TimeSpan.Zero : GatewayLimits.ResumeGrace, Log);
        Log.Information($"gateway {Configuration.Node} listens on {string.Join(", ", _sockets.Values.Select(socket => socket.Local))}; "
            + $"{Backing.Place}; data packets by {ciphers.Description}");
    }

    /// <summary>
    /// Lists the node's key and policy, so that what it signs and decides from here on can be proven. A store that cannot write now takes no
    /// event either, so that is no reason not to start.
    /// </summary>
    private async Task ListAsync()
    {
        if (Backing.Store is not IAuditStore store) return;
        SessionPolicy policy = Configuration.Policy;
        string? problem = await store.ListAsync(
            new(Configuration.Node, Signer.Key), new(SessionJson.HashOf(policy), SessionJson.Of(policy)), WallClock.Now()).ConfigureAwait(false);
        if (problem is not null) Log.Warning($"the audit key and the policy are not listed in the store: {problem}");
    }

    private IEnumerable<Evidence> Sample() =>
        Shell is { } shell ? PathSamples.Of(shell.State, Configuration.Node, Backing.Clock.Now, WallClock.Now()) : [];

    private Task<GatewayBacking> OpenBackingAsync(SodiumCryptography crypto, ClusterKeys keys, CancellationToken cancellation) => Configuration.Store switch
    {
        StoreConfiguration.Sqlite sqlite => EmbeddedBacking.OpenAsync(Configuration, sqlite.File, crypto, Signer),
        StoreConfiguration.Postgres postgres => SharedBacking.OpenAsync(Configuration, postgres, keys, Signer, Log, cancellation),
        _ => throw new InvalidOperationException("a store that is none of the known ones"),
    };

    private NeighbourAnnouncer? OpenAnnouncer()
    {
        if (Configuration.Tunnel.Announce.IsEmpty) return null;
        IShellCluster? cluster = Backing.Cluster;
        NeighbourAnnouncer announcer = NeighbourAnnouncer.Open(Configuration.Tunnel.Announce, () => cluster?.Serves ?? true, Log.Warning);
        Undo(announcer.Dispose);
        foreach (string warning in Forwarding.Missing(Configuration.Tunnel.Announce, Configuration.Tunnel.Addresses)) Log.Warning(warning);
        return announcer;
    }

    private void OpenSockets()
    {
        foreach (Endpoint listen in Configuration.Listen)
        {
            UdpSocket socket = UdpSocket.Open(new UdpSocketOptions(listen) { PacketInfo = true, ReceiveOffload = true, PathMtu = PathMtuMode.Probe });
            _sockets.Add(_sockets.Count + 1, socket);
            Undo(socket.Dispose);
        }
    }

    private void Fail(Exception fault) => _failed.TrySetException(fault);

    private void Undo(Action action) => _cleanup.Push(() =>
    {
        action();
        return ValueTask.CompletedTask;
    });

    private void Undo(Func<ValueTask> action) => _cleanup.Push(action);
}
