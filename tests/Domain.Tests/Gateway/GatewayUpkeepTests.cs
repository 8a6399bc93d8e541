using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>Reports, challenges, silence, ends and draining.</summary>
public sealed class GatewayUpkeepTests : IDisposable
{
    private readonly GatewayStory story = new GatewayStory().Connected();

    public void Dispose() => story.Dispose();

    [Fact]
    public void A_report_from_the_bound_source_is_life_and_a_repeated_one_is_none()
    {
        story.Now += TimeSpan.FromSeconds(20);
        byte[] report = story.Client.Report();
        Assert.Single(story.Receive(GatewayStory.Home, report));
        Instant heard = story.Session.HeardAt;
        Assert.Equal(story.Now, heard);
        story.Now += TimeSpan.FromSeconds(20);
        Assert.Single(story.Receive(GatewayStory.Home, report));
        Assert.Equal(heard, story.Session.HeardAt);
        story.Receive(GatewayStory.Cafe, story.Client.Report());
        Assert.Equal(heard, story.Session.HeardAt);
    }

    /// <summary>REQ-REPLAY-3.</summary>
    [Fact]
    public void Repeated_reports_of_a_bad_moment_do_not_make_the_session_volatile()
    {
        ulong sent = 0, arrived = 0;
        story.Counters = index => new(index, 0, sent, arrived, Instant.Zero, Instant.Zero, 0, 0, 0, 0);
        byte[] bad = [];
        for (int i = 0; i < 4; i++)
        {
            story.Now += TimeSpan.FromMilliseconds(300);
            sent += 100;
            arrived += 100;
            bad = story.Client.Report(sent, sent / 2);
            story.Receive(GatewayStory.Home, bad);
        }
        for (int i = 0; i < 40; i++)
        {
            story.Now += TimeSpan.FromMilliseconds(300);
            story.Receive(GatewayStory.Home, bad);
        }
        Assert.Equal(SessionState.Attached, story.Session.Session.State);
        Assert.Equal(1UL, story.Session.Session.Version);
    }

    [Fact]
    public void Silence_loses_the_transport_and_the_recovery_window_ends_the_session()
    {
        story.Wait(TimeSpan.FromSeconds(50));
        Assert.Equal(SessionState.Recovering, story.Session.Session.State);
        Assert.Equal(ReasonCode.TransportDead, story.Transitions.Last());
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.Unbind);
        story.Wait(SessionPolicy.Default.RecoveryWindow);
        Assert.Empty(story.State.Sessions);
        Assert.Equal(ReasonCode.RecoveryWindowExceeded, story.Transitions.Last());
        Assert.Equal(0, story.LiveSecrets);
        Assert.Empty(story.State.Deadlines);
    }

    [Fact]
    public void Received_data_is_life_without_any_report()
    {
        story.Counters = index => new(index, 0, 9, 9, story.Now - TimeSpan.FromMilliseconds(1), Instant.Zero, 0, 0, 0, 0);
        story.Wait(TimeSpan.FromMinutes(10));
        Assert.Equal(SessionState.Attached, story.Session.Session.State);
    }

    [Fact]
    public void Challenges_are_authentic_small_and_limited()
    {
        int sent = 0;
        for (int i = 0; i < 100; i++)
        {
            story.Now += TimeSpan.FromMilliseconds(10);
            foreach ((TransportAddress to, byte[] bytes) in story.Input(new GatewayInput.UnboundSourceSeen(story.Client.Session, story.Session.Epoch!.Index, 40, GatewayStory.Cafe)))
            {
                Assert.Equal(GatewayStory.Cafe, to);
                Assert.Equal(Challenge.Size, bytes.Length);
                Assert.True(story.Client.Crypto.VerifyMac(story.Client.Secrets.Probe, bytes.AsSpan(0, Challenge.MacOffset), bytes.AsSpan(Challenge.MacOffset)));
                sent++;
            }
        }
        Assert.InRange(sent, 10, 15);
        Assert.Equal(GatewayStory.Home, story.Session.Epoch!.Transport);
    }

    [Fact]
    public void An_end_stops_traffic_at_once_and_is_acknowledged_once_stored()
    {
        story.Store = null;
        Assert.Empty(story.Receive(GatewayStory.Cafe, story.Client.End(EndKind.Explicit, out Hash256 hash)));
        Assert.Null(story.Session.Epoch);
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.Unbind);
        List<(TransportAddress To, byte[] Bytes)> sent = [.. story.Answer(AppendOutcome.Committed)];
        Assert.Equal((ushort)ReasonCode.Explicit, story.Client.ReadEnded(sent.Single(each => each.To == GatewayStory.Cafe).Bytes, hash).Reason);
        story.Client.ReadEnded(sent.Single(each => each.To == GatewayStory.Home).Bytes, default);
        Assert.Empty(story.State.Sessions);
        Assert.Equal(0, story.LiveSecrets);
    }

    [Fact]
    public void An_end_waits_for_a_store_that_is_away()
    {
        story.Store = AppendOutcome.Unavailable;
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.End(EndKind.Explicit, out _)));
        Assert.Empty(story.Wait(TimeSpan.FromSeconds(10)));
        Assert.Null(story.Session.Epoch);
        story.Store = AppendOutcome.Committed;
        Assert.NotEmpty(story.Wait(TimeSpan.FromSeconds(2)));
        Assert.Empty(story.State.Sessions);
    }

    [Fact]
    public void After_the_end_a_prepare_learns_that_the_session_is_gone()
    {
        story.Receive(GatewayStory.Home, story.Client.End(EndKind.DualClient, out _, new InstanceId(9)));
        Assert.Equal(ReasonCode.DualClient, story.Transitions.Last());
        Preparation preparation = story.Client.Prepare();
        Refused refused = story.Client.Read(preparation, Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        Assert.Equal((ushort)ReasonCode.Gone, refused.Reason);
        Assert.Equal(0, story.LiveSecrets);
    }

    [Fact]
    public void An_operator_gets_an_answer_when_the_end_is_stored()
    {
        story.Store = null;
        story.Input(new GatewayInput.TerminateRequested(story.Client.Session, 5));
        Assert.DoesNotContain(story.Effects, effect => effect is GatewayEffect.Answer);
        story.Answer(AppendOutcome.Committed);
        Assert.Equal(new GatewayEffect.Answer(5, ReasonCode.None), story.Effects.OfType<GatewayEffect.Answer>().Single());
        story.Input(new GatewayInput.TerminateRequested(story.Client.Session, 6));
        Assert.Equal(new GatewayEffect.Answer(6, ReasonCode.UnknownSession), story.Effects.OfType<GatewayEffect.Answer>().Last());
    }

    [Fact]
    public void A_draining_node_hands_its_sessions_over_and_says_so_when_all_are_stored()
    {
        story.Store = null;
        story.Input(new GatewayInput.Drain());
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.SendFrame { Frame: ControlFrame.Released });
        Assert.DoesNotContain(story.Effects, effect => effect is GatewayEffect.Drained);
        story.Answer(AppendOutcome.Committed);
        Assert.Single(story.Effects.OfType<GatewayEffect.Drained>());
        Assert.Equal((SessionState.Recovering, true), (story.Session.Session.State, story.Session.Session.Owner.IsNone));
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.Prepare().Datagram));
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.Initiate().Datagram));
    }

    [Fact]
    public void After_a_restart_clients_have_a_moment_before_their_transports_count_as_lost()
    {
        story.Restart();
        story.Wait(GatewayLimits.ResumeGrace - TimeSpan.FromMilliseconds(1));
        Assert.Equal(SessionState.Attached, story.Session.Session.State);
        story.Wait(TimeSpan.FromMilliseconds(2));
        Assert.Equal(SessionState.Recovering, story.Session.Session.State);
    }

    [Fact]
    public void A_client_that_left_the_registry_loses_its_session_at_the_restart()
    {
        story.Restart(new ClientRegistry(ImmutableSortedDictionary<PublicKey, RegisteredClient>.Empty));
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.Prepare().Datagram));
        Assert.Equal(ReasonCode.BadTicket, story.LastRejection);
        story.Wait(GatewayLimits.ResumeGrace);
        Assert.Empty(story.State.Sessions);
        Assert.Equal(ReasonCode.ClientRemoved, story.Transitions.Last());
    }

    [Fact]
    public void A_client_that_left_the_registry_is_told_under_proof_that_its_session_is_gone()
    {
        story.Restart(new ClientRegistry(ImmutableSortedDictionary<PublicKey, RegisteredClient>.Empty));
        story.Wait(GatewayLimits.ResumeGrace);
        int secrets = story.LiveSecrets;
        Preparation preparation = story.Client.Prepare();
        Refused refused = story.Client.Read(preparation, Assert.Single(story.Receive(GatewayStory.Home, preparation.Datagram)).Bytes);
        Assert.Equal((ushort)ReasonCode.Gone, refused.Reason);
        byte[] end = story.Client.End(EndKind.Explicit, out Hash256 hash);
        Assert.Equal((ushort)ReasonCode.Gone, story.Client.ReadEnded(Assert.Single(story.Receive(GatewayStory.Home, end)).Bytes, hash).Reason);
        // Then it makes a handshake, and there the registry has the last word.
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.Initiate().Datagram));
        Assert.Equal(ReasonCode.UnknownClient, story.LastRejection);
        Assert.Equal(secrets, story.LiveSecrets);
    }

    [Fact]
    public void Whoever_cannot_prove_anything_is_not_told_that_a_session_is_gone()
    {
        story.Restart(new ClientRegistry(ImmutableSortedDictionary<PublicKey, RegisteredClient>.Empty));
        story.Wait(GatewayLimits.ResumeGrace);
        byte[] forged = [.. story.Client.Prepare().Datagram];
        forged[Prepare.ProofOffset] ^= 1;
        Assert.Empty(story.Receive(GatewayStory.Home, forged));
        Assert.Equal(ReasonCode.BadProof, story.LastRejection);
        byte[] ticketless = story.Client.Prepare(ticket: new byte[Ticket.Size]).Datagram;
        Assert.Empty(story.Receive(GatewayStory.Home, ticketless));
        Assert.Equal(ReasonCode.BadTicket, story.LastRejection);
    }
}
