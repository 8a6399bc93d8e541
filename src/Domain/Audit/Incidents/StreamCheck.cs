using System.Text;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// The check of one part's events: they form a chain, nothing is missing without a note and a signed snapshot to bridge it, and each is what
/// its cause leads to (REQ-AUDIT-5).
/// </summary>
internal sealed class StreamCheck(SessionId stream, HistoryWindow history)
{
    private readonly SortedDictionary<Hash256, SessionPolicy> _policies = [];
    private readonly JsonTokens _tokens = new();
    private readonly CanonicalBuffer _output = new();
    private byte[] _hashed = new byte[4096];
    private SessionPolicy? _policy;
    private Hash256 _policyHash;
    private ChainHead _head = HashChain.Start(stream);
    private Session _session = Session.Birth(stream);
    private HeadLeaf? _last;
    private IncidentRecord.Gap? _gap;
    private bool _bridge;
    private Pending? _pending;

    /// <summary>Events that a command led to and that must follow; null if none must.</summary>
    private sealed record Pending(byte[] Cause, Seq<SessionEvent> Rest, Session After);

    public int PolicyCount => _policies.Count;

    public long Events { get; private set; }

    public long Snapshots { get; private set; }

    public long LastVersion => _head.Version;

    public IncidentFault? Add(IncidentRecord.Policy policy)
    {
        if (policy.Hash != HashOf(policy.Text)) return new(0, $"policy {policy.Hash} does not match its hash");
        Either<HistoryError, SessionPolicy> read = SessionJson.ReadPolicy(policy.Text);
        if (read.IsLeft) return new(0, $"policy {policy.Hash} cannot be read: {read.Match(static _ => "", static error => error.Problem)}");
        _policies[policy.Hash] = (SessionPolicy)read;
        _policy = null;
        return null;
    }

    /// <summary>Says that versions are missing; the snapshot that bridges them must follow.</summary>
    public IncidentFault? Take(IncidentRecord.Gap gap)
    {
        if (gap.From < 1 || gap.To < gap.From) return new(0, "a gap has no versions");
        if (_gap is not null) return new(_gap.From, "no snapshot bridges the missing versions");
        _gap = gap;
        return null;
    }

    /// <summary>A signature stands behind the event or snapshot that it is for.</summary>
    public IncidentFault? Take(SignedHead head)
    {
        if (_last is not { } last) return new(head.Leaf.Version, "a signature stands before the first event");
        if (head.Leaf != last)
            return new(head.Leaf.Version, $"{head.Statement.Node} has signed another {IncidentJson.Lower(head.Leaf.Kind)} at version {head.Leaf.Version} than stands here");
        _bridge = false;
        return null;
    }

    /// <summary>An event's or snapshot's line. Events of the common shape are checked where they stand, without an object for each.</summary>
    public IncidentFault? Take(ReadOnlySpan<byte> line)
    {
        if (EnvelopeSlices.TryRead(line, out EnvelopeSlices slices) && !slices.Alias.SequenceEqual("session_snapshot"u8)) return TakeEvent(line, slices);
        Either<string, EventEnvelope> read = EventEnvelope.Parse(Encoding.UTF8.GetString(line));
        if (read.IsLeft) return new(_head.Version + 1, read.Match(static _ => "", static reason => reason));
        var envelope = (EventEnvelope)read;
        if (!envelope.IsSnapshot || envelope.ToText() != Encoding.UTF8.GetString(line)) return new(envelope.Version, "the event is not in its canonical form");
        IncidentFault? fault = TakeSnapshot(envelope);
        if (fault is null) _last = HeadLeaf.Of(envelope);
        return fault;
    }

    public IncidentFault? Finish() =>
        _pending is not null ? new(_head.Version + 1, "an event that the last command led to is missing")
        : _gap is not null ? new(_gap.From, "no snapshot bridges the missing versions")
        : Unbridged();

    private IncidentFault? TakeEvent(ReadOnlySpan<byte> line, EnvelopeSlices envelope)
    {
        if (Unbridged() is { } unsigned) return unsigned;
        if (_gap is not null) return new(_gap.From, "no snapshot bridges the missing versions");
        string? broken =
            envelope.Stream != stream ? "it belongs to another session"
            : HashOf(envelope, line.Length) != envelope.Hash ? "the content does not match its hash"
            : envelope.Version > _head.Version + 1 ? "an event before it is missing"
            : envelope.Version < _head.Version + 1 ? "it is repeated or out of order"
            : envelope.Previous != _head.Hash ? "the predecessor's hash does not match"
            : !history.Agrees(envelope.Version, envelope.Hash) ? "another part of the file has another event at this version"
            : null;
        if (broken is not null) return new(envelope.Version, broken);
        if (Replay(envelope) is { } fault) return fault;
        _head = new(stream, envelope.Version, envelope.Hash);
        _last = new(HeadKind.Event, stream, envelope.Version, envelope.Hash);
        Events++;
        return null;
    }

    private IncidentFault? TakeSnapshot(EventEnvelope envelope)
    {
        if (_pending is not null) return new(envelope.Version, "an event that the last command led to is missing");
        if (envelope.Stream != stream) return new(envelope.Version, "it belongs to another session");
        if (envelope.ComputeHash() != envelope.Hash) return new(envelope.Version, "the snapshot's content does not match its hash");
        if (envelope.Version < _head.Version || envelope.Version < 1) return new(envelope.Version, "the snapshot is repeated or out of order");
        Snapshots++;
        if (envelope.Version == _head.Version)
        {
            if (envelope.Previous != _head.Hash) return new(envelope.Version, "the snapshot does not stand for the event before it");
            return envelope.Draft.Data.Text == SessionJson.Of(_session).Text
                ? null
                : new(envelope.Version, "the snapshot is not what the events lead to")
                {
                    Divergence = new("(snapshot)", "", envelope.Draft.Data.Text, SessionJson.Of(_session).Text),
                };
        }
        if (_gap is not { } gap || gap.From != _head.Version + 1 || gap.To != envelope.Version)
            return new(_head.Version + 1, $"versions {_head.Version + 1} to {envelope.Version} are missing, and the file does not say so");
        if (!history.Agrees(envelope.Version, envelope.Previous)) return new(envelope.Version, "another part of the file has another event at this version");
        Either<HistoryError, Session> read = SessionJson.ReadSession(envelope.Draft.Data);
        if (read.IsLeft) return new(envelope.Version, read.Match(static _ => "", static error => error.Problem));
        var session = (Session)read;
        if (session.Id != stream || (long)session.Version != envelope.Version) return new(envelope.Version, "the snapshot holds another session or version");
        if (_session.Version > 0 && (session.Client != _session.Client || session.ExpiresAt != _session.ExpiresAt || session.KeyEpoch < _session.KeyEpoch
            || session.LastNonce < _session.LastNonce || session.OwnershipEpoch < _session.OwnershipEpoch))
            return new(envelope.Version, "the snapshot cannot have come from the events before it");
        (_session, _head, _gap, _bridge) = (session, HashChain.After(envelope), null, true);
        return null;
    }

    /// <summary>Decides again from the stored cause, and holds the recorded event against what comes out.</summary>
    private IncidentFault? Replay(EnvelopeSlices envelope)
    {
        if (_pending is { } pending)
            return envelope.Cause.SequenceEqual(pending.Cause)
                ? Compare(envelope, pending.Rest.Head, pending with { Rest = pending.Rest.Tail })
                : new(envelope.Version, "an event that the last command led to is missing");
        if (_policy is null || _policyHash != envelope.Policy)
        {
            if (!_policies.TryGetValue(envelope.Policy, out _policy))
                return new(envelope.Version, $"the file does not hold the policy {envelope.Policy} that the event was decided under");
            _policyHash = envelope.Policy;
        }
        Either<HistoryError, SessionCommand> cause = SessionJson.ReadCommand(envelope.Cause, _tokens);
        if (cause.IsLeft) return new(envelope.Version, $"the cause cannot be read: {cause.Match(static _ => "", static error => error.Problem)}");
        SessionCommand command = cause.MatchUnsafe(Right: static read => read, Left: static _ => null!);
        _output.Clear();
        SessionJsonWriting.Command(_output, command);
        if (!envelope.Cause.SequenceEqual(_output.Written)) return new(envelope.Version, "the cause is not in its canonical form");
        if (!IsText(envelope.Node, command.By.Node) || command.By.Incarnation != envelope.Incarnation)
            return new(envelope.Version, "the event names another node than its cause");
        if (command is SessionCommand.Establish establish && establish.PolicyHash != envelope.Policy)
            return new(envelope.Version, "the cause names another policy than the event");
        Either<Rejection, Seq<SessionEvent>> decided = SessionDecider.Decide(_session, command, _policy);
        if (decided.IsLeft) return Diverged(envelope, "refused: " + decided.Match(static _ => "", static rejection => rejection.ToString()));
        var events = (Seq<SessionEvent>)decided;
        if (events.IsEmpty) return Diverged(envelope, "nothing");
        if (events.Count == 1) return Compare(envelope, events.Head, null);
        Either<HistoryError, Session> after = SessionDecider.Replay(_session, events);
        return after.IsLeft
            ? Diverged(envelope, after.Match(static _ => "", static error => error.Problem))
            : Compare(envelope, events.Head, new(envelope.Cause.ToArray(), events.Tail, (Session)after));
    }

    /// <param name="pending">What must follow, if the command led to more than this event.</param>
    private IncidentFault? Compare(EnvelopeSlices envelope, SessionEvent expected, Pending? pending)
    {
        _output.Clear();
        SessionJsonWriting.Event(_output, expected);
        Either<HistoryError, Session> evolved = SessionDecider.Evolve(_session, expected);
        if (evolved.IsLeft) return Diverged(envelope, evolved.Match(static _ => "", static error => error.Problem));
        Session after = evolved.MatchUnsafe(Right: static session => session, Left: static _ => null!);
        bool same = envelope.Data.SequenceEqual(_output.Written) && IsText(envelope.Alias, SessionEventNames.Of(expected))
            && IsText(envelope.Reason, expected.Reason.Name()) && envelope.Time == expected.At.Ticks
            && envelope.Epoch == (long)(pending?.After ?? after).OwnershipEpoch;
        if (!same) return Diverged(envelope, $"{SessionEventNames.Of(expected)} {_output}");
        if (SessionInvariants.Check(_session, expected, after) is [string violation, ..]) return new(envelope.Version, "an invariant is broken: " + violation);
        _session = after;
        _pending = pending is { Rest.IsEmpty: false } ? pending : null;
        return null;
    }

    /// <summary>True for what a canonical writer makes of a text, quotes aside.</summary>
    private static bool IsText(ReadOnlySpan<byte> slice, string text)
    {
        if (slice.Length == text.Length && Ascii.Equals(slice, text)) return true;
        var whole = new CanonicalBuffer();
        return whole.Text(text).Written[1..^1].SequenceEqual(slice);
    }

    private Hash256 HashOf(EnvelopeSlices envelope, int size)
    {
        if (_hashed.Length < size) _hashed = new byte[size * 2];
        envelope.Before.CopyTo(_hashed);
        envelope.Behind.CopyTo(_hashed.AsSpan(envelope.Before.Length));
        Span<byte> digest = stackalloc byte[Hash256.Size];
        System.Security.Cryptography.SHA256.HashData(_hashed.AsSpan(0, envelope.Before.Length + envelope.Behind.Length), digest);
        return Hash256.Read(digest);
    }

    private IncidentFault Diverged(EnvelopeSlices envelope, string recomputed) => new(envelope.Version, "the event is not what its cause leads to")
    {
        Divergence = new(
            Encoding.UTF8.GetString(envelope.Cause), _session.Version == 0 ? "(not established)" : SessionJson.Of(_session).Text,
            $"{Encoding.UTF8.GetString(envelope.Alias)} {Encoding.UTF8.GetString(envelope.Data)}", recomputed),
    };

    private IncidentFault? Unbridged() =>
        _bridge ? new(_head.Version, "the snapshot that bridges missing versions is signed by nobody") : null;

    private static Hash256 HashOf(CanonicalJson text)
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        System.Security.Cryptography.SHA256.HashData(text.ToUtf8(), digest);
        return Hash256.Read(digest);
    }
}
