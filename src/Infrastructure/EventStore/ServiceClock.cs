using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The time in which a store's node has served: it goes on where the store last saw it and stands still while no node runs, so
/// that an outage of the node does not count towards any session's deadline. Between checkpoints it can lose what passed
/// since the last one, never gain. Where several nodes share a store it runs while this node holds a lease, and follows the store's
/// when that is ahead. It never goes back. Safe from any thread.
/// </summary>
public sealed class ServiceClock
{
    /// <summary>How often the shell should checkpoint the clock while nothing is appended.</summary>
    public static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(5);

    private readonly Func<Instant> _boot;
    private readonly Lock _changes = new();
    private Course _course;

    private ServiceClock(Instant start, Func<Instant> boot, Instant? until)
    {
        _boot = boot;
        Instant now = boot();
        _course = new(start, now, until ?? now);
    }

    /// <summary>Goes on from <paramref name="start"/> (<see cref="StoreOpening.ServiceTime"/>), driven by a clock that counts from boot.</summary>
    public ServiceClock(Instant start, Func<Instant> boot)
        : this(start, boot, Instant.Never)
    {
    }

    /// <summary>A node's that holds no lease yet: it stands at <paramref name="start"/> until <see cref="RunUntil"/>.</summary>
    public static ServiceClock Standing(Instant start, Func<Instant> boot) => new(start, boot, null);

    /// <summary>Allocates nothing.</summary>
    public Instant Now => Volatile.Read(ref _course).At(_boot());

    /// <summary>
    /// Lets it run until that instant of the clock that counts from boot, and stand still from then on. What was granted before is never
    /// taken back: a node that is fenced counts at most the rest of its lease.
    /// </summary>
    public void RunUntil(Instant boot)
    {
        lock (_changes)
        {
            if (boot <= _course.Until) return;
            Instant now = _boot();
            Volatile.Write(ref _course, new(_course.At(now), now, boot));
        }
    }

    /// <summary>Goes forward to the store's time; a time that has passed already changes nothing.</summary>
    public void Follow(Instant service)
    {
        lock (_changes)
        {
            Instant now = _boot();
            if (service > _course.At(now)) Volatile.Write(ref _course, new(service, now, _course.Until));
        }
    }

    /// <summary>
    /// From <paramref name="Start"/>, which it showed at <paramref name="Since"/>, it runs until <paramref name="Until"/>. Each course is
    /// nowhere behind the one before, so a thread that still reads that one sees no step back.
    /// </summary>
    private sealed record Course(Instant Start, Instant Since, Instant Until)
    {
        public Instant At(Instant boot) => Start + Positive(Instant.Min(boot, Until) - Since);

        private static TimeSpan Positive(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;
    }
}
