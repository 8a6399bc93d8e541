using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// One step of the gateway core while it is being made: the state as far as it has come and the effects so far. Lives
/// for one call of <see cref="GatewayCore.Step"/>; nothing outside sees it.
/// </summary>
internal sealed class GatewayTurn(GatewayState state, GatewayEnvironment environment, StepContext context)
{
    private readonly ImmutableArray<GatewayEffect>.Builder _effects = ImmutableArray.CreateBuilder<GatewayEffect>();
    private int _draws;

    public GatewayState State { get; set; } = state;

    public GatewayEnvironment Environment { get; } = environment;

    public ICryptography Crypto => Environment.Crypto;

    public Instant Now { get; } = context.Now;

    /// <summary>False while the node holds no lease.</summary>
    public bool Serves { get; } = context.Serves;

    public ImmutableArray<GatewayEffect> Effects => _effects.ToImmutable();

    public void Emit(GatewayEffect effect) => _effects.Add(effect);

    public void Reject(ReasonCode reason, Endpoint source, SessionId? session = null) =>
        Emit(new GatewayEffect.Rejected(reason, source, session));

    /// <summary>A fresh secret out of the step's seed; every call gives another one. The caller owns it.</summary>
    public SecretHandle Draw() => Crypto.Expand(context.Seed, DrawInfo());

    /// <summary>Fresh public bytes out of the step's seed.</summary>
    public void Draw(Span<byte> bytes) => Crypto.ExpandPublic(context.Seed, DrawInfo(), bytes);

    /// <summary>A receiver index that none of ours uses; never 0.</summary>
    public uint DrawIndex()
    {
        Span<byte> bytes = stackalloc byte[4];
        uint index;
        do
        {
            Draw(bytes);
            index = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        }
        while (index == 0 || State.ByIndex.ContainsKey(index));
        return index;
    }

    /// <summary>Puts a session back, with its deadline entered.</summary>
    public void Put(GatewaySession session)
    {
        SessionId id = session.Session.Id;
        Instant deadline = GatewayDeadlines.Next(this, session);
        ImmutableSortedSet<(Instant, SessionId)> deadlines = State.Deadlines;
        if (State.Sessions.TryGetValue(id, out GatewaySession? before) && before.Deadline != deadline) deadlines = deadlines.Remove((before.Deadline, id));
        if (deadline != Instant.Never) deadlines = deadlines.Add((deadline, id));
        State = State with { Sessions = State.Sessions.SetItem(id, session with { Deadline = deadline }), Deadlines = deadlines };
    }

    /// <summary>Forgets a session that has ended, with all its secrets and indices.</summary>
    public void Remove(GatewaySession session)
    {
        SessionId id = session.Session.Id;
        DropPrepared(ref session, keep: null);
        DropEpoch(ref session);
        session.Secrets?.Release(Crypto);
        // The entry's own deadline: the caller's copy may be older.
        Instant deadline = State.Sessions.TryGetValue(id, out GatewaySession? entered) ? entered.Deadline : session.Deadline;
        State = State with
        {
            Sessions = State.Sessions.Remove(id),
            Deadlines = State.Deadlines.Remove((deadline, id)),
            ByClient = State.ByClient.TryGetValue(session.Session.Client, out SessionId current) && current == id
                ? State.ByClient.Remove(session.Session.Client)
                : State.ByClient,
        };
        if (session.IsOpen) Emit(new GatewayEffect.CloseSession(id));
    }

    /// <summary>Voids the prepared reattaches, but for one.</summary>
    public void DropPrepared(ref GatewaySession session, uint? keep)
    {
        foreach (PreparedReattach prepared in session.Prepared)
        {
            if (prepared.Index == keep) continue;
            prepared.Keys.Release(Crypto);
            State = State with { ByIndex = State.ByIndex.Remove(prepared.Index) };
        }
        session = session with { Prepared = session.Prepared.RemoveAll(prepared => prepared.Index != keep) };
    }

    /// <summary>Forgets what is bound, so that its CONFIRM is no longer answered.</summary>
    public void DropEpoch(ref GatewaySession session)
    {
        if (session.Epoch is not { } epoch) return;
        Crypto.Release(epoch.Control);
        State = State with { ByIndex = State.ByIndex.Remove(epoch.Index) };
        session = session with { Epoch = null };
    }

    public void AddIndex(uint index, ReceiverIndex target) => State = State with { ByIndex = State.ByIndex.Add(index, target) };

    /// <summary>Hands an append to the store and remembers what its commit brings about.</summary>
    public long Append(PendingAppend pending, params ReadOnlySpan<StreamAppend> streams)
    {
        long number = State.LastAppend + 1;
        State = State with { LastAppend = number, Appends = State.Appends.Add(number, pending) };
        Emit(new GatewayEffect.Append(number, [.. streams], Evidence(streams)));
        return number;
    }

    /// <summary>
    /// What a command would do to a session: the append, or why it is refused. None of events is None: there is nothing to do.
    /// </summary>
    public Either<Rejection, Option<StreamAppend>> Decide(Session session, SessionCommand command) =>
        SessionDecider.Decide(session, command, Environment.Policy).Bind(events => Evolve(session, command, events, Environment.PolicyHash));

    /// <summary>
    /// The owner whose death this node can prove, if the session has another owner than this node: in a cluster one whose number
    /// has stood still; otherwise every other incarnation, because the store's exclusive lock admits one process at a time.
    /// </summary>
    public Option<Owner> Fenced(Session session) => session.Owner.Filter(
        owner => owner != Environment.Self && (!Environment.IsCluster || State.Gone.ContainsKey(owner.Incarnation)));

    /// <summary>What the store must find true of another owner. At most one of two streams can have one.</summary>
    private FenceEvidence? Evidence(ReadOnlySpan<StreamAppend> streams)
    {
        if (!Environment.IsCluster) return null;
        foreach (StreamAppend stream in streams)
        {
            FenceEvidence? evidence = Fenced(stream.Before).MatchUnsafe(owner => State.Gone[owner.Incarnation], () => null!);
            if (evidence is not null) return evidence;
        }
        return null;
    }

    private static Either<Rejection, Option<StreamAppend>> Evolve(
        Session session, SessionCommand command, Seq<SessionEvent> events, Hash256 policyHash)
    {
        if (events.IsEmpty) return Option<StreamAppend>.None;
        Either<HistoryError, Session> after = session;
        foreach (SessionEvent happened in events)
            after = after.Bind(current => SessionDecider.Evolve(current, happened));
        // The decider's own events must fit its own history: if they do not, nothing may be granted (REQ-SAFETY-1).
        return after.Match<Either<Rejection, Option<StreamAppend>>>(
            evolved => LanguageExt.Prelude.Some(new StreamAppend(session, command, events, evolved, policyHash)),
            _ => new Rejection(ReasonCode.Ambiguity, session.BindingVersion, TimeSpan.Zero));
    }

    private ReadOnlySpan<byte> DrawInfo()
    {
        _draws++;
        return BitConverter.GetBytes(_draws);
    }
}
