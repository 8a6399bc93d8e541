using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Running;

/// <summary>The host's wall clock; for people, never for decisions.</summary>
internal static class WallClock
{
    public static WallTime Now() => new((DateTime.UtcNow - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>
    /// About when an instant of another clock was, UTC. On a gateway the service clock stands still while no node serves, so
    /// what happened before a restart shows later than it was by the length of that pause.
    /// </summary>
    public static DateTime Of(Instant instant, Instant now)
    {
        DateTime today = DateTime.UtcNow;
        TimeSpan age = now - instant;
        return age > TimeSpan.Zero && age < today - DateTime.UnixEpoch ? today - age : today;
    }
}
