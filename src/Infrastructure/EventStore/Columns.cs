using System.Globalization;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Values as columns.</summary>
internal static class Columns
{
    private static readonly long LastMicrosecond = (DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>ISO 8601 in UTC with microseconds, as people and PostgreSQL read it.</summary>
    public static string Of(WallTime wall) => Calendar(wall).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>The same moment in the platform's calendar; what that does not hold becomes its first or last moment.</summary>
    public static DateTime Calendar(WallTime wall) =>
        DateTime.UnixEpoch.AddTicks(Math.Clamp(wall.Microseconds, 0, LastMicrosecond) * TimeSpan.TicksPerMicrosecond);

    /// <summary>Ticks; null for <see cref="Instant.Never"/>.</summary>
    public static object? Of(Instant instant) => instant == Instant.Never ? null : instant.Ticks;
}
