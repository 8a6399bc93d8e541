using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>A token bucket that one thread uses: <c>rate</c> a second, and as many at once.</summary>
internal struct RateLimit(int rate)
{
    private readonly long _ticksPerToken = TimeSpan.TicksPerSecond / rate;
    private readonly long _full = TimeSpan.TicksPerSecond;
    private long _fullAt = long.MinValue;

    /// <summary>Takes a token; false if there is none.</summary>
    public bool TryTake(Instant now)
    {
        // The bucket is described by the instant at which it will be full again; a token moves that instant.
        long start = Math.Max(_fullAt, now.Ticks);
        if (start - now.Ticks > _full - _ticksPerToken) return false;
        _fullAt = start + _ticksPerToken;
        return true;
    }
}
