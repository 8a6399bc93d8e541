using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The time in which a store's node has served: it goes on where the store last saw it and stands still while no node runs, so
/// that an outage of the node does not count towards any session's deadline. Between checkpoints it can lose what passed
/// since the last one, never gain.
/// </summary>
public sealed class ServiceClock
{
    /// <summary>How often the shell should checkpoint the clock while nothing is appended.</summary>
    public static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(5);

    private readonly Func<Instant> _boot;
    private readonly TimeSpan _offset;

    /// <summary>Goes on from <paramref name="start"/> (<see cref="StoreOpening.ServiceTime"/>), driven by a clock that counts from boot.</summary>
    public ServiceClock(Instant start, Func<Instant> boot)
    {
        _boot = boot;
        _offset = start - boot();
    }

    public Instant Now => _boot() + _offset;
}
