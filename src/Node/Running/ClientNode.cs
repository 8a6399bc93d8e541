using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Infrastructure.Telemetry.Recorder;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Hosting;
using JumpingVpn.Node.Keys;
using LanguageExt;

namespace JumpingVpn.Node.Running;

/// <summary>A running client: everything that it is made of, put together and taken apart again.</summary>
internal sealed class ClientNode : INode
{
    /// <summary>The device's MTU until the gateway says which one the tunnel has: what IPv6 needs at least (RFC 8200, 5).</summary>
    private const int FirstMtu = 1280;

    /// <summary>Longest superpackets that one send takes at any tunnel MTU of 1280 bytes or more.</summary>
    private const int SuperpacketMtu = 1420;

    /// <summary>How long a name server may take.</summary>
    private static readonly TimeSpan ResolvePatience = TimeSpan.FromSeconds(5);

    private readonly Stack<Func<ValueTask>> _cleanup = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ClientNode(ClientConfiguration configuration, NodeLog log)
    {
        Configuration = configuration;
        Telemetry = log;
        Log = new(log.Logger);
    }

    public NodeLog Telemetry { get; }

    public ClientConfiguration Configuration { get; }

    public NodeReports Log { get; }

    public ClientShell Shell { get; private set; } = null!;

    public DataPlane DataPlane { get; private set; } = null!;

    /// <summary>Null where the audit directory cannot be used: a client works without evidence.</summary>
    public AuditSigner? Signer { get; private set; }

    /// <inheritdoc cref="Signer"/>
    public FlightRecorder? Recorder { get; private set; }

    public INodeControl Control => new ClientControl(this);

    public Task Failure => _failed.Task;

    public Task StartAsync(CancellationToken cancellation)
    {
        Compose();
        return Task.CompletedTask;
    }

    /// <summary>Saves the session, or ends it where no state is kept.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        Shell.Post(new ClientInput.Stop());
        await Shell.Stopped.WaitAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        while (_cleanup.TryPop(out Func<ValueTask>? undo)) await undo().ConfigureAwait(false);
    }

    private void Compose()
    {
        var arena = new SecretArena();
        Undo(arena.Dispose);
        var crypto = new SodiumCryptography(arena);
        PacketCipherSelector ciphers = Ciphers.Select(Log);
        Domain.Protocol.Noise.NoiseKeyPair identity = NodeSecrets.ReadIdentity(crypto, Configuration.PrivateKeyFile);
        SecretHandle psk = Configuration.PresharedKeyFile is { } pskFile ? NodeSecrets.ReadKey(crypto, pskFile) : SecretHandle.None;
        var environment = new ClientEnvironment(crypto, identity, Configuration.GatewayPublicKey, psk, Configuration.AllowedIps, ciphers.Offer(),
            KeepsState: Configuration.StateFile is not null);
        ClientResumption? resumption = null;
        ClientStateFile? stateFile = null;
        if (Configuration.StateFile is { } path)
        {
            stateFile = new ClientStateFile(path, crypto, identity.Private);
            Undo(stateFile.Dispose);
            resumption = stateFile.Read().Match(
                read => read.Match(held => (ClientResumption[])[held], () => []),
                problem => throw Refusal.Configuration(problem)).FirstOrDefault();
        }

        OpenRecorder();
        TunDevice tun = TunDevice.Create(new TunOptions(Configuration.TunnelName) { Mtu = FirstMtu, MaxSegments = DataPlane.MaxSegments(SuperpacketMtu) });
        Undo(tun.Dispose);
        var network = new TunnelNetwork(tun);
        Undo(network.Dispose);
        var events = new ClientEvents();
        DataPlane = new DataPlane(new DataPlaneOptions
        {
            Tun = tun.Descriptor,
            UdpSegmentation = tun.Offload.HasFlag(TunOffload.Udp4),
            Secrets = arena,
            Ciphers = ciphers,
            Clock = BootClock.Now,
            Events = events,
        });
        Undo(DataPlane.Dispose);
        _ = DataPlane.Failed.ContinueWith(fault => _failed.TrySetException(fault.Result), TaskScheduler.Default);

        var tools = new ClientTools(crypto, DataPlane, stateFile,
            (addresses, routes, mtu) => network.Apply(addresses, [.. routes.SelectMany(Halves)], mtu), ResolveAsync, Log, BootClock.Now);
        Shell = new ClientShell(environment, tools, fault => _failed.TrySetException(fault));
        Undo(Shell.Dispose);
        events.Attach(Shell);
        Shell.Start();
        Span<byte> instance = stackalloc byte[InstanceId.Size];
        System.Security.Cryptography.RandomNumberGenerator.Fill(instance);
        Shell.Post(new ClientInput.Start(InstanceId.Read(instance), resumption));
        WatchUplinks();
        _ = ResolveFirstAsync();
        Rehearsals.Start(TimeSpan.Zero, Log);
        Log.Information($"client {Configuration.Node} for gateway {Configuration.GatewayPublicKey} at {string.Join(", ", Configuration.Endpoints)}; "
            + $"data packets by {ciphers.Description}{(resumption is null ? "" : $"; resumes session {resumption.Session}")}");
    }

    private void OpenRecorder()
    {
        if (AuditKeyFile.TryLoadOrCreate(Configuration.Audit.Directory, out AuditSigner? signer) is { } problem)
        {
            Log.Warning($"nothing is recorded: {problem}");
            Telemetry.Watch(() => $"nothing is recorded: {problem}");
            return;
        }
        Signer = signer!;
        Undo(Signer.Dispose);
        Recorder = new(new(SessionExport.RecorderDirectory(Configuration.Audit), Configuration.Node, Configuration.Audit.RecorderBytes, WallClock.Now), Sample);
        Undo(Recorder.DisposeAsync);
        Telemetry.Watch(() => Recorder.Warning);
        Log.Evidence = new(Recorder, Configuration.Node);
    }

    private IEnumerable<Evidence> Sample() =>
        Shell is { } shell ? PathSamples.Of(shell.State, Configuration.Node, BootClock.Now(), WallClock.Now()) : [];

    private void WatchUplinks()
    {
        var policy = new UplinkPolicy(Configuration.Uplinks, [Configuration.TunnelName]);
        ImmutableArray<Uplink> last = default;
        LinkMonitor monitor = LinkMonitor.Start(
            (network, _) =>
            {
                ImmutableArray<Uplink> uplinks = UplinkInventory.Select(network, policy);
                if (!last.IsDefault && last.AsSpan().SequenceEqual(uplinks.AsSpan())) return;
                last = uplinks;
                Log.Evidence?.Link("uplinks", uplinks.IsEmpty ? "none can be used" : $"can be used: {string.Join(", ", uplinks.Select(uplink => uplink.Name))}");
                Shell.Post(new ClientInput.UplinksChanged(uplinks));
            },
            Log.Warning);
        Undo(monitor.Dispose);
    }

    /// <summary>
    /// A default route as its two halves: they win over the host's own default route by length, whatever its metric, and go
    /// with the device.
    /// </summary>
    private static IEnumerable<IpPrefix> Halves(IpPrefix route) => route switch
    {
        { Length: > 0 } => [route],
        { IsIPv4: true } => [new IpPrefix(Endpoint.FromIPv4(0, 0).Address, 1, true), new(Endpoint.FromIPv4(0x8000_0000, 0).Address, 1, true)],
        _ => [new IpPrefix(UInt128.Zero, 1, false), new(UInt128.One << 127, 1, false)],
    };

    private async Task ResolveFirstAsync() => Shell.Post(new ClientInput.EndpointsResolved(await ResolveAsync().ConfigureAwait(false)));

    /// <summary>The endpoints' addresses in the configured order; a name that does not resolve now is left out and said.</summary>
    private async Task<ImmutableArray<Endpoint>> ResolveAsync() =>
        [.. (await Task.WhenAll(Configuration.Endpoints.Select(LookUpAsync)).ConfigureAwait(false)).SelectMany(addresses => addresses)];

    private async Task<IEnumerable<Endpoint>> LookUpAsync(GatewayEndpoint configured)
    {
        if (configured.Address is { } known) return [known];
        using var patience = new CancellationTokenSource(ResolvePatience);
        try
        {
            // One that waits behind another for the same host is cancelled; the system's own look-up cannot be, and is left behind.
            IPAddress[] found = await Dns.GetHostAddressesAsync(configured.Host, patience.Token).WaitAsync(patience.Token).ConfigureAwait(false);
            return found.Select(address => Endpoint.From(address, configured.Port));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            Log.Warning($"gateway endpoint {configured}: the name does not resolve: {(e is OperationCanceledException ? $"no answer within {ResolvePatience.TotalSeconds:0} s" : e.Message)}");
            return [];
        }
    }

    private void Undo(Func<ValueTask> action) => _cleanup.Push(action);

    private void Undo(Action action) => _cleanup.Push(() =>
    {
        action();
        return ValueTask.CompletedTask;
    });

    /// <summary>Lets the data plane start before the shell that hears of it.</summary>
    private sealed class ClientEvents : IDataPlaneEvents
    {
        private IDataPlaneEvents? _shell;

        public void Attach(IDataPlaneEvents shell) => Volatile.Write(ref _shell, shell);

        public ControlVerdict ControlDatagram(Domain.Protocol.TransportAddress source, ReadOnlySpan<byte> datagram, Instant received) =>
            Volatile.Read(ref _shell)?.ControlDatagram(source, datagram, received) ?? ControlVerdict.Taken;

        public void ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame) => Volatile.Read(ref _shell)?.ControlFrame(session, localIndex, frame);

        public void UnboundSource(SessionId session, uint localIndex, ulong counter, Domain.Protocol.TransportAddress source) =>
            Volatile.Read(ref _shell)?.UnboundSource(session, localIndex, counter, source);

        public void TrafficResumed(SessionId session) => Volatile.Read(ref _shell)?.TrafficResumed(session);

        public void EpochHeard(SessionId session, uint localIndex) => Volatile.Read(ref _shell)?.EpochHeard(session, localIndex);

        public void SendFailed(int socket, int errno) => Volatile.Read(ref _shell)?.SendFailed(socket, errno);
    }
}
