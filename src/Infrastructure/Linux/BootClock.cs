using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// CLOCK_BOOTTIME (clock_gettime(2)): counts from boot, never runs backwards, is not set by anyone, and goes on while the
/// machine is suspended, so that a deadline which passed during a suspend has passed.
/// </summary>
public static unsafe class BootClock
{
    private const long NanosecondsPerTick = 100;

    /// <summary>Now, in ticks of 100 ns since boot. Allocates nothing; tens of nanoseconds.</summary>
    public static Instant Now()
    {
        Libc.TimeSpec time;
        _ = Libc.clock_gettime(Libc.CLOCK_BOOTTIME, &time);
        return new(time.Seconds * TimeSpan.TicksPerSecond + time.Nanoseconds / NanosecondsPerTick);
    }
}
