using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>Two nodes, one store, and things that happen while others are under way. Each was found by a simulated seed.</summary>
public sealed class ClusterRaceTests : IDisposable
{
    private readonly ClusterStory story = new ClusterStory().Connected();

    public void Dispose() => story.Dispose();

    [Fact]
    public void What_has_been_handed_over_leaves_no_deadline_behind()
    {
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        story.B.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared));
        Assert.Empty(story.A.State.Sessions);
        Assert.Empty(story.A.State.Deadlines);
    }

    [Fact]
    public void A_borrowed_session_of_a_client_that_was_removed_is_granted_nothing()
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        byte[] confirm = story.Client.Confirm(preparation, prepared);
        story.B.Receive(GatewayStory.Cafe, confirm);
        RemoveClient(story.B);
        Assert.Empty(story.B.Sees(story.A));
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, confirm));
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, story.Client.Prepare().Datagram));
        Assert.Equal((1UL, story.A.Self), (story.Stored.Version, story.Stored.Owner));
        Assert.Empty(story.B.State.Sessions);
    }

    [Fact]
    public void A_client_that_is_removed_while_its_claim_is_being_stored_loses_its_session_with_the_commit()
    {
        Claiming(story.B);
        RemoveClient(story.B);
        story.B.Stores = true;
        story.B.Store();
        Assert.Equal((SessionState.Terminated, ReasonCode.ClientRemoved), (story.Stored.State, story.Stored.LastReason));
        Assert.False(story.B.Delivers);
    }

    [Fact]
    public void A_client_that_is_removed_while_its_first_session_is_being_stored_loses_it_with_the_commit()
    {
        story.B.Sees(story.A);
        Establishing(story.B);
        RemoveClient(story.B);
        story.B.Stores = true;
        story.B.Store();
        Assert.All(story.Store.List(), stream => Assert.True(stream.Summary.Ended));
        Assert.False(story.B.Delivers);
    }

    [Fact]
    public void A_node_that_drains_lets_go_of_what_it_was_still_binding_and_takes_nothing_more()
    {
        Claiming(story.B);
        story.B.Input(new GatewayInput.Drain());
        Assert.Empty(story.B.Effects.OfType<GatewayEffect.Drained>());
        story.B.Stores = true;
        story.B.Store();
        Assert.True(story.Stored.Owner.IsNone);
        Assert.Equal(ReasonCode.OwnershipReleased, story.Stored.LastReason);
        Assert.False(story.B.Delivers);
        Assert.Single(story.B.Effects.OfType<GatewayEffect.Drained>());
    }

    [Fact]
    public void A_node_that_drains_grants_no_confirm_that_it_held()
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        byte[] confirm = story.Client.Confirm(preparation, prepared);
        story.B.Receive(GatewayStory.Cafe, confirm);
        story.B.Input(new GatewayInput.Drain());
        story.B.Sees(story.A);
        story.B.Receive(GatewayStory.Cafe, confirm);
        Assert.Equal((1UL, story.A.Self), (story.Stored.Version, story.Stored.Owner));
    }

    [Fact]
    public void An_owner_whose_append_has_not_been_answered_names_no_older_version_than_another_node_has_named()
    {
        (Preparation moved, byte[] answer) = Prepare(story.A);
        story.A.Stores = false;
        story.A.Receive(GatewayStory.Cafe, story.Client.Confirm(moved, answer));
        GatewayEffect.Append append = story.A.Effects.OfType<GatewayEffect.Append>().Last();
        Assert.IsType<AppendResult.Committed>(story.Store.Apply(SessionRecords.Request(append.Streams, default), story.A.Self.Incarnation));
        Preparation atB = story.Client.Prepare();
        Refused newer = story.Client.Read(atB, Assert.Single(story.B.Receive(GatewayStory.Cafe, atB.Datagram)).Bytes);
        Assert.Equal(((ushort)ReasonCode.VersionMismatch, 2UL), (newer.Reason, newer.BindingVersion));
        Preparation atA = story.Client.Prepare(bindingVersion: newer.BindingVersion);
        Refused refused = story.Client.Read(atA, Assert.Single(story.A.Receive(GatewayStory.Cafe, atA.Datagram)).Bytes);
        Assert.Equal(((ushort)ReasonCode.StoreUnavailable, 0UL), (refused.Reason, refused.BindingVersion));
    }

    [Fact]
    public void An_append_of_a_session_that_a_handshake_has_superseded_meanwhile_changes_nothing()
    {
        story.B.Sees(story.A);
        SessionId former = story.Client.Session;
        Establishing(story.B);
        story.B.Input(new GatewayInput.SessionsOrphaned([former]));
        Assert.Equal(2, story.B.State.Appends.Count);
        story.B.Stores = true;
        story.B.Store();
        Assert.Empty(story.B.State.Appends);
        Assert.DoesNotContain(former, story.B.State.Sessions.Keys);
        Assert.Equal(ReasonCode.HandshakeOk, story.B.Transitions.Last());
    }

    [Fact]
    public void A_claim_that_must_wait_again_takes_the_place_of_the_lowest_pending_reattach()
    {
        Claiming(story.B);
        for (int i = 0; i < ProtocolConstants.MaxPendingReattaches; i++) Prepare(story.B);
        story.Store.Renew(story.A.Self.Incarnation, story.Now);
        story.B.Stores = true;
        story.B.Store();
        GatewaySession session = Assert.Single(story.B.State.Sessions.Values);
        Assert.NotNull(session.Held);
        Assert.Equal(ProtocolConstants.MaxPendingReattaches, session.Prepared.Length);
        Assert.Equal(ProtocolConstants.MaxPendingReattaches, story.B.State.ByIndex.Count);
    }

    [Fact]
    public void An_END_that_waits_for_an_owner_who_has_ended_the_session_itself_is_answered_and_leaves_nothing_behind()
    {
        story.LosesNotices = true;
        byte[] end = story.Client.End(EndKind.Explicit, out Hash256 hash);
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, end));
        story.A.Receive(GatewayStory.Home, end);
        Assert.True(story.Stored.IsTerminal);
        story.LosesNotices = false;
        story.Now += GatewayLimits.StoreRetry;
        Ended ended = story.Client.ReadEnded(Assert.Single(story.B.Input(new GatewayInput.TimerFired())).Bytes, hash);
        Assert.Equal((ushort)ReasonCode.Gone, ended.Reason);
        Assert.Empty(story.B.State.Sessions);
        story.B.Input(new GatewayInput.Drain());
        Assert.Single(story.B.Effects.OfType<GatewayEffect.Drained>());
    }

    [Fact]
    public void An_owner_that_has_bound_the_session_anew_is_not_asked_for_it_by_who_had_read_it_before()
    {
        story.LosesNotices = true;
        (Preparation atA, byte[] preparedA) = Prepare(story.A);
        (Preparation atB, byte[] preparedB) = Prepare(story.B);
        byte[] confirm = story.Client.Confirm(atB, preparedB);
        story.B.Receive(GatewayStory.Cafe, confirm);
        story.LosesNotices = false;
        Assert.Equal((byte)MessageType.Bound, story.A.Receive(GatewayStory.Cafe, story.Client.Confirm(atA, preparedA)).Last().Bytes[0]);
        story.Now += GatewayLimits.AskAgain;
        Refused refused = story.Client.Read(atB, Assert.Single(story.B.Receive(GatewayStory.Cafe, confirm)).Bytes);
        Assert.Equal((ushort)ReasonCode.VersionMismatch, refused.Reason);
        Assert.Equal(story.A.Self, story.Stored.Owner);
        Assert.True(story.A.Delivers);
    }

    [Fact]
    public void A_confirm_that_waits_for_an_owner_who_had_let_go_before_it_was_asked_is_granted_when_it_is_repeated()
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        byte[] confirm = story.Client.Confirm(preparation, prepared);
        story.B.Receive(GatewayStory.Cafe, confirm);
        story.A.Input(new GatewayInput.Drain());
        Assert.True(story.Stored.Owner.IsNone);
        story.LosesNotices = false;
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, confirm));
        story.Now += GatewayLimits.AskAgain;
        Assert.Equal((byte)MessageType.Bound, Assert.Single(story.B.Receive(GatewayStory.Cafe, confirm)).Bytes[0]);
        Assert.Equal(story.B.Self, story.Stored.Owner);
    }

    /// <summary>The owner is gone, and the node's claim is on its way to the store.</summary>
    private void Claiming(ClusterStory.Node node)
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(node);
        node.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared));
        node.Stores = false;
        node.Sees(story.A);
        Assert.Single(node.State.Appends);
    }

    /// <summary>The client makes a new session at the node, and it is on its way to the store.</summary>
    private void Establishing(ClusterStory.Node node)
    {
        node.Stores = false;
        (byte[] initiation, NoiseInitiator noise) = story.Client.Initiate();
        byte[] response = Assert.Single(node.Receive(GatewayStory.Cafe, initiation)).Bytes;
        node.Receive(GatewayStory.Cafe, story.Client.Confirm(noise, response));
        Assert.Single(node.State.Appends);
    }

    private static void RemoveClient(ClusterStory.Node node)
    {
        node.Environment = node.Environment with { Registry = ClientRegistry.From([]) };
        node.Input(new GatewayInput.RegistryChanged());
    }

    private (Preparation Preparation, byte[] Prepared) Prepare(ClusterStory.Node node)
    {
        Preparation preparation = story.Client.Prepare();
        byte[] answer = Assert.Single(node.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        Assert.Equal((byte)MessageType.Prepared, answer[0]);
        return (preparation, answer);
    }
}
