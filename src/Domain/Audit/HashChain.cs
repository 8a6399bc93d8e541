using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Audit;

/// <summary>Where a chain stands after an event: the next one has version + 1 and this hash as its predecessor's.</summary>
public readonly record struct ChainHead(SessionId Stream, long Version, Hash256 Hash);

/// <summary>What is wrong with a chain.</summary>
public enum ChainFaultKind
{
    /// <summary>The envelope's content does not give its hash.</summary>
    Altered,

    /// <summary>The envelope does not name its predecessor's hash.</summary>
    Unlinked,

    /// <summary>Its version is not its predecessor's + 1: something before it is missing.</summary>
    Gap,

    /// <summary>Its version is not above its predecessor's: it stands twice or out of order.</summary>
    Repeated,

    /// <summary>It belongs to another stream.</summary>
    Foreign,
}

/// <summary>The first envelope that breaks a chain.</summary>
public sealed record ChainFault(SessionId Stream, long Version, ChainFaultKind Kind)
{
    public override string ToString() => $"session {Stream}, version {Version}: " + Kind switch
    {
        ChainFaultKind.Altered => "the content does not match its hash",
        ChainFaultKind.Unlinked => "the predecessor's hash does not match",
        ChainFaultKind.Gap => "an event before it is missing",
        ChainFaultKind.Repeated => "it is repeated or out of order",
        ChainFaultKind.Foreign => "it belongs to another session",
        _ => throw new InvalidOperationException($"{Kind} is no fault"),
    };
}

/// <summary>Links events by their hashes, so that none can be altered, dropped, moved or added unseen (DESIGN: tamper-evident).</summary>
public static class HashChain
{
    private static ReadOnlySpan<byte> GenesisLabel => "jumping-vpn event chain 1\0"u8;

    /// <summary>What the first event names as its predecessor's hash: SHA-256 of a label and the stream's id.</summary>
    public static Hash256 Genesis(SessionId stream)
    {
        Span<byte> input = stackalloc byte[GenesisLabel.Length + SessionId.Size];
        GenesisLabel.CopyTo(input);
        stream.Write(input[GenesisLabel.Length..]);
        Span<byte> digest = stackalloc byte[Hash256.Size];
        SHA256.HashData(input, digest);
        return Hash256.Read(digest);
    }

    /// <summary>The head of a stream without events.</summary>
    public static ChainHead Start(SessionId stream) => new(stream, 0, Genesis(stream));

    /// <summary>Puts an event behind <paramref name="head"/>. A draft with a malformed name is a broken invariant and throws.</summary>
    public static EventEnvelope Seal(ChainHead head, EventDraft draft) =>
        draft.Alias == Snapshot.Alias
            ? throw new ArgumentException("a snapshot replaces an event and is not appended", nameof(draft))
            : Seal(head.Stream, checked(head.Version + 1), head.Hash, draft);

    /// <summary>Seals a snapshot in the place of the event at <paramref name="head"/>.</summary>
    public static EventEnvelope SealSnapshot(ChainHead head, EventDraft draft) =>
        draft.Alias != Snapshot.Alias || head.Version < 1
            ? throw new ArgumentException("only a snapshot replaces an event", nameof(draft))
            : Seal(head.Stream, head.Version, head.Hash, draft);

    /// <summary>Where the chain stands after <paramref name="envelope"/>. A snapshot leaves the head where it was.</summary>
    public static ChainHead After(EventEnvelope envelope) =>
        new(envelope.Stream, envelope.Version, envelope.IsSnapshot ? envelope.Previous : envelope.Hash);

    /// <summary>
    /// Checks a stream from its beginning: its first event, or a snapshot that stands for what was compacted. Right with the head,
    /// Left with the first fault.
    /// </summary>
    public static Either<ChainFault, ChainHead> Verify(SessionId stream, IEnumerable<EventEnvelope> envelopes)
    {
        ChainHead head = Start(stream);
        bool first = true;
        foreach (EventEnvelope envelope in envelopes)
        {
            if (first && envelope.IsSnapshot && envelope.Stream == stream) head = After(envelope);
            first = false;
            if (FaultOf(head, envelope) is { } fault) return fault;
            head = After(envelope);
        }
        return head;
    }

    /// <summary>Checks what follows <paramref name="head"/>. A snapshot may stand behind the event that it replaced.</summary>
    public static Either<ChainFault, ChainHead> VerifyFrom(ChainHead head, IEnumerable<EventEnvelope> envelopes)
    {
        foreach (EventEnvelope envelope in envelopes)
        {
            if (FaultOf(head, envelope) is { } fault) return fault;
            head = After(envelope);
        }
        return head;
    }

    private static ChainFault? FaultOf(ChainHead head, EventEnvelope envelope)
    {
        long expected = envelope.IsSnapshot ? head.Version : head.Version + 1;
        ChainFaultKind? kind =
            envelope.Stream != head.Stream ? ChainFaultKind.Foreign
            : envelope.ComputeHash() != envelope.Hash ? ChainFaultKind.Altered
            : envelope.Version > expected ? ChainFaultKind.Gap
            : envelope.Version < expected ? ChainFaultKind.Repeated
            : envelope.Previous != head.Hash ? ChainFaultKind.Unlinked
            : null;
        return kind is { } found ? new ChainFault(head.Stream, envelope.Version, found) : null;
    }

    private static EventEnvelope Seal(SessionId stream, long version, Hash256 previous, EventDraft draft)
    {
        if (draft.Fault() is { } fault) throw new ArgumentException(fault, nameof(draft));
        var open = new EventEnvelope(stream, version, draft, previous, default);
        return open with { Hash = open.ComputeHash() };
    }
}
