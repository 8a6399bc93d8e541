using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Hosting;

namespace JumpingVpn.Node.Running;

/// <summary>A running gateway: everything that it is made of, put together and taken apart again.</summary>
internal sealed class GatewayNode : INode
{
    /// <summary>How long a draining node waits for its store before it ends anyway.</summary>
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(4);

    private readonly Stack<Func<ValueTask>> _cleanup = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, UdpSocket> _sockets = [];
    private ServiceClock? _clock;

    public GatewayNode(GatewayConfiguration configuration, NodeLog log)
    {
        Configuration = configuration;
        Telemetry = log;
        Log = new(log.Logger);
    }

    public NodeLog Telemetry { get; }

    public GatewayConfiguration Configuration { get; }

    public NodeReports Log { get; }

    public IEventStore Store { get; private set; } = null!;

    public GatewayShell Shell { get; private set; } = null!;

    public DataPlane DataPlane { get; private set; } = null!;

    public Owner Self { get; private set; } = null!;

    /// <summary>About when an instant of this node's clock was.</summary>
    public DateTime WallTimeOf(Instant instant) => WallClock.Of(instant, _clock!.Now);

    public INodeControl Control => new GatewayControl(this);

    public Task Failure => _failed.Task;

    public async Task StartAsync(CancellationToken cancellation) => await ComposeAsync().WaitAsync(cancellation).ConfigureAwait(false);

    /// <summary>Hands the sessions over and tells the clients.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        Shell.Post(new GatewayInput.Drain());
        if (await Task.WhenAny(Shell.Drained, Task.Delay(DrainPatience, cancellation)).ConfigureAwait(false) != Shell.Drained)
            Log.Warning("the store did not take every hand-over in time; the sessions are claimed at the next start");
    }

    public async ValueTask DisposeAsync()
    {
        while (_cleanup.TryPop(out Func<ValueTask>? undo)) await undo().ConfigureAwait(false);
    }

    private async Task ComposeAsync()
    {
        var arena = new SecretArena();
        Undo(arena.Dispose);
        var crypto = new SodiumCryptography(arena);
        PacketCipherSelector ciphers = Ciphers.Select(Log);
        // The keys come before the store: a new cluster key is made only where there is no store yet.
        NoiseKeyPair identity = NodeSecrets.ReadIdentity(crypto, Configuration.PrivateKeyFile);
        ClusterKeys clusterKeys = NodeSecrets.ReadClusterKeys(crypto, Configuration);
        ClientRegistry registry = ReadRegistry(crypto);
        SegmentArchive archive = OpenStore();
        Self = new Owner(Configuration.Node, Store.Opening.Incarnation);
        var environment = new GatewayEnvironment(crypto, identity, clusterKeys, registry, Configuration.Policy, SessionJson.HashOf(Configuration.Policy),
            Self, ciphers.Offer(), (ushort)Configuration.Tunnel.Mtu, crypto.GenerateSecret());
        ServiceClock clock = _clock = new(Store.Opening.ServiceTime, BootClock.Now);
        GatewayState state = GatewayState.Restore(await RestoreAsync().ConfigureAwait(false), clock.Now);

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
        var events = new GatewayEvents(filter, crypto, _sockets, Log, () => clock.Now);
        OpenSockets();
        DataPlane = new DataPlane(new DataPlaneOptions
        {
            Tun = tun.Descriptor,
            UdpSegmentation = tun.Offload.HasFlag(TunOffload.Udp4),
            Secrets = arena,
            Ciphers = ciphers,
            Clock = () => clock.Now,
            Events = events,
        });
        Undo(DataPlane.Dispose);
        _ = DataPlane.Failed.ContinueWith(fault => _failed.TrySetException(fault.Result), TaskScheduler.Default);

        Shell = new GatewayShell(state, environment, crypto, DataPlane, _sockets,
            shell => new StorePump(Store, Self, () => clock.Now, WallClock.Now, shell.Post, Log.Warning),
            Log, () => clock.Now, fault => _failed.TrySetException(fault));
        Undo(Shell.Dispose);
        events.Attach(Shell);
        Shell.Start();
        foreach ((int number, UdpSocket socket) in _sockets) DataPlane.AddSocket(number, socket.Descriptor, !socket.IsIPv4);
        var housekeeping = new GatewayHousekeeping(Store, archive, () => clock.Now, () => filter.Rotate(crypto.GenerateSecret()), Log);
        Undo(housekeeping.DisposeAsync);
        // Clients of an earlier run come back within this time; the rehearsal must not take the processor from them.
        Rehearsals.Start(state.Sessions.IsEmpty ? TimeSpan.Zero : GatewayLimits.ResumeGrace, Log);
        Log.Information($"gateway {Configuration.Node} listens on {string.Join(", ", _sockets.Values.Select(socket => socket.Local))}; "
            + $"{state.Sessions.Count} sessions in {Configuration.SqliteFile}; data packets by {ciphers.Description}");
    }

    private SegmentArchive OpenStore()
    {
        string directory = Configuration.Audit?.Directory ?? Path.ChangeExtension(Configuration.SqliteFile, ".audit");
        SegmentArchiveOptions archiveOptions = SegmentArchiveOptions.Default(directory, Configuration.Node, WallClock.Now);
        if (Configuration.Audit is { } audit) archiveOptions = archiveOptions with { Retention = audit.Retention };
        SegmentArchive archive = SegmentArchive.Open(archiveOptions).IfLeft(problem => throw Refusal.Work(problem));
        var options = new SqliteStoreOptions(Configuration.SqliteFile, Configuration.Node, Configuration.StorePolicy, archive, WallClock.Now);
        Store = SqliteEventStore.Open(options).IfLeft(problem => throw Refusal.Work(problem));
        _cleanup.Push(Store.DisposeAsync);
        return archive;
    }

    /// <summary>Every live session of the store. One that cannot be trusted stops the start: it is never served and never dropped in silence.</summary>
    private async Task<ImmutableArray<Session>> RestoreAsync()
    {
        ImmutableArray<LoadResult> loaded = (await Store.LoadAllLiveAsync().ConfigureAwait(false)).IfLeft(problem => throw Refusal.Work(problem));
        return
        [
            .. loaded.Select(result => result switch
            {
                LoadResult.Found found => SessionRecords.Restore(found.History).IfLeft(problem => throw Refusal.Work($"{Configuration.SqliteFile}: {problem}")),
                LoadResult.Corrupt corrupt => throw Refusal.Work($"{Configuration.SqliteFile}: {corrupt.Reason}"),
                _ => throw Refusal.Work($"{Configuration.SqliteFile}: {result}"),
            }),
        ];
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

    private ClientRegistry ReadRegistry(SodiumCryptography crypto) => ClientRegistry.From(Configuration.Clients.Select(client =>
    {
        if (!AddressSet.TryCreate(client.Addresses, out AddressSet addresses))
            throw Refusal.Configuration($"{Configuration.File}: client {client.Name} has more than {SessionLimits.MaxAddresses} addresses");
        SecretHandle psk = client.PresharedKeyFile is { } file ? NodeSecrets.ReadKey(crypto, file) : SecretHandle.None;
        return new RegisteredClient(client.Name, client.PublicKey, addresses, psk);
    }));

    private void Undo(Action action) => _cleanup.Push(() =>
    {
        action();
        return ValueTask.CompletedTask;
    });

    private void Undo(Func<ValueTask> action) => _cleanup.Push(action);
}
