using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;

namespace JumpingVpn.Simulation.Tests.Exploration;

/// <summary>
/// Two nodes, one session, one client and the store: what can happen next, with the shipped decider, append rules, lease and store. Time
/// passes in steps of one margin; a lease has three of them.
/// </summary>
internal sealed class ExploredWorld(Mutation mutation, int maxCrashes)
{
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    public static readonly LeaseTimes Times = new(3 * Step, Step, Step);

    private static readonly SessionId Id = new(UInt128.One);
    private static readonly PublicKey Client = PublicKey.Read(Enumerable.Repeat((byte)1, PublicKey.Size).ToArray());
    private static readonly StorePolicy Policy = new(1_000, 40_000, 2_000, TimeSpan.FromHours(1));
    private static readonly WallTime Wall = new(0);

    // Budgets and windows that never decide anything: what is explored is ownership.
    private static readonly SessionPolicy Rules = SessionPolicy.Default with
    {
        MaxRecoveriesPerMinute = 1_000_000, SessionLifetime = TimeSpan.FromDays(300), RecoveryWindow = TimeSpan.FromDays(30),
    };

    /// <summary>Both nodes have entered and hold no lease yet; the session was established at the first.</summary>
    public static ExploredState Initial()
    {
        var store = new InMemoryStoreState(Policy);
        ImmutableArray<ExploredNode> nodes = [Enter(store, "a", TimeSpan.Zero, 1), Enter(store, "b", TimeSpan.FromHours(5), 2)];
        var start = new ExploredState(Instant.FromMilliseconds(1_000_000), store, nodes, null, [], 0, 1);
        Owner first = nodes[0].Self!;
        var establish = new SessionCommand.Establish(Instant.Zero, first, Client, "client", AddressSet.Empty, default, Candidate(0), default);
        ExploredAppend append = Decided(Session.Birth(Id), establish, first, null) ?? throw new SimulationException("no session is established");
        if (store.Apply(append.Request, first.Incarnation) is not AppendResult.Committed) throw new SimulationException("the first session is not stored");
        return start.With(0, nodes[0] with { Memory = append.Stream.After, IsBound = true }) with { Acknowledged = [append.Request.Streams[0].Events[^1]] };
    }

    /// <summary>Everything that can happen in a state. Each leads to exactly one other.</summary>
    public IEnumerable<(string Action, ExploredState After)> Next(ExploredState state)
    {
        yield return ("time passes", state with { Now = state.Now + Step });
        for (int i = 0; i < state.Nodes.Length; i++)
        {
            ExploredNode node = state.Nodes[i];
            if (node.Self is null)
            {
                yield return (node.Name + " starts again", Restart(state, i));
                continue;
            }
            if (state.Crashes < maxCrashes) yield return (node.Name + " dies", Crash(state, i));
            foreach ((string action, ExploredState after) in NextOfLease(state, i)) yield return (action, after);
            foreach ((string action, ExploredState after) in NextOfSession(state, i)) yield return (action, after);
        }
        if (state.Stray is { } stray) yield return ("the dead process's append arrives", Carry(state, stray, out _) with { Stray = null });
    }

    /// <summary>What is wrong with a state; null if all holds.</summary>
    public string? WrongWith(ExploredState state)
    {
        int delivering = 0;
        StoredStream stored = state.Store.Stream(Id)!;
        foreach (ExploredNode node in state.Nodes)
        {
            if (!node.IsBound || node.Self is null || (!node.Serves(state.Now) && !mutation.DeliversWithoutLease)) continue;
            delivering++;
            if (!stored.Summary.Owner.Exists(owner => owner == node.Self)) return $"{node.Name} may deliver, and the store names {stored.Summary.Owner}";
        }
        return delivering > 1 ? "two nodes may deliver" : null;
    }

    private IEnumerable<(string Action, ExploredState After)> NextOfLease(ExploredState state, int i)
    {
        ExploredNode node = state.Nodes[i];
        Instant clock = node.Clock(state.Now);
        switch (node.Renewal)
        {
            case null when clock >= node.Lease.RenewAt:
                yield return (node.Name + " asks for its lease", state.With(i, node with { Lease = LeaseCore.Renewing(node.Lease), Renewal = new(clock, null) }));
                break;
            case { Carried: null } asked:
                InMemoryStoreState store = state.Store.Copy();
                Renewal carried = store.Renew(node.Self!.Incarnation, Instant.Zero);
                yield return ($"{node.Name}'s renewal arrives", state.With(i, node with { Renewal = asked with { Carried = carried } }) with { Store = store });
                yield return ($"{node.Name}'s renewal is lost", Renewed(state, i, asked, new Renewal.Failed("lost")));
                break;
            case { Carried: { } answer } asked:
                yield return ($"{node.Name} hears of its renewal", Renewed(state, i, asked, answer));
                yield return ($"the answer to {node.Name}'s renewal is lost", Renewed(state, i, asked, new Renewal.Failed("lost")));
                break;
        }
    }

    private IEnumerable<(string Action, ExploredState After)> NextOfSession(ExploredState state, int i)
    {
        ExploredNode node = state.Nodes[i];
        if (node.Append is { } append)
        {
            if (append.Carried is null)
            {
                ExploredState after = Carry(state, append, out AppendResult result);
                yield return ($"{node.Name}'s append arrives", after.With(i, node with { Append = append with { Carried = result } }));
                yield break;
            }
            yield return ($"{node.Name} hears of its append", Answered(state, i, append, AppendFate.OutcomeOf(append.Carried)!.Value));
            AppendOutcome read = AppendFate.Resolve(append.Request, state.Store.Load(Id)) ?? throw new SimulationException("the store cannot be read");
            if (read != AppendFate.OutcomeOf(append.Carried)) yield return ($"{node.Name} reads what became of its append", Answered(state, i, append, read));
            yield break;
        }
        if (!node.Serves(state.Now)) yield break;
        Session stored = Read(state.Store);
        if (node.Memory != stored && !node.IsBound) yield return ($"{node.Name} reads the session", state.With(i, node with { Memory = stored }));
        if (node.Memory is not { } memory) yield break;
        if (Confirm(state, i, memory) is { } confirmed) yield return ($"the client confirms at {node.Name}", confirmed);
        if (Sweep(state, i, memory) is { } swept) yield return ($"{node.Name} ends the dead node's binding", swept);
    }

    /// <summary>A CONFIRM at a node: the owner goes on, another takes over what is free or whose owner is gone, and asks for it otherwise.</summary>
    private static ExploredState? Confirm(ExploredState state, int i, Session memory)
    {
        ExploredNode node = state.Nodes[i];
        Owner self = node.Self!;
        ulong nonce = state.Nonce + 1;
        var request = new ReattachRequest(ReattachKind.Dead, nonce, memory.BindingVersion, Candidate(i), default);
        if (memory.Owner.Exists(owner => owner == self))
            return Started(state with { Nonce = nonce }, i, memory, new SessionCommand.Reattach(node.Clock(state.Now), self, request), null);
        FenceEvidence? evidence = EvidenceFor(node, memory);
        if (memory.Owner.IsNone || evidence is not null)
            return Started(state with { Nonce = nonce }, i, memory, new SessionCommand.Claim(node.Clock(state.Now), self, memory.Owner, request), evidence);
        InMemoryStoreState store = state.Store.Copy();
        store.Want(Id, (long)memory.Version, self.Incarnation);
        return state with { Store = store };
    }

    private static ExploredState? Sweep(ExploredState state, int i, Session memory)
    {
        ExploredNode node = state.Nodes[i];
        if (memory.Transport.IsNone || EvidenceFor(node, memory) is not { } evidence) return null;
        ulong transport = memory.Transport.Match(bound => bound.Id, () => 0UL);
        return Started(state, i, memory, new SessionCommand.LoseTransport(node.Clock(state.Now), node.Self!, transport, evidence.Owner), evidence);
    }

    private static FenceEvidence? EvidenceFor(ExploredNode node, Session memory) =>
        memory.Owner.MatchUnsafe(owner => node.Lease.Gone.GetValueOrDefault(owner.Incarnation), () => null);

    private static ExploredState? Started(ExploredState state, int i, Session memory, SessionCommand command, FenceEvidence? evidence) =>
        Decided(memory, command, state.Nodes[i].Self!, evidence) is { } append
            ? state.With(i, state.Nodes[i] with { Append = append, IsBound = state.Nodes[i].IsBound && append.Binds })
            : null;

    private static ExploredAppend? Decided(Session before, SessionCommand command, Owner by, FenceEvidence? evidence) =>
        SessionDecider.Decide(before, command, Rules).MatchUnsafe(
            events =>
            {
                if (events.IsEmpty) return null;
                Session after = SessionDecider.Replay(before, events).Match(session => session, error => throw new SimulationException($"the decider's events do not follow: {error}"));
                var stream = new Domain.Gateway.StreamAppend(before, command, events, after, default);
                return new ExploredAppend(stream, SessionRecords.Request([stream], Wall) with { Fence = evidence }, by, null);
            },
            _ => null);

    private ExploredState Carry(ExploredState state, ExploredAppend append, out AppendResult result)
    {
        InMemoryStoreState store = state.Store.Copy();
        AppendRequest request = append.Request;
        if (mutation.StoreIgnoresVersions) request = new(request.Streams[0] with { ExpectedVersion = store.Stream(Id)!.Head.Version }) { Fence = request.Fence };
        if (mutation.ClaimsCompareNoNumber && request.Fence is { } fence) request = request with { Fence = fence with { Number = store.Node(fence.Owner.Incarnation)!.Number } };
        bool wasFenced = store.Node(append.Writer.Incarnation)!.IsFenced;
        result = store.Apply(request, mutation.StoreIgnoresFences ? null : append.Writer.Incarnation);
        if (result is not AppendResult.Committed) return state;
        if (wasFenced) throw new SimulationException($"an append of {append.Writer}, which is fenced, was stored");
        Session after = Read(store);
        if (after != append.Stream.After) throw new SimulationException($"the store has made {after} of {append.Stream.After}");
        foreach (SessionEvent happened in append.Stream.Events)
            if (SessionInvariants.Check(append.Stream.Before, happened, after) is { Count: > 0 } broken) throw new SimulationException(string.Join("; ", broken));
        foreach (EventDraft acknowledged in state.Acknowledged)
            if (!Drafts(store).Contains(acknowledged)) throw new SimulationException("a commit that was acknowledged is lost");
        return state with { Store = store };
    }

    private static ExploredState Answered(ExploredState state, int i, ExploredAppend append, AppendOutcome outcome)
    {
        ExploredNode node = state.Nodes[i] with { Append = null };
        switch (outcome)
        {
            case AppendOutcome.Committed:
                return state.With(i, node with { Memory = append.Stream.After, IsBound = append.Binds }) with
                {
                    Acknowledged = state.Acknowledged.Add(append.Request.Streams[0].Events[^1]),
                };
            case AppendOutcome.Fenced:
                return state.With(i, node.Dropped() with { Lease = LeaseCore.Renewed(node.Lease, new Renewal.Fenced(), node.Clock(state.Now), node.Clock(state.Now), Times) });
            case AppendOutcome.Conflict:
                return state.With(i, node.Dropped());
            default:
                return state.With(i, node);
        }
    }

    private ExploredState Renewed(ExploredState state, int i, ExploredRenewal asked, Renewal renewal)
    {
        ExploredNode node = state.Nodes[i];
        Instant clock = node.Clock(state.Now);
        LeaseState lease = LeaseCore.Renewed(node.Lease, renewal, mutation.LeaseCountsFromAnswer ? clock : asked.Started, clock, Times);
        node = node with { Lease = lease, Renewal = null };
        if (lease.IsFenced) node = node.Dropped();
        ExploredState after = state.With(i, node);
        bool isWanted = renewal is Renewal.Renewed { Wanted.IsEmpty: false } && node.IsBound && node.Append is null && node.Serves(state.Now);
        return isWanted ? Started(after, i, node.Memory!, new SessionCommand.Release(clock, node.Self!), null) ?? after : after;
    }

    private static ExploredState Crash(ExploredState state, int i)
    {
        ExploredNode node = state.Nodes[i];
        ExploredAppend? stray = node.Append is { Carried: null } ? node.Append : state.Stray;
        return state.With(i, node.Dropped() with { Self = null, Renewal = null, Lease = LeaseState.Entered(Instant.Zero) }) with { Stray = stray, Crashes = state.Crashes + 1 };
    }

    private static ExploredState Restart(ExploredState state, int i)
    {
        InMemoryStoreState store = state.Store.Copy();
        ExploredNode node = state.Nodes[i];
        return state.With(i, Enter(store, node.Name, node.ClockOffset, 10 + (ulong)state.Crashes) with { Lease = LeaseState.Entered(node.Clock(state.Now)) }) with { Store = store };
    }

    private static ExploredNode Enter(InMemoryStoreState store, string name, TimeSpan clockOffset, ulong incarnation)
    {
        var self = new Owner(name, new IncarnationId(incarnation));
        if (store.Enter(new NodeIdentity(name, name, name), self.Incarnation, null) is not EnterResult.Entered) throw new SimulationException($"{name} cannot enter");
        return new(name, clockOffset, self, LeaseState.Entered(Instant.FromMilliseconds(1_000_000) + clockOffset), null, false, null, null);
    }

    private static Session Read(InMemoryStoreState store) => store.Load(Id) is LoadResult.Found found
        ? SessionRecords.Restore(found.History).Match(session => session, problem => throw new SimulationException("the stream cannot be read: " + problem))
        : throw new SimulationException("the stream cannot be read");

    private static IEnumerable<EventDraft> Drafts(InMemoryStoreState store) => ((LoadResult.Found)store.Load(Id)).History.Envelopes.Select(envelope => envelope.Draft);

    private static TransportCandidate Candidate(int node) =>
        new(Endpoint.FromIPv4(0x0A000001, 4_000), Endpoint.FromIPv4(0xC0000201 + (uint)node, 51_830), new PathId((byte)node));
}
