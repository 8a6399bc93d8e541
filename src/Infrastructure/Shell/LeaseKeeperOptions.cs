using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>What a <see cref="LeaseKeeper"/> works on, and whom it tells. It calls from its own thread, and expects to be back soon.</summary>
public sealed record LeaseKeeperOptions
{
    /// <summary>The store, which the node has entered.</summary>
    public required IClusterStore Store { get; init; }

    public required string Node { get; init; }

    public required LeaseTimes Times { get; init; }

    public required ServiceClock Clock { get; init; }

    /// <summary>Takes the deadline of serving at once; when it lies in the past, serving has ended when this returns.</summary>
    public required Action<Instant> ServeUntil { get; init; }

    /// <summary>Takes an input for the core.</summary>
    public required Action<GatewayInput> Post { get; init; }

    /// <summary>Takes the registry's revision, with every renewal.</summary>
    public required Action<long> RegistryRevision { get; init; }

    /// <summary>The node is a new incarnation: what the core does from now on, it does as that one.</summary>
    public required Action<Owner> Entered { get; init; }

    /// <summary>No append of this process is on its way.</summary>
    public required Func<bool> StoreIsIdle { get; init; }

    /// <summary>Takes one line for the log.</summary>
    public required Action<string> Warn { get; init; }

    /// <summary>The node can serve no more; the line says why.</summary>
    public required Action<string> Fail { get; init; }

    /// <summary>The clock that counts from boot.</summary>
    public Func<Instant> Boot { get; init; } = BootClock.Now;
}
