using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Simulation.Tests.Hosts;

/// <summary>The shipped in-memory state of a store, and what can go wrong around it.</summary>
internal abstract class StoreFaults(StorePolicy policy)
{
    public static readonly (TimeSpan Low, TimeSpan High) UsualLatency = (TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(3));

    public InMemoryStoreState State { get; } = new(policy);

    /// <summary>How long an append takes to become durable.</summary>
    public (TimeSpan Low, TimeSpan High) Latency { get; set; } = UsualLatency;

    /// <summary>Appends and reads fail until then.</summary>
    public Instant UnavailableUntil { get; set; } = Instant.Zero;

    /// <summary>Percentage of appends whose answer is lost, whether they were stored or not.</summary>
    public int LostAnswers { get; set; }

    /// <summary>Percentage of appends that the driver hands in twice.</summary>
    public int Repeats { get; set; }

    /// <summary>All faults are over.</summary>
    public virtual void Heal()
    {
        UnavailableUntil = Instant.Zero;
        LostAnswers = Repeats = 0;
        Latency = UsualLatency;
    }
}
