using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using LanguageExt;

namespace JumpingVpn.Node.Running;

/// <summary>
/// One of several nodes on a shared database: it serves while it holds its lease, reads sessions when they are asked for, and takes the
/// registry of clients from the store.
/// </summary>
internal sealed class SharedBacking : GatewayBacking, IShellCluster
{
    /// <summary>How long a node that has entered waits for its first lease before it says that it cannot start.</summary>
    private static readonly TimeSpan FirstLease = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly IClusterStore _store;
    private readonly StoreConfiguration.Postgres _settings;
    private readonly NodeReports _log;
    private readonly string _node;
    private readonly long _revision;
    private LeaseKeeper? _keeper;
    private OrphanSweep? _sweep;
    private SharedRegistry? _registry;
    private GatewayShell? _shell;

    private SharedBacking(Entered entered, StoreConfiguration.Postgres settings, string node, NodeReports log, NoticeRelay notices)
    {
        (_store, Archive, _settings, _node, _log) = (entered.Store, entered.Archive, settings, node, log);
        Clock = ServiceClock.Standing(entered.Opening.ServiceTime, BootClock.Now);
        Registry = SharedRegistry.Of(entered.Registry);
        _revision = entered.Registry.Revision;
        Reader = new(_store, input => _shell!.Post(input), log.Warning);
        notices.Target = Notice;
    }

    public override IEventStore Store => _store;

    public override SegmentArchive Archive { get; }

    public override Owner Self => _store.Self;

    public override ServiceClock Clock { get; }

    public override ClientRegistry Registry { get; }

    /// <summary>None: each is read when its client asks for it.</summary>
    public override ImmutableArray<Session> Sessions => [];

    public override string Place => $"schema {_settings.Schema}";

    /// <summary>A database that does not answer must not hold the end; connections end with the process.</summary>
    public override TimeSpan ClosePatience => TimeSpan.FromMilliseconds(300);

    public override IShellCluster Cluster => this;

    public override LeaseStatus Lease
    {
        get
        {
            TimeSpan left = _keeper?.Left ?? TimeSpan.Zero;
            return new() { Held = left > TimeSpan.Zero, ExpiresInMs = (long)left.TotalMilliseconds };
        }
    }

    public bool Serves => _keeper?.Serves ?? false;

    public StoreReader Reader { get; }

    public static async Task<GatewayBacking> OpenAsync(
        GatewayConfiguration configuration, StoreConfiguration.Postgres settings, ClusterKeys keys, IAuditSigner signer, NodeReports log,
        CancellationToken cancellation)
    {
        var notices = new NoticeRelay();
        SegmentArchive archive = OpenArchive(configuration, signer);
        IClusterStore? store = null;
        try
        {
            // The host holds the lock beside the control socket for as long as the process lives.
            string place = NodePlace.Of(configuration.Control.Socket + ".lock");
            store = (await SharedStore.OpenAsync(configuration, keys, archive, place, notices.Take).ConfigureAwait(false)).IfLeft(problem => throw Refusal.Work(problem));
            var entry = new NodeEntry(store, configuration.Node, settings.Lease, BootClock.Now, pause => Task.Delay(pause, cancellation));
            StoreOpening opening = (await entry.EnterAsync().ConfigureAwait(false)).IfLeft(problem => throw Refusal.Work(problem));
            StoredRegistry registry = (await store.LoadRegistryAsync().ConfigureAwait(false)).IfLeft(problem => throw Refusal.Work(problem));
            return new SharedBacking(new(store, archive, opening, registry), settings, configuration.Node, log, notices);
        }
        catch
        {
            if (store is not null) await store.DisposeAsync().ConfigureAwait(false);
            archive.Dispose();
            throw;
        }
    }

    public override void Attach(GatewayShell shell, IDataPlane dataPlane, Action<Exception> fail)
    {
        _shell = shell;
        _registry = new(_store, _revision, registry =>
        {
            shell.Exchange(environment => environment with { Registry = registry });
            shell.Post(new GatewayInput.RegistryChanged());
            _log.Information($"the registry has {registry.Clients.Count} clients");
        }, _log.Warning);
        _keeper = new(new LeaseKeeperOptions
        {
            Store = _store,
            Node = _node,
            Times = _settings.Lease,
            Clock = Clock,
            ServeUntil = dataPlane.SetServeUntil,
            Post = shell.Post,
            RegistryRevision = _registry.Seen,
            Entered = self => shell.Exchange(environment => environment with { Self = self }),
            StoreIsIdle = () => shell.StoreIsIdle,
            Warn = _log.Warning,
            Fail = problem => fail(Refusal.Work(problem)),
        });
    }

    public override async Task ServeAsync(CancellationToken cancellation)
    {
        _keeper!.Start();
        Instant patience = BootClock.Now() + FirstLease;
        while (!Serves)
        {
            if (BootClock.Now() > patience) throw Refusal.Work($"no lease within {FirstLease.TotalSeconds:0} s: the database does not answer in time{Because(_store.Status.Failure)}");
            await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        }
        _sweep = new(_store, () => Clock.Now, () => Serves, () => _keeper.GoneFor(OrphanSweep.Grace), _shell!.Post, _log.Warning);
    }

    public override void Ending() => _keeper?.Ending();

    public override async Task LeaveAsync(CancellationToken cancellation)
    {
        bool held = Serves;
        // Who has left is fenced: nothing may be delivered from before that on.
        _keeper?.Dispose();
        // Without a lease there is nobody to tell: the store is away, or has told us.
        if (!held) return;
        if (!await _store.LeaveAsync().AsTask().WaitAsync(cancellation).ConfigureAwait(false))
            _log.Warning("the store did not hear that this node leaves; others find out when its lease is over");
    }

    public void FenceSeen() => _keeper!.FenceSeen();

    public void Dropped() => _keeper!.Dropped();

    public override async ValueTask DetachAsync()
    {
        if (_sweep is not null) await _sweep.DisposeAsync().ConfigureAwait(false);
        _keeper?.Dispose();
    }

    public override async ValueTask DisposeAsync()
    {
        _ = await Task.WhenAny(_store.DisposeAsync().AsTask(), Task.Delay(ClosePatience)).ConfigureAwait(false);
        Archive.Dispose();
    }

    private void Notice(ClusterNotice notice)
    {
        // What comes before the core is there, each renewal says again.
        switch (notice)
        {
            case ClusterNotice.Wanted wanted:
                _shell?.Post(new GatewayInput.SessionWanted(wanted.Session));
                break;
            case ClusterNotice.Released released:
                _shell?.Post(new GatewayInput.SessionReleased(released.Session));
                break;
            case ClusterNotice.RegistryChanged:
                _registry?.Read();
                break;
            default:
                throw new InvalidOperationException("a notice that is none of the known ones");
        }
    }

    private static string Because(string? failure) => failure is null ? "" : $" ({failure})";

    private sealed record Entered(IClusterStore Store, SegmentArchive Archive, StoreOpening Opening, StoredRegistry Registry);

    /// <summary>The store exists before whoever takes its notices.</summary>
    private sealed class NoticeRelay
    {
        public Action<ClusterNotice>? Target { get; set; }

        public void Take(ClusterNotice notice) => Target?.Invoke(notice);
    }
}
