using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>REQ-PARTITION-1: one owner. Two nodes, one store.</summary>
public sealed class ClusterTests : IDisposable
{
    private readonly ClusterStory story = new ClusterStory().Connected();

    public void Dispose() => story.Dispose();

    [Fact]
    public void A_client_that_comes_to_another_living_node_is_handed_over_with_its_first_confirm()
    {
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        Assert.Equal(story.A.Self, story.Stored.Owner);
        Assert.True(story.A.Delivers);
        Bound bound = story.Client.Read(Assert.Single(story.B.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared))).Bytes);
        Assert.Equal((3UL, 3UL, 2UL, 2U), (bound.Version, bound.BindingVersion, bound.OwnershipEpoch, bound.KeyEpoch));
        Assert.Equal(story.B.Self, story.Stored.Owner);
        Assert.Equal(ReasonCode.OwnershipReleased, story.A.Transitions.Last());
        Assert.Equal(ReasonCode.OwnershipClaimed, story.B.Transitions.Last());
        Assert.True(story.B.Delivers);
        Assert.False(story.A.Delivers);
        Assert.Empty(story.A.State.Sessions);
    }

    [Fact]
    public void A_session_of_a_node_that_is_silent_waits_until_its_number_has_stood_still()
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared)));
        Assert.Equal(story.A.Self, story.Stored.Owner);
        Bound bound = story.Client.Read(Assert.Single(story.B.Sees(story.A)).Bytes);
        Assert.Equal((2UL, 2UL), (bound.Version, bound.OwnershipEpoch));
        Assert.True(story.Store.Node(story.A.Self.Incarnation)!.IsFenced);
    }

    [Fact]
    public void A_node_that_was_fenced_appends_nothing_and_drops_everything_with_its_secrets()
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        story.B.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared));
        int before = story.LiveSecrets;
        story.Client.Read(Assert.Single(story.B.Sees(story.A)).Bytes);
        ulong version = story.Stored.Version;
        story.A.Input(new GatewayInput.TerminateRequested(story.Client.Session, 7));
        Assert.Equal(version, story.Stored.Version);
        Assert.Single(story.A.Effects.OfType<GatewayEffect.Fenced>());
        Assert.Contains(new GatewayEffect.Answer(7, ReasonCode.LeaseLost), story.A.Effects);
        Assert.False(story.A.Delivers);
        Assert.Empty(story.A.State.Sessions);
        Assert.Empty(story.A.State.ByIndex);
        Assert.True(story.LiveSecrets < before);
    }

    [Fact]
    public void Whoever_has_renewed_since_is_not_fenced_and_is_asked_instead()
    {
        story.LosesNotices = true;
        (Preparation preparation, byte[] prepared) = Prepare(story.B);
        byte[] confirm = story.Client.Confirm(preparation, prepared);
        story.B.Receive(GatewayStory.Cafe, confirm);
        story.B.Stores = false;
        story.B.Sees(story.A);
        story.Store.Renew(story.A.Self.Incarnation, story.Now);
        story.LosesNotices = false;
        story.B.Stores = true;
        Bound bound = story.Client.Read(Assert.Single(story.B.Store()).Bytes);
        Assert.False(story.Store.Node(story.A.Self.Incarnation)!.IsFenced);
        Assert.Equal(2UL, bound.OwnershipEpoch);
        Assert.Equal(ReasonCode.OwnershipReleased, story.A.Transitions.Last());
    }

    [Fact]
    public void Two_nodes_that_race_for_a_released_session_bind_it_once_and_the_loser_says_why()
    {
        story.A.Input(new GatewayInput.Drain());
        var second = new ClusterStory.Node(story, "gw-c", 3, story.B.Environment);
        (Preparation atB, byte[] fromB) = Prepare(story.B);
        (Preparation atC, byte[] fromC) = Prepare(second);
        story.B.Stores = second.Stores = false;
        byte[] confirmC = story.Client.Confirm(atC, fromC);
        second.Receive(GatewayStory.Cafe, confirmC);
        story.B.Receive(GatewayStory.Cafe, story.Client.Confirm(atB, fromB));
        story.Client.Read(Assert.Single(story.B.Store()).Bytes);
        Refused refused = story.Client.Read(atC, Assert.Single(second.Store()).Bytes);
        Assert.Equal(((ushort)ReasonCode.VersionMismatch, story.Stored.BindingVersion), (refused.Reason, refused.BindingVersion));
        Assert.True(story.B.Delivers);
        Assert.False(second.Delivers);
        Assert.Equal(story.B.Self, story.Stored.Owner);
    }

    [Fact]
    public void A_node_without_a_lease_refuses_a_proven_reattach_and_is_silent_to_everything_else()
    {
        story.B.Serves = false;
        Preparation preparation = story.Client.Prepare();
        Refused refused = story.Client.Read(preparation, Assert.Single(story.B.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        Assert.Equal((ushort)ReasonCode.LeaseLost, refused.Reason);
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, story.Client.Report()));
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, story.Client.Initiate().Datagram));
        Assert.Equal(ReasonCode.LeaseLost, story.B.LastRejection);
        Assert.Empty(story.B.State.Sessions);
    }

    [Fact]
    public void Time_that_passes_without_a_lease_ends_nothing()
    {
        story.A.Serves = false;
        story.Now += TimeSpan.FromHours(48);
        story.A.Input(new GatewayInput.TimerFired());
        Assert.Single(story.A.State.Sessions);
        Assert.Single(story.A.Effects.OfType<GatewayEffect.Append>());
    }

    [Fact]
    public void A_store_that_cannot_be_read_is_no_proof_that_a_session_is_gone()
    {
        story.B.Reads = false;
        Preparation preparation = story.Client.Prepare();
        Refused refused = story.Client.Read(preparation, Assert.Single(story.B.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        Assert.Equal((ushort)ReasonCode.StoreUnavailable, refused.Reason);
    }

    [Fact]
    public void A_session_that_has_ended_is_gone_on_every_node()
    {
        story.A.Input(new GatewayInput.TerminateRequested(story.Client.Session, 1));
        Preparation preparation = story.Client.Prepare();
        Refused refused = story.Client.Read(preparation, Assert.Single(story.B.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        Assert.Equal((ushort)ReasonCode.Gone, refused.Reason);
        Assert.Empty(story.B.State.Sessions);
        Assert.Equal(0, story.LiveSecrets);
    }

    [Fact]
    public void A_handshake_at_another_node_supersedes_the_session_once_its_owner_has_let_go()
    {
        SessionId former = story.Client.Session;
        (byte[] initiation, NoiseInitiator noise) = story.Client.Initiate();
        byte[] response = Assert.Single(story.B.Receive(GatewayStory.Cafe, initiation)).Bytes;
        byte[] confirm = story.Client.Confirm(noise, response);
        Assert.Empty(story.B.Receive(GatewayStory.Cafe, confirm));
        Assert.Empty(story.A.State.Sessions);
        Bound bound = story.Client.Read(Assert.Single(story.B.Receive(GatewayStory.Cafe, confirm)).Bytes);
        Assert.Equal(1UL, bound.Version);
        Assert.NotEqual(former, story.Client.Session);
        Assert.True(story.Store.Stream(former)!.Summary.Ended);
        Assert.Equal([ReasonCode.Superseded, ReasonCode.HandshakeOk], story.B.Transitions);
    }

    [Fact]
    public void A_session_whose_owner_is_gone_loses_its_transport_and_ends_when_its_window_is_over()
    {
        story.B.Sees(story.A);
        story.B.Input(new GatewayInput.SessionsOrphaned([story.Client.Session]));
        Assert.Equal(SessionState.Recovering, story.Stored.State);
        Assert.True(story.Store.Node(story.A.Self.Incarnation)!.IsFenced);
        story.Now += SessionPolicy.Default.RecoveryWindow;
        story.B.Input(new GatewayInput.SessionsOrphaned([story.Client.Session]));
        Assert.Equal((SessionState.Terminated, ReasonCode.RecoveryWindowExceeded), (story.Stored.State, story.Stored.LastReason));
    }

    [Fact]
    public void An_orphan_whose_owner_lives_after_all_is_left_alone()
    {
        story.B.Input(new GatewayInput.SessionsOrphaned([story.Client.Session]));
        Assert.Equal((SessionState.Attached, 1UL), (story.Stored.State, story.Stored.Version));
    }

    [Fact]
    public void A_client_that_is_removed_from_the_registry_is_cut_off_at_once()
    {
        story.A.Environment = story.A.Environment with { Registry = ClientRegistry.From([]) };
        story.A.Input(new GatewayInput.RegistryChanged());
        Assert.Equal((SessionState.Terminated, ReasonCode.ClientRemoved), (story.Stored.State, story.Stored.LastReason));
        Assert.False(story.A.Delivers);
    }

    [Fact]
    public void What_is_borrowed_is_forgotten_again()
    {
        Prepare(story.B);
        Assert.Single(story.B.State.Sessions);
        story.Now += GatewayLimits.PreparedLifetime;
        story.B.Input(new GatewayInput.TimerFired());
        Assert.Empty(story.B.State.Sessions);
        Assert.Empty(story.B.State.ByIndex);
        Assert.Equal(Instant.Never, story.B.State.NextDeadline);
    }

    [Fact]
    public void An_operator_is_answered_whatever_comes_while_the_session_is_being_read()
    {
        story.B.Answers = false;
        story.B.Input(new GatewayInput.TerminateRequested(story.Client.Session, 5));
        story.B.Receive(GatewayStory.Cafe, story.Client.Prepare().Datagram);
        story.B.Input(new GatewayInput.SessionWanted(story.Client.Session));
        story.B.Answers = true;
        story.B.Input(new GatewayInput.SessionLoaded(story.Client.Session, new LoadedSession.Found(story.Stored)));
        Assert.Equal(new GatewayEffect.Answer(5, ReasonCode.None), Assert.Single(story.B.Effects.OfType<GatewayEffect.Answer>()));
        Assert.True(story.Stored.IsTerminal);
    }

    [Fact]
    public void An_END_at_another_node_ends_the_session_after_its_owner_has_let_go()
    {
        byte[] end = story.Client.End(EndKind.Explicit, out Hash256 hash);
        Ended ended = story.Client.ReadEnded(story.B.Receive(GatewayStory.Cafe, end).Last().Bytes, hash);
        Assert.Equal((ushort)ReasonCode.Explicit, ended.Reason);
        Assert.True(story.Stored.IsTerminal);
        Assert.Equal(ReasonCode.OwnershipReleased, story.A.Transitions.Last());
    }

    private (Preparation Preparation, byte[] Prepared) Prepare(ClusterStory.Node node)
    {
        Preparation preparation = story.Client.Prepare();
        byte[] answer = Assert.Single(node.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        Assert.Equal((byte)MessageType.Prepared, answer[0]);
        return (preparation, answer);
    }
}
