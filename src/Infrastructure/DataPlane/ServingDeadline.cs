using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Until when this node may serve. Looked at after every receive and before every write and send; without a deadline that is
/// one read and no clock (REQ-PARTITION-2: a node that lost its lease stops by its own clock).
/// </summary>
/// <param name="clock">Counts from boot, whatever the cores' clock does: that one stands still while no lease is held.</param>
internal sealed class ServingDeadline(Func<Instant> clock)
{
    private long _until = Instant.Never.Ticks;

    public void Set(Instant until) => Volatile.Write(ref _until, until.Ticks);

    /// <summary>True once the deadline has come.</summary>
    public bool IsOver()
    {
        long until = Volatile.Read(ref _until);
        return until != Instant.Never.Ticks && clock().Ticks >= until;
    }
}
