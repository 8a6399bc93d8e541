using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;

namespace JumpingVpn.Simulation.Tests.Checks;

/// <summary>
/// What must hold, said once more and without looking into the cores: it follows the store's events and compares with them whatever the
/// nodes do. Every method throws <see cref="SimulationException"/> at the first thing that must not be.
/// </summary>
internal sealed class Oracle(Agenda agenda, Trace trace)
{
    private readonly SortedDictionary<SessionId, Known> _sessions = [];
    private readonly System.Collections.Generic.HashSet<(UInt128 Key, ulong Counter)> _opened = [];
    private readonly System.Collections.Generic.HashSet<ulong> _delivered = [];
    private readonly Dictionary<(SessionId Session, ulong Nonce), ulong> _nonces = [];
    private readonly System.Collections.Generic.HashSet<IncarnationId> _fenced = [];
    private readonly Dictionary<string, IncarnationId> _entered = [];

    /// <summary>The policy under which the gateway decides.</summary>
    public required SessionPolicy Policy { get; init; }

    /// <summary>True for the addresses that a client's network really has or had.</summary>
    public required Func<PublicKey, UInt128, bool> OwnsAddress { get; init; }

    /// <summary>True while a client's running process holds that session.</summary>
    public required Func<PublicKey, SessionId, bool> Holds { get; init; }

    /// <summary>False once a client was taken out of the registry.</summary>
    public required Func<PublicKey, bool> IsRegistered { get; init; }

    /// <summary>How much slower than true time a gateway's clock may run.</summary>
    public required double ClockRate { get; init; }

    /// <summary>Sessions that somebody has asked to end.</summary>
    public System.Collections.Generic.HashSet<SessionId> AskedToEnd { get; } = [];

    /// <summary>Told of each stored event and the session after it.</summary>
    public Action<SessionEvent, Session> Stored { get; set; } = (_, _) => { };

    /// <summary>Stored events.</summary>
    public int Events { get; private set; }

    /// <summary>How often each reason was stored.</summary>
    public SortedDictionary<string, int> Reasons { get; } = [];

    public IEnumerable<SessionId> Sessions => _sessions.Keys;

    public IEnumerable<Session> Live => _sessions.Values.Select(known => known.Session).Where(session => !session.IsTerminal);

    public Session? Find(SessionId id) => _sessions.GetValueOrDefault(id)?.Session;

    /// <summary>An incarnation has entered: every earlier one of its node is fenced.</summary>
    public void Entered(string node, IncarnationId incarnation)
    {
        if (_entered.TryGetValue(node, out IncarnationId former)) _fenced.Add(former);
        _entered[node] = incarnation;
    }

    public void Fenced(IncarnationId incarnation) => _fenced.Add(incarnation);

    public bool IsFenced(IncarnationId incarnation) => _fenced.Contains(incarnation);

    /// <summary>A node delivers or sends data: only the one that the store names may, in this very incarnation, and nobody who is fenced (REQ-PARTITION-1).</summary>
    public void Serves(SessionId id, Owner by, string what)
    {
        Known known = Get(id, "served");
        Require(known.Session.Owner.Exists(owner => owner == by), () => $"{by} {what} data of session {id}, which {known.Session.Owner} owns");
        Require(!_fenced.Contains(by.Incarnation), () => $"{by} {what} data of session {id} and is fenced");
    }

    /// <summary>An append of one of several nodes has become durable.</summary>
    public void Committed(ImmutableArray<StreamAppend> streams, IncarnationId writer)
    {
        Require(!_fenced.Contains(writer), () => $"an append of {writer}, which is fenced, was stored");
        foreach (StreamAppend stream in streams)
        {
            Require(stream.Cause.By.Incarnation == writer, () => $"{writer} stores what {stream.Cause.By} has decided");
            bool isGone = stream.Before.Owner.Match(owner => owner.Incarnation == writer || _fenced.Contains(owner.Incarnation), () => true);
            Require(isGone, () => $"{stream.Cause.By} writes to session {stream.After.Id}, whose owner {stream.Before.Owner} nobody has fenced");
        }
        Committed(streams);
    }

    /// <summary>An append has become durable.</summary>
    public void Committed(ImmutableArray<StreamAppend> streams)
    {
        foreach (StreamAppend stream in streams) Committed(stream);
        PublicKey client = streams[0].After.Client;
        Require(_sessions.Values.Count(known => known.Session.Client == client && !known.Session.IsTerminal) <= 1, () => $"client {client} has two live sessions");
    }

    /// <summary>The data plane is told to bind: only what the store holds, and each set of keys once.</summary>
    public void Binding(SessionId id, TransportAddress transport)
    {
        Known known = Get(id, "bound");
        Require(known.Session.Transport.Exists(bound => bound.Remote == transport.Remote && bound.Local == transport.Local),
            () => $"session {id} is bound to {transport.Remote} in the data plane, and to {known.Session.Transport} in the store");
        Require(known.Session.KeyEpoch > known.BoundKeys, () => $"session {id} is bound again under key epoch {known.BoundKeys}");
        known.BoundKeys = known.Session.KeyEpoch;
    }

    /// <summary>The data plane makes room for a session. A node that believes what it has read may be late; what it holds then is never delivered.</summary>
    public void Opening(SessionId id) =>
        Require(!Get(id, "opened in the data plane").Session.IsTerminal || _entered.Count > 0, () => $"session {id} is opened in the data plane after its end");

    /// <summary>A line of the log: only what is stored.</summary>
    public void Told(GatewayEffect.Transitioned told)
    {
        Known known = Get(told.After.Id, "told of");
        Require(known.Session.Version >= told.Event.Version, () => $"{told.Event} is told before it is stored");
        Require(known.Untold.Remove(told.Event.Version), () => $"{told.Event} is told twice");
        // A node that was cut off may hear late of its commit, when another has gone on already.
        Require(known.Told < told.Event.Version || _entered.Count > 0, () => $"{told.Event} is told late");
        known.Told = told.Event.Version;
    }

    /// <summary>After every step of the gateway: its memory is the store's.</summary>
    public void Compare(GatewaySession session)
    {
        Session stored = Get(session.Session.Id, "held in memory").Session;
        Require(ReferenceEquals(stored, session.Session) || stored == session.Session,
            () => $"the gateway holds {session.Session} and the store {stored}");
    }

    /// <summary>What a node remembers of a session that it does not serve: perhaps old, never invented.</summary>
    public void CompareOld(GatewaySession session)
    {
        Session stored = Get(session.Session.Id, "held in memory").Session;
        Require(session.Session.Version < stored.Version || session.Session == stored, () => $"a node remembers {session.Session} and the store has {stored}");
    }

    /// <summary>After every step of a client: it has been told nothing that is not stored.</summary>
    public void Compare(ClientSession session)
    {
        Session stored = Get(session.Id, "held by a client").Session;
        Require(session.Version <= stored.Version && session.BindingVersion <= stored.BindingVersion && session.KeyEpoch <= stored.KeyEpoch,
            () => $"the client knows version {session.Version} (bound {session.BindingVersion}) of session {session.Id}, the store {stored.Version} ({stored.BindingVersion})");
    }

    /// <summary>A client says why its session is over.</summary>
    public void ClientEnded(SessionId id, ReasonCode reason)
    {
        Session stored = Get(id, "ended by a client").Session;
        bool isRight = reason switch
        {
            ReasonCode.TtlExpired => stored.IsTerminal || stored.ExpiresAt - stored.UpdatedAt < TimeSpan.FromMinutes(1),
            ReasonCode.Explicit or ReasonCode.DualClient => stored.IsTerminal || AskedToEnd.Contains(id),
            _ => stored.IsTerminal,
        };
        Require(isRight, () => $"a client gave up session {id} for {reason}, but it lives in the store as {stored.State}");
    }

    /// <summary>A PREPARE or END goes out: one nonce, one request (REQ-REPLAY-1).</summary>
    public void NonceUsed(SessionId id, ulong nonce, ReadOnlySpan<byte> request)
    {
        ulong digest = SealWatch.Digest(request);
        if (!_nonces.TryAdd((id, nonce), digest))
            Require(_nonces[(id, nonce)] == digest, () => $"nonce {nonce} of session {id} was used for two requests");
    }

    /// <summary>An inner packet reaches the gateway's TUN device.</summary>
    /// <param name="awaitsStore">The gateway has not heard yet what became of an append: a session that a new one has just replaced may still deliver.</param>
    public void DeliveredAtGateway(SessionId id, ulong number, Arrival arrival, bool awaitsStore)
    {
        Known known = Get(id, "delivered for");
        Once(number, arrival);
        bool isLate = awaitsStore && known.Session.LastReason == ReasonCode.Superseded;
        Require(known.Session.State.IsBound() || isLate, () => $"a packet of session {id} is delivered in {known.Session.State}");
        Instant oldest = agenda.Now - (GatewayLimits.OldEpochLifetime * ClockRate);
        Require(known.Bindings.Exists(bound => bound.Remote == arrival.Source.Remote && bound.Until >= oldest),
            () => $"a packet of session {id} from {arrival.Source.Remote} is delivered, which is not bound");
    }

    /// <summary>An inner packet reaches a client's TUN device.</summary>
    public void DeliveredAtClient(ulong number, Arrival arrival) => Once(number, arrival);

    public void Require(bool holds, Func<string> problem)
    {
        if (!holds) throw new SimulationException(problem());
    }

    private void Committed(StreamAppend stream)
    {
        SessionId id = stream.After.Id;
        Session before = _sessions.TryGetValue(id, out Known? known) ? known.Session : Session.Birth(id);
        Require(before == stream.Before, () => $"session {id} was decided on another state than the stored one");
        // The stored command, read back, decides the same again (REQ-SAFETY: deterministic replay).
        SessionCommand cause = Right(SessionJson.ReadCommand(SessionJson.Of(stream.Cause)), "command");
        Seq<SessionEvent> again = SessionDecider.Decide(before, cause, Policy).Match(
            events => events, refused => throw new SimulationException($"replay refuses what was stored: {refused} for {cause}"));
        Require(again.SequenceEqual(stream.Events), () => $"replay decides otherwise: {string.Join(", ", again)} instead of {string.Join(", ", stream.Events)}");
        foreach (SessionEvent happened in stream.Events)
        {
            SessionEvent read = Right(SessionJson.ReadEvent(SessionEventNames.Of(happened), SessionJson.Of(happened)), "event");
            Require(read == happened, () => $"{happened} is read back as {read}");
            Session next = Right(SessionDecider.Evolve(before, happened), "event");
            IReadOnlyList<string> broken = SessionInvariants.Check(before, happened, next);
            Require(broken.Count == 0, () => $"{happened} breaks: {string.Join("; ", broken)}");
            Judge(before, happened, next);
            trace.Line("stored", () => $"{id.ToString()[..8]} v{happened.Version} {before.State} -> {next.State} {happened.Reason.Name()} {next.Transport.Match(t => t.Remote.ToString(), () => "-")}");
            trace.Mark(happened.Version + ((ulong)happened.Reason << 32));
            string reason = happened.Reason.Name();
            Reasons[reason] = Reasons.GetValueOrDefault(reason) + 1;
            Events++;
            Stored(happened, next);
            before = next;
        }
        Require(before == stream.After, () => $"session {id} is not what its events make of it");
        if (known is null) _sessions[id] = known = new Known { Session = stream.After };
        known.Take(stream.After, agenda.Now);
        foreach (SessionEvent happened in stream.Events) known.Untold.Add(happened.Version);
    }

    private void Judge(Session before, SessionEvent happened, Session next)
    {
        next.Transport.IfSome(bound => Require(before.Transport == next.Transport || OwnsAddress(next.Client, bound.Remote.Address),
            () => $"session {next.Id} is bound to {bound.Remote}, which is not its client's"));
        if (happened is not SessionEvent.Terminated ended) return;
        bool isExplained = ended.Cause switch
        {
            ReasonCode.Explicit or ReasonCode.DualClient => AskedToEnd.Contains(next.Id),
            ReasonCode.Superseded => !Holds(next.Client, next.Id),
            ReasonCode.RecoveryWindowExceeded => before.State == SessionState.Recovering && ended.At >= before.RecoveryDeadline,
            ReasonCode.TtlExpired => ended.At >= before.ExpiresAt,
            ReasonCode.ClientRemoved => !IsRegistered(next.Client),
            _ => false,
        };
        Require(isExplained, () => $"session {next.Id} ended with {ended.Cause.Name()}, for no reason that the scenario gives");
    }

    private void Once(ulong number, Arrival arrival)
    {
        Require(_opened.Add((arrival.Key, arrival.Counter)), () => $"counter {arrival.Counter} of one key was accepted twice");
        Require(_delivered.Add(number), () => $"inner packet {number} was delivered twice");
    }

    private Known Get(SessionId id, string what) =>
        _sessions.GetValueOrDefault(id) ?? throw new SimulationException($"session {id} is {what} before it is stored");

    private static T Right<T>(Either<HistoryError, T> either, string what) =>
        either.Match(right => right, error => throw new SimulationException($"a stored {what} cannot be used again: {error}"));

    /// <summary>A session as the store has it, and what the nodes have made of it.</summary>
    private sealed class Known
    {
        public required Session Session { get; set; }

        public List<(Endpoint Remote, Instant Until)> Bindings { get; } = [];

        public uint BoundKeys { get; set; }

        public ulong Told { get; set; }

        /// <summary>Stored events that no line of the log has told.</summary>
        public System.Collections.Generic.HashSet<ulong> Untold { get; } = [];

        public void Take(Session after, Instant now)
        {
            Session = after;
            for (int i = 0; i < Bindings.Count; i++)
                if (Bindings[i].Until == Instant.Never) Bindings[i] = (Bindings[i].Remote, now);
            after.Transport.IfSome(bound => Bindings.Add((bound.Remote, Instant.Never)));
            Bindings.RemoveAll(bound => bound.Until < now - TimeSpan.FromMinutes(1));
        }
    }
}
