using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Checks;

/// <summary>
/// What each incarnation's lease is, said once more and without <see cref="LeaseCore"/>: it ends so long after the last question that was
/// answered, by the clock of the node that asked.
/// </summary>
internal sealed class LeaseWatch(LeaseTimes times)
{
    private readonly Dictionary<IncarnationId, Instant> _until = [];

    /// <summary>A renewal was carried out and answered.</summary>
    /// <param name="asked">By the node's own clock.</param>
    public void Renewed(Owner who, Instant asked)
    {
        Instant until = asked + times.Lease - times.Margin;
        if (!_until.TryGetValue(who.Incarnation, out Instant before) || before < until) _until[who.Incarnation] = until;
    }

    /// <summary>A node serves: only before its lease has ended (REQ-PARTITION-2).</summary>
    public void Require(Owner who, Instant now, string what)
    {
        if (!_until.TryGetValue(who.Incarnation, out Instant until) || now >= until)
            throw new SimulationException($"{who} {what} {(now - until).TotalMilliseconds:0} ms after the end of its lease");
    }
}
