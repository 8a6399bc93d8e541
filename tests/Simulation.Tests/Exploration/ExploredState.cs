using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Simulation.Tests.Exploration;

/// <summary>A renewal under way.</summary>
/// <param name="Carried">What the store has made of it; null before the store has it.</param>
internal sealed record ExploredRenewal(Instant Started, Renewal? Carried);

/// <summary>An append under way: decided on the node's memory, not yet answered.</summary>
/// <param name="Carried">What the store has made of it; null before the store has it.</param>
internal sealed record ExploredAppend(Domain.Gateway.StreamAppend Stream, AppendRequest Request, Owner Writer, AppendResult? Carried)
{
    /// <summary>It binds a transport here; otherwise it withdraws, and traffic has stopped already.</summary>
    public bool Binds => Stream.After.State.IsBound();
}

/// <summary>A node as far as ownership is concerned: its process, its lease, what it remembers of the session, and what its data plane does.</summary>
/// <param name="Self">Null while the process is down.</param>
/// <param name="Memory">The session as it was read or committed last; null if the node knows nothing.</param>
/// <param name="IsBound">The data plane has a binding and delivers as long as the lease holds.</param>
internal sealed record ExploredNode(
    string Name, TimeSpan ClockOffset, Owner? Self, LeaseState Lease, Session? Memory, bool IsBound, ExploredRenewal? Renewal, ExploredAppend? Append)
{
    public Instant Clock(Instant now) => now + ClockOffset;

    public bool Serves(Instant now) => Self is not null && Lease.Serves(Clock(now));

    /// <summary>Everything is dropped: the lease is another's affair.</summary>
    public ExploredNode Dropped() => this with { Memory = null, IsBound = false, Append = null };
}

/// <summary>A whole world at one instant. <see cref="Store"/> is never changed once it stands in a state.</summary>
/// <param name="Stray">An append that a dead process has left on its way.</param>
/// <param name="Acknowledged">Every event whose commit a node was told of: none may be lost.</param>
internal sealed record ExploredState(
    Instant Now, InMemoryStoreState Store, ImmutableArray<ExploredNode> Nodes, ExploredAppend? Stray, ImmutableArray<Domain.Audit.EventDraft> Acknowledged, int Crashes, ulong Nonce)
{
    public ExploredState With(int node, ExploredNode changed) => this with { Nodes = Nodes.SetItem(node, changed) };
}

/// <summary>How a state was reached, for people.</summary>
internal sealed record ExploredPath(ExploredPath? Before, string Action)
{
    public override string ToString()
    {
        var actions = new Stack<string>();
        for (ExploredPath? path = this; path is not null; path = path.Before) actions.Push(path.Action);
        return string.Join('\n', actions);
    }
}
