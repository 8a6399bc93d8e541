using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Gateway;

public sealed class GatewayReattachTests : IDisposable
{
    private readonly GatewayStory story = new GatewayStory().Connected();

    public void Dispose() => story.Dispose();

    [Theory]
    [InlineData(ReattachKind.Dead)]
    [InlineData(ReattachKind.Voluntary)]
    public void A_reattach_moves_the_session_after_its_commit_and_not_before(ReattachKind kind)
    {
        story.Now += TimeSpan.FromSeconds(5);
        Preparation preparation = story.Client.Prepare(kind);
        (TransportAddress to, byte[] prepared) = Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram));
        Assert.Equal(GatewayStory.Cafe, to);
        Assert.True(prepared.Length <= preparation.Datagram.Length);
        Assert.Equal(1UL, story.Session.Session.Version);

        story.Store = null;
        Assert.Empty(story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared)));
        Assert.Equal(GatewayStory.Home, story.Session.Epoch!.Transport);
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.InstallEpoch { Held: true } install && install.Source == GatewayStory.Cafe);
        Assert.Single(story.Effects.OfType<GatewayEffect.Bind>());

        Bound bound = story.Client.Read(Assert.Single(story.Answer(AppendOutcome.Committed)).Bytes);
        Assert.Equal((2UL, 2UL, 2U, 17UL, preparation.Request.Nonce), (bound.Version, bound.BindingVersion, bound.KeyEpoch, bound.OldEnd, bound.Nonce));
        Assert.Equal(GatewayStory.Cafe, story.Session.Epoch!.Transport);
        Assert.Equal(ReasonCode.TransportSwitched, story.Transitions.Last());
    }

    [Fact]
    public void A_repeated_confirm_gets_the_same_bound_again_and_only_at_the_bound_source()
    {
        (byte[] confirm, byte[] bound) = Reattach(GatewayStory.Cafe);
        Assert.Equal(bound, Assert.Single(story.Receive(GatewayStory.Cafe, confirm)).Bytes);
        Assert.Empty(story.Receive(GatewayStory.Attacker, confirm));
        Assert.Equal(ReasonCode.TokenMismatch, story.LastRejection);
        Assert.Equal(2, story.Appends.Count());
    }

    /// <summary>REQ-HIJACK-4.</summary>
    [Fact]
    public void Who_copies_a_prepare_and_races_it_from_elsewhere_gains_nothing()
    {
        Preparation preparation = story.Client.Prepare();
        Assert.Equal(GatewayStory.Attacker, Assert.Single(story.Receive(GatewayStory.Attacker, preparation.Datagram)).To);
        byte[] prepared = Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        byte[] confirm = story.Client.Confirm(preparation, prepared);
        Assert.Empty(story.Receive(GatewayStory.Attacker, confirm));
        Assert.Equal(ReasonCode.TokenMismatch, story.LastRejection);
        Assert.Single(story.Appends);
        story.Client.Read(Assert.Single(story.Receive(GatewayStory.Cafe, confirm)).Bytes);
        Assert.Equal(GatewayStory.Cafe, story.Session.Epoch!.Transport);
    }

    /// <summary>REQ-HIJACK-7.</summary>
    [Fact]
    public void Of_several_tokens_under_one_key_only_the_sources_own_is_granted()
    {
        Preparation preparation = story.Client.Prepare();
        byte[] relayed = Assert.Single(story.Receive(GatewayStory.Attacker, preparation.Datagram)).Bytes;
        byte[] own = Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        Assert.Empty(story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, relayed)));
        Assert.Equal(ReasonCode.TokenMismatch, story.LastRejection);
        Assert.Single(story.Appends);
        story.Client.Read(Assert.Single(story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, own))).Bytes);
        Assert.Equal(GatewayStory.Cafe, story.Session.Epoch!.Transport);
    }

    [Fact]
    public void Every_byte_of_a_CONFIRM_is_authentic()
    {
        Preparation preparation = story.Client.Prepare();
        byte[] confirm = story.Client.Confirm(preparation, Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        for (int i = 0; i < confirm.Length; i++)
        {
            byte[] altered = [.. confirm];
            altered[i] ^= 1;
            Assert.Empty(story.Receive(GatewayStory.Cafe, altered));
            if (i >= Confirm.TokenOffset) Assert.Equal(ReasonCode.BadMac, story.LastRejection);
        }
        Assert.Single(story.Appends);
        Assert.Equal((byte)MessageType.Bound, Assert.Single(story.Receive(GatewayStory.Cafe, confirm)).Bytes[0]);
    }

    [Fact]
    public void The_same_prepare_gets_the_same_answer_and_moves_nothing()
    {
        Preparation preparation = story.Client.Prepare();
        byte[] first = Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        int secrets = story.LiveSecrets;
        for (int i = 0; i < 10; i++) Assert.Equal(first, Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        Assert.Equal(secrets, story.LiveSecrets);
        Assert.Single(story.Session.Prepared);
        Assert.Equal(1UL, story.Session.Session.Version);
    }

    [Fact]
    public void Four_reattaches_are_pending_and_the_lowest_nonce_gives_way()
    {
        List<Preparation> preparations = [.. Enumerable.Range(0, 5).Select(_ => story.Client.Prepare())];
        List<byte[]> answers = [.. preparations.Take(4).Select(each => Assert.Single(story.Receive(GatewayStory.Cafe, each.Datagram)).Bytes)];
        int secrets = story.LiveSecrets;
        Assert.Equal((byte)MessageType.Prepared, Assert.Single(story.Receive(GatewayStory.Cafe, preparations[4].Datagram)).Bytes[0]);
        Assert.Equal(ProtocolConstants.MaxPendingReattaches, story.Session.Prepared.Length);
        Assert.Equal(secrets, story.LiveSecrets);
        Assert.Empty(story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparations[0], answers[0])));
        Assert.Equal(ReasonCode.UnknownReceiver, story.LastRejection);
        Refused refused = story.Client.Read(preparations[0], Assert.Single(story.Receive(GatewayStory.Cafe, preparations[0].Datagram)).Bytes);
        Assert.Equal((ushort)ReasonCode.TooManyPending, refused.Reason);
        story.Client.Read(Assert.Single(story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparations[2], answers[2]))).Bytes);
        Assert.Empty(story.Session.Prepared);
    }

    [Fact]
    public void What_is_refused_says_why_under_the_root_and_changes_nothing()
    {
        Reattach(GatewayStory.Cafe);
        GatewaySession before = story.Session;
        Assert.Equal(ReasonCode.ReplayDetected, Refusal(story.Client.Prepare(nonce: 1)));
        Assert.Equal(ReasonCode.VersionMismatch, Refusal(story.Client.Prepare(bindingVersion: 1)));
        Assert.Equal(ReasonCode.Cooldown, Refusal(story.Client.Prepare(ReattachKind.Voluntary)));
        Assert.Equal(ReasonCode.Cooldown, Refusal(story.Client.Prepare(ReattachKind.Rekey)));
        story.Client.Instance = new(77);
        Assert.Equal(ReasonCode.WrongInstance, Refusal(story.Client.Prepare()));
        Assert.Equal((before.Session, before.Epoch, 0), (story.Session.Session, story.Session.Epoch, story.Session.Prepared.Length));
    }

    [Fact]
    public void Another_request_under_a_pending_nonce_is_a_replay()
    {
        story.Receive(GatewayStory.Cafe, story.Client.Prepare(nonce: 5).Datagram);
        Assert.Equal(ReasonCode.ReplayDetected, Refusal(story.Client.Prepare(nonce: 5)));
    }

    [Fact]
    public void Without_proof_there_is_silence()
    {
        Preparation preparation = story.Client.Prepare();
        for (int offset = 1; offset < Prepare.CookieMacOffset; offset += 7)
        {
            byte[] forged = [.. preparation.Datagram];
            forged[offset] ^= 0x40;
            Assert.Empty(story.Receive(GatewayStory.Attacker, forged));
        }
        Assert.Empty(story.Session.Prepared);
        Assert.Equal((byte)MessageType.Prepared, Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes[0]);
    }

    [Theory]
    [InlineData(AppendOutcome.Unavailable, ReasonCode.StoreUnavailable)]
    [InlineData(AppendOutcome.BudgetExceeded, ReasonCode.BudgetExceeded)]
    public void A_reattach_that_cannot_be_stored_is_refused_and_the_old_transport_stays(AppendOutcome outcome, ReasonCode reason)
    {
        int secrets = story.LiveSecrets;
        story.Store = outcome;
        Preparation preparation = story.Client.Prepare();
        byte[] prepared = Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        Refused refused = story.Client.Read(preparation, Assert.Single(story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared))).Bytes);
        Assert.Equal((ushort)reason, refused.Reason);
        Assert.Equal(GatewayStory.Home, story.Session.Epoch!.Transport);
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.RemoveEpoch);
        Assert.Equal(secrets, story.LiveSecrets);
    }

    /// <summary>REQ-SAFETY-2: a node that cannot know what is true stops serving.</summary>
    [Fact]
    public void A_conflict_in_the_store_stops_the_session_here()
    {
        story.Store = AppendOutcome.Conflict;
        Preparation preparation = story.Client.Prepare();
        byte[] prepared = Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes;
        story.Receive(GatewayStory.Cafe, story.Client.Confirm(preparation, prepared));
        Assert.Null(story.Session.Epoch);
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.Unbind);
        story.Store = AppendOutcome.Committed;
        Assert.Empty(story.Receive(GatewayStory.Cafe, story.Client.Prepare().Datagram));
        Assert.Equal(ReasonCode.StoreConflict, story.LastRejection);
        story.Wait(TimeSpan.FromMinutes(10));
        Assert.Equal([ReasonCode.HandshakeOk], story.Transitions);
    }

    [Fact]
    public void A_rekey_on_the_bound_path_changes_keys_and_no_binding()
    {
        story.Now += SessionPolicy.Default.RekeySpacing;
        Preparation preparation = story.Client.Prepare(ReattachKind.Rekey);
        byte[] prepared = Assert.Single(story.Receive(GatewayStory.Home, preparation.Datagram)).Bytes;
        Bound bound = story.Client.Read(Assert.Single(story.Receive(GatewayStory.Home, story.Client.Confirm(preparation, prepared))).Bytes);
        Assert.Equal((2UL, 1UL, 2U), (bound.Version, bound.BindingVersion, bound.KeyEpoch));
        Assert.Equal(ReasonCode.KeysRotated, story.Transitions.Last());
    }

    [Fact]
    public void Prepared_reattaches_expire_and_leave_nothing()
    {
        int secrets = story.LiveSecrets;
        story.Receive(GatewayStory.Cafe, story.Client.Prepare().Datagram);
        story.Wait(GatewayLimits.PreparedLifetime);
        Assert.Empty(story.Session.Prepared);
        Assert.Equal(secrets, story.LiveSecrets);
    }

    [Fact]
    public void After_a_restart_the_ticket_brings_the_session_back_under_the_new_incarnation()
    {
        story.Restart();
        Preparation preparation = story.Client.Prepare();
        byte[] prepared = Assert.Single(story.Receive(GatewayStory.Home, preparation.Datagram)).Bytes;
        Bound bound = story.Client.Read(Assert.Single(story.Receive(GatewayStory.Home, story.Client.Confirm(preparation, prepared))).Bytes);
        Assert.Equal((2UL, 2UL, story.Client.Session), (bound.OwnershipEpoch, bound.Version, story.Session.Session.Id));
        Assert.Equal(ReasonCode.OwnershipClaimed, story.Transitions.Last());
    }

    /// <summary>REQ-HIJACK-6.</summary>
    [Fact]
    public void After_a_restart_a_ticket_of_another_session_is_refused()
    {
        byte[] ticket = story.Client.Bound!.Ticket.ToArray();
        story.Connected();
        story.Restart();
        Preparation preparation = story.Client.Prepare(ticket: ticket);
        Assert.Empty(story.Receive(GatewayStory.Home, preparation.Datagram));
        Assert.Equal(ReasonCode.BadTicket, story.LastRejection);
        Assert.Null(story.Session.Secrets);
    }

    [Fact]
    public void After_a_restart_a_token_of_the_former_process_is_worth_nothing()
    {
        Preparation preparation = story.Client.Prepare();
        byte[] confirm = story.Client.Confirm(preparation, Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes);
        story.Restart();
        Assert.Empty(story.Receive(GatewayStory.Cafe, confirm));
        Assert.Equal(ReasonCode.UnknownReceiver, story.LastRejection);
    }

    private (byte[] Confirm, byte[] Bound) Reattach(TransportAddress source)
    {
        Preparation preparation = story.Client.Prepare();
        byte[] confirm = story.Client.Confirm(preparation, Assert.Single(story.Receive(source, preparation.Datagram)).Bytes);
        byte[] bound = Assert.Single(story.Receive(source, confirm)).Bytes;
        story.Client.Read(bound);
        return (confirm, bound);
    }

    private ReasonCode Refusal(Preparation preparation) =>
        (ReasonCode)story.Client.Read(preparation, Assert.Single(story.Receive(GatewayStory.Cafe, preparation.Datagram)).Bytes).Reason;
}
