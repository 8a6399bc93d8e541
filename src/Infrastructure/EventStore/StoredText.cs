using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
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
