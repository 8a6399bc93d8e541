using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Running;

/// <summary>
/// What stands behind a gateway's core: its store, its clock, its right to serve, and the clients that may connect. One kind has the store
/// to itself, the other shares it.
/// </summary>
internal abstract class GatewayBacking : IAsyncDisposable
{
    public abstract IEventStore Store { get; }

    /// <summary>Where compacted history goes.</summary>
    public abstract SegmentArchive Archive { get; }

    /// <summary>This node in the incarnation that it has entered the store with.</summary>
    public abstract Owner Self { get; }

    public abstract ServiceClock Clock { get; }

    /// <summary>The clients that may connect, as of the start.</summary>
    public abstract ClientRegistry Registry { get; }

    /// <summary>The sessions that this node serves from the start.</summary>
    public abstract ImmutableArray<Session> Sessions { get; }

    /// <summary>How long an operation of the store that is under way may hold the node's end; a negative time is for as long as it takes.</summary>
    public virtual TimeSpan ClosePatience => Timeout.InfiniteTimeSpan;

    /// <summary>Where the sessions are, for the log.</summary>
    public abstract string Place { get; }

    /// <summary>Null where the store has one node.</summary>
    public virtual IShellCluster? Cluster => null;

    /// <summary>Null where the store has no lease.</summary>
    public virtual LeaseStatus? Lease => null;

    /// <summary>Takes hold of the core and the data plane before anything is received.</summary>
    public virtual void Attach(GatewayShell shell, IDataPlane dataPlane, Action<Exception> fail)
    {
    }

    /// <summary>Lets go of them: nothing is served, and neither is called, from here on.</summary>
    public virtual ValueTask DetachAsync() => ValueTask.CompletedTask;

    /// <summary>Returns once the node may serve.</summary>
    public virtual Task ServeAsync(CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>The node is about to hand its sessions over.</summary>
    public virtual void Ending()
    {
    }

    /// <summary>The sessions have been handed over: nothing is served from here on.</summary>
    public virtual Task LeaveAsync(CancellationToken cancellation) => Task.CompletedTask;

    public abstract ValueTask DisposeAsync();

    /// <summary>Opens the archive of compacted history.</summary>
    private protected static SegmentArchive OpenArchive(GatewayConfiguration configuration, IAuditSigner signer)
    {
        SegmentArchiveOptions options = SegmentArchiveOptions.Default(configuration.Audit.Directory, configuration.Node, WallClock.Now) with
        {
            Retention = configuration.Audit.Retention,
            Signer = signer,
        };
        return SegmentArchive.Open(options).IfLeft(problem => throw Refusal.Work(problem));
    }
}
