using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>A line of the archive.</summary>
public abstract record SegmentLine
{
    private SegmentLine(string segment, int number) => (Segment, Number) = (segment, number);

    /// <summary>The file's name.</summary>
    public string Segment { get; }

    /// <summary>The line, from 1.</summary>
    public int Number { get; }

    /// <summary>An envelope that matches its own hash.</summary>
    public sealed record Event(string In, int At, EventEnvelope Envelope) : SegmentLine(In, At);

    /// <summary>The archive's note about itself.</summary>
    public sealed record Note(string In, int At, SegmentNote Content) : SegmentLine(In, At);

    /// <summary>The node's signature over the batch before it.</summary>
    public sealed record Signed(string In, int At, SignedTree Tree) : SegmentLine(In, At);

    /// <summary>None of these: cut off by a crash, or altered.</summary>
    public sealed record Damaged(string In, int At, string Reason) : SegmentLine(In, At);
}

/// <summary>Reads an archive's directory, oldest segment first. Throws <see cref="IOException"/> where a file cannot be read.</summary>
public static class SegmentReader
{
    /// <summary>Every line.</summary>
    public static IEnumerable<SegmentLine> Lines(string directory) => Lines(directory, static _ => true);

    /// <summary>One stream's envelopes in order, each once.</summary>
    public static IEnumerable<EventEnvelope> Stream(string directory, SessionId stream)
    {
        string member = $"\"stream\":\"{stream}\"";
        return History(Lines(directory, text => text.Contains(member, StringComparison.Ordinal))
            .OfType<SegmentLine.Event>()
            .Select(static line => line.Envelope)
            .Where(envelope => envelope.Stream == stream));
    }

    /// <summary>What the archive holds about one stream: its envelopes as they come, and the signed heads among them.</summary>
    public static IEnumerable<SegmentLine> About(string directory, SessionId stream)
    {
        string id = stream.ToString();
        return Lines(directory, text => text.Contains(id, StringComparison.Ordinal));
    }

    /// <summary>
    /// What is known of one stream, from archive and store, as one chain: each envelope once, however often the store handed it
    /// over, and a snapshot behind the event that it replaced. A store that died between archiving and replacing may compact up to
    /// another version the next time, so the order of the lines is not the order of the chain.
    /// </summary>
    public static IEnumerable<EventEnvelope> History(IEnumerable<EventEnvelope> envelopes) =>
        envelopes.DistinctBy(static envelope => (envelope.Version, envelope.Hash))
            .OrderBy(static envelope => envelope.Version)
            .ThenBy(static envelope => envelope.IsSnapshot);

    private static IEnumerable<SegmentLine> Lines(string directory, Func<string, bool> wanted)
    {
        foreach (SegmentFile segment in SegmentFile.List(directory))
        {
            int number = 0;
            foreach (string text in File.ReadLines(segment.Path))
            {
                number++;
                if (text.Length > 0 && wanted(text)) yield return Read(segment.Name, number, text);
            }
        }
    }

    private static SegmentLine Read(string segment, int number, string text)
    {
        Either<string, EventEnvelope> envelope = EventEnvelope.Parse(text);
        if (envelope.IsLeft)
            return SignedTree.Parse(text).Match<SegmentLine>(
                Right: tree => new SegmentLine.Signed(segment, number, tree),
                Left: _ => SegmentNote.Parse(text).Match<SegmentLine>(
                    Right: note => new SegmentLine.Note(segment, number, note), Left: reason => new SegmentLine.Damaged(segment, number, reason)));
        var whole = (EventEnvelope)envelope;
        return whole.ComputeHash() == whole.Hash
            ? new SegmentLine.Event(segment, number, whole)
            : new SegmentLine.Damaged(segment, number, "the content does not match its hash");
    }
}
