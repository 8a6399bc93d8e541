using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>A stream as it was read: its row, and its envelopes' texts in order of their versions, not yet looked at.</summary>
internal sealed record StoredText(StoredStream Row, ImmutableArray<string> Texts)
{
    /// <summary>Reads the envelopes and checks them against the row.</summary>
    public LoadResult Check() =>
        Envelopes().Match(
            Right: envelopes => StreamReading.Check(Row, envelopes),
            Left: reason => new LoadResult.Corrupt(Row.Head.Stream, $"session {Row.Head.Stream}: {reason}"));

    public Either<string, ImmutableArray<EventEnvelope>> Envelopes()
    {
        ImmutableArray<EventEnvelope>.Builder envelopes = ImmutableArray.CreateBuilder<EventEnvelope>(Texts.Length);
        foreach (string text in Texts)
        {
            Either<string, EventEnvelope> envelope = EventEnvelope.Parse(text);
            if (envelope.IsLeft) return envelope.Map(static _ => ImmutableArray<EventEnvelope>.Empty);
            envelopes.Add((EventEnvelope)envelope);
        }
        return envelopes.MoveToImmutable();
    }
}

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
