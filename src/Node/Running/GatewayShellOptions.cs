using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Neighbours;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Telemetry.Recorder;

namespace JumpingVpn.Node.Running;

/// <summary>What a gateway's shell works on. It owns none of it.</summary>
internal sealed record GatewayShellOptions
{
    /// <summary>What the core begins with.</summary>
    public required GatewayState State { get; init; }

    public required GatewayEnvironment Environment { get; init; }

    public required SodiumCryptography Crypto { get; init; }

    public required IDataPlane DataPlane { get; init; }

    public required IReadOnlyDictionary<int, UdpSocket> Sockets { get; init; }

    public required IEventStore Store { get; init; }

    public required NodeReports Log { get; init; }

    /// <summary>The service clock.</summary>
    public required Func<Instant> Clock { get; init; }

    /// <summary>Told of every stream that has moved in the store, and of every snapshot.</summary>
    public Action<HeadLeaf>? Moved { get; init; }

    /// <summary>Told of probes that were answered; null where nothing is recorded.</summary>
    public FlightRecorder? Recorder { get; init; }

    /// <summary>A broken invariant of the core; the process must not go on.</summary>
    public required Action<Exception> OnFault { get; init; }

    /// <summary>Null where the store has one node.</summary>
    public IShellCluster? Cluster { get; init; }

    /// <summary>Answers for inner addresses on other networks; null where that is not asked for.</summary>
    public INeighbourAnnouncer? Announcer { get; init; }
}

/// <summary>What a shell needs of the other nodes' world, where there are other nodes.</summary>
internal interface IShellCluster
{
    /// <summary>This node holds a lease.</summary>
    bool Serves { get; }

    StoreReader Reader { get; }

    /// <summary>The store has told the core that this incarnation is fenced.</summary>
    void FenceSeen();

    /// <summary>The core has taken <see cref="GatewayInput.Fenced"/> and dropped everything.</summary>
    void Dropped();
}
