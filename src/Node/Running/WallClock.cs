using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Running;

/// <summary>The host's wall clock; for readers of events, never for decisions.</summary>
internal static class WallClock
{
    public static WallTime Now() => new((DateTime.UtcNow - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
}
