using JumpingVpn.Domain.Ports;

namespace JumpingVpn.Simulation.Tests;

/// <summary>
/// A check that is broken on purpose, to show that the simulation would notice. The cores stay as they are shipped; what is broken is what
/// they lean on.
/// </summary>
internal sealed record Mutation
{
    public static readonly Mutation None = new();

    /// <summary>Replaces the gateway's cryptography.</summary>
    public Func<World, ICryptography, ICryptography>? GatewayCryptography { get; init; }

    /// <summary>The store compares no versions.</summary>
    public bool StoreIgnoresVersions { get; init; }

    /// <summary>The store takes appends of fenced incarnations.</summary>
    public bool StoreIgnoresFences { get; init; }

    /// <summary>A claim fences the former owner whether it has renewed since or not.</summary>
    public bool ClaimsCompareNoNumber { get; init; }

    /// <summary>A node's lease counts from the store's answer instead of from its question.</summary>
    public bool LeaseCountsFromAnswer { get; init; }

    /// <summary>The data plane does not look until when it may serve.</summary>
    public bool DeliversWithoutLease { get; init; }

    /// <summary>The data plane delivers what it should hold until the commit.</summary>
    public bool DeliversHeld { get; init; }

    /// <summary>The data plane delivers authentic packets wherever they come from.</summary>
    public bool DeliversUnbound { get; init; }
}
