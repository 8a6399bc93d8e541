using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Plan;

/// <summary>One gateway node of several as a scenario begins.</summary>
/// <param name="ClockOffset">How far its clock is from true time.</param>
/// <param name="ClockPpm">How much faster than true time its clock runs, in millionths.</param>
internal sealed record NodePlan(int Endpoints, TimeSpan ClockOffset, int ClockPpm);

/// <summary>The gateway nodes that share a store.</summary>
internal sealed record ClusterPlan(LeaseTimes Times, ImmutableArray<NodePlan> Nodes)
{
    /// <summary>Far worse than any crystal, and within what the margin allows.</summary>
    private const int MaxClockPpm = 10_000;

    public static ClusterPlan Draw(SimRandom random)
    {
        LeaseTimes times = random.Pick([LeaseTimes.Default, LeaseTimes.Of(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(150))]);
        return new(times,
        [
            .. Enumerable.Range(0, random.Between(2, 3)).Select(_ => new NodePlan(
                random.Chance(80) ? 1 : 2, random.Milliseconds(0, 1_000_000_000), random.Between(-MaxClockPpm, MaxClockPpm))),
        ]);
    }
}
