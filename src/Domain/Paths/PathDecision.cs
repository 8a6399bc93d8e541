using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Paths;

/// <summary>Why the client moves.</summary>
public enum MoveCause : byte
{
    /// <summary>The bound path is dead.</summary>
    Dead = 1,

    /// <summary>Another path is clearly better.</summary>
    Quality = 2,

    /// <summary>The preferred path has been healthy for long enough.</summary>
    Return = 3,

    /// <summary>The bound path's own address or NAT binding changed.</summary>
    Rebound = 4,
}

/// <summary>Why the client stays.</summary>
public enum StayReason : byte
{
    /// <summary>Nothing is wrong.</summary>
    Good = 1,

    /// <summary>No path is bound yet.</summary>
    NotBound = 2,

    /// <summary>A move is under way.</summary>
    Moving = 3,

    /// <summary>An answer is overdue; the paths are being asked.</summary>
    Suspecting = 4,

    /// <summary>Another path is better, but not for long enough yet.</summary>
    Holding = 5,

    /// <summary>A move is wanted, but the last one was too recent.</summary>
    Cooldown = 6,

    /// <summary>A move is wanted, but its budget is spent.</summary>
    BudgetSpent = 7,
}

/// <summary>What to do about the bound path. Closed.</summary>
public abstract record PathDecision
{
    private PathDecision()
    {
    }

    /// <summary>Leave the binding as it is.</summary>
    public sealed record Stay(StayReason Reason) : PathDecision;

    /// <summary>
    /// Prepare on <paramref name="To"/>, and on <paramref name="Alternative"/> at the same time where there is one; confirm
    /// the first that answers. Said once for each attempt.
    /// </summary>
    public sealed record Switch(PathId To, PathId? Alternative, ReattachKind Kind, MoveCause Cause) : PathDecision;

    /// <summary>Nothing answers anywhere: prepare on these, best first, again and again. Said for as long as it holds.</summary>
    /// <param name="Since">When it began.</param>
    public sealed record AllSilent(ImmutableArray<PathId> Best, Instant Since) : PathDecision;
}

/// <summary>One step of selection.</summary>
/// <param name="Next">The state from now on.</param>
/// <param name="Decision">What to do.</param>
/// <param name="Probes">Paths to probe now; each probe that is sent is told to <see cref="PathSelection.ProbeSent"/>.</param>
/// <param name="WakeAt">When to step again at the latest.</param>
public sealed record PathStep(PathSelection Next, PathDecision Decision, ImmutableArray<PathId> Probes, Instant WakeAt);
