using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Ownership;

/// <summary>A node's row in the store: one for each incarnation that may still own a session.</summary>
/// <param name="Number">Raised by each renewal.</param>
/// <param name="IsFenced">It serves nothing any more and never will again.</param>
public sealed record NodeRow(Owner Owner, long Number, bool IsFenced);

/// <summary>
/// What a claim rests on: the owner's incarnation, and the number that this node has watched standing still. The store fences that
/// incarnation in the claim's transaction if the number is still the same, or finds that it is fenced already.
/// </summary>
public sealed record FenceEvidence(Owner Owner, long Number);

/// <summary>What became of a renewal.</summary>
public abstract record Renewal
{
    private Renewal()
    {
    }

    /// <summary>The lease holds on.</summary>
    /// <param name="ServiceTime">The cluster's service clock, which this node must not be behind.</param>
    /// <param name="RegistryRevision">Raised by every change of the registry of clients.</param>
    /// <param name="Others">The rows of all other incarnations.</param>
    /// <param name="Wanted">Sessions of this node that another node wants.</param>
    public sealed record Renewed(
        Instant ServiceTime, long RegistryRevision, ImmutableArray<NodeRow> Others, ImmutableArray<SessionId> Wanted) : Renewal;

    /// <summary>Another node has fenced this incarnation: it must drop everything.</summary>
    public sealed record Fenced : Renewal;

    /// <summary>The store did not answer, or not in time. The lease may still hold for a while.</summary>
    public sealed record Failed(string Reason) : Renewal;
}
