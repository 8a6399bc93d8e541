using System.Globalization;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Values as columns.</summary>
internal static class Columns
{
    /// <summary>ISO 8601 in UTC with microseconds, as people and PostgreSQL read it; what no calendar holds becomes its last moment.</summary>
    public static string Of(WallTime wall)
    {
        long ticks = Math.Clamp(wall.Microseconds, 0, (DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond) * TimeSpan.TicksPerMicrosecond;
        return DateTime.UnixEpoch.AddTicks(ticks).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
    }

    /// <summary>Ticks; null for <see cref="Instant.Never"/>.</summary>
    public static object? Of(Instant instant) => instant == Instant.Never ? null : instant.Ticks;
}
