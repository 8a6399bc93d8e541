using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Until when this node may serve. Looked at after every receive and before every write and send; without a deadline that is
/// one read and no clock (REQ-PARTITION-2: a node that lost its lease stops by its own clock).
/// </summary>
internal sealed class ServingDeadline(Func<Instant> clock)
{
    private long _until = Instant.Never.Ticks;

    /// <summary>The clock of the cores.</summary>
    public Func<Instant> Clock { get; } = clock;

    public void Set(Instant until) => Volatile.Write(ref _until, until.Ticks);

    /// <summary>True once the deadline has come.</summary>
    public bool IsOver()
    {
        long until = Volatile.Read(ref _until);
        return until != Instant.Never.Ticks && Clock().Ticks >= until;
    }
}
