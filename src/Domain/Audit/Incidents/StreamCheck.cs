using System.Text;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// The check of one part's events: they form a chain, nothing is missing without a note and a signed snapshot to bridge it, and each is what
/// its cause leads to.
/// </summary>
internal sealed class StreamCheck(SessionId stream, HistoryWindow history)
{
    private readonly SortedDictionary<Hash256, SessionPolicy> _policies = [];
    private ChainHead _head = HashChain.Start(stream);
    private Session _session = Session.Birth(stream);
    private HeadLeaf? _last;
    private IncidentRecord.Gap? _gap;
    private bool _bridge;
    private Pending? _pending;

    /// <summary>Events that a command led to and that must follow; null if none must.</summary>
    private sealed record Pending(string Cause, Seq<SessionEvent> Rest, Session After);

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

    public IncidentFault? Take(ReadOnlySpan<byte> line)
    {
        string text = Encoding.UTF8.GetString(line);
        Either<string, EventEnvelope> read = EventEnvelope.Parse(text);
        if (read.IsLeft) return new(_head.Version + 1, read.Match(static _ => "", static reason => reason));
        var envelope = (EventEnvelope)read;
        if (envelope.ToText() != text) return new(envelope.Version, "the event is not in its canonical form");
        IncidentFault? fault = envelope.IsSnapshot ? TakeSnapshot(envelope) : TakeEvent(envelope);
        if (fault is null) _last = HeadLeaf.Of(envelope);
        return fault;
    }

    public IncidentFault? Finish() =>
        _pending is not null ? new(_head.Version + 1, "an event that the last command led to is missing")
        : _gap is not null ? new(_gap.From, "no snapshot bridges the missing versions")
        : Unbridged();

    private IncidentFault? TakeEvent(EventEnvelope envelope)
    {
        if (Unbridged() is { } unsigned) return unsigned;
        if (_gap is not null) return new(_gap.From, "no snapshot bridges the missing versions");
        Either<ChainFault, ChainHead> next = HashChain.VerifyFrom(_head, [envelope]);
        if (next.IsLeft) return Broken(envelope, next.Match(static _ => default!, static fault => fault));
        if (!history.Agrees(envelope.Version, envelope.Hash)) return new(envelope.Version, "another part of the file has another event at this version");
        if (Replay(envelope) is { } fault) return fault;
        _head = (ChainHead)next;
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
    private IncidentFault? Replay(EventEnvelope envelope)
    {
        EventDraft draft = envelope.Draft;
        if (_pending is null)
        {
            if (!_policies.TryGetValue(draft.PolicyHash, out SessionPolicy? policy))
                return new(envelope.Version, $"the file does not hold the policy {draft.PolicyHash} that the event was decided under");
            Either<HistoryError, SessionCommand> cause = SessionJson.ReadCommand(draft.Cause);
            if (cause.IsLeft) return new(envelope.Version, $"the cause cannot be read: {cause.Match(static _ => "", static error => error.Problem)}");
            var command = (SessionCommand)cause;
            if (SessionJson.Of(command).Text != draft.Cause.Text) return new(envelope.Version, "the cause is not in its canonical form");
            Either<Rejection, Seq<SessionEvent>> decided = SessionDecider.Decide(_session, command, policy);
            if (decided.IsLeft) return Diverged(envelope, "refused: " + decided.Match(static _ => "", static rejection => rejection.ToString()));
            var events = (Seq<SessionEvent>)decided;
            if (events.IsEmpty) return Diverged(envelope, "nothing");
            Either<HistoryError, Session> after = SessionDecider.Replay(_session, events);
            if (after.IsLeft) return Diverged(envelope, after.Match(static _ => "", static error => error.Problem));
            if (command.By.Node != draft.Node || command.By.Incarnation != draft.Incarnation) return new(envelope.Version, "the event names another node than its cause");
            _pending = new(draft.Cause.Text, events, (Session)after);
        }
        else if (draft.Cause.Text != _pending.Cause)
        {
            return new(envelope.Version, "an event that the last command led to is missing");
        }
        return Compare(envelope, _pending);
    }

    private IncidentFault? Compare(EventEnvelope envelope, Pending pending)
    {
        EventDraft draft = envelope.Draft;
        SessionEvent expected = pending.Rest.Head;
        string recomputed = SessionJson.Of(expected).Text;
        bool same = draft.Data.Text == recomputed && draft.Alias == SessionEventNames.Of(expected) && draft.Reason == expected.Reason.Name()
            && draft.Time == expected.At && draft.OwnershipEpoch == (long)pending.After.OwnershipEpoch;
        if (!same) return Diverged(envelope, $"{SessionEventNames.Of(expected)} {recomputed}");
        Either<HistoryError, Session> next = SessionDecider.Evolve(_session, expected);
        if (next.IsLeft) return new(envelope.Version, next.Match(static _ => "", static error => error.Problem));
        var after = (Session)next;
        if (SessionInvariants.Check(_session, expected, after) is [string violation, ..]) return new(envelope.Version, "an invariant is broken: " + violation);
        _session = after;
        _pending = pending.Rest.Count > 1 ? pending with { Rest = pending.Rest.Tail } : null;
        return null;
    }

    private IncidentFault Diverged(EventEnvelope envelope, string recomputed) => new(envelope.Version, "the event is not what its cause leads to")
    {
        Divergence = new(
            envelope.Draft.Cause.Text, _session.Version == 0 ? "(not established)" : SessionJson.Of(_session).Text,
            $"{envelope.Alias} {envelope.Draft.Data.Text}", recomputed),
    };

    private IncidentFault? Unbridged() =>
        _bridge ? new(_head.Version, "the snapshot that bridges missing versions is signed by nobody") : null;

    private static IncidentFault Broken(EventEnvelope envelope, ChainFault fault) => new(envelope.Version, fault.Kind switch
    {
        ChainFaultKind.Altered => "the content does not match its hash",
        ChainFaultKind.Unlinked => "the predecessor's hash does not match",
        ChainFaultKind.Gap => "an event before it is missing",
        ChainFaultKind.Repeated => "it is repeated or out of order",
        ChainFaultKind.Foreign => "it belongs to another session",
        _ => throw new InvalidOperationException($"{fault.Kind} is no fault"),
    });

    private static Hash256 HashOf(CanonicalJson text)
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        System.Security.Cryptography.SHA256.HashData(text.ToUtf8(), digest);
        return Hash256.Read(digest);
    }
}
