using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Gateway;

public sealed class GatewayHandshakeTests : IDisposable
{
    private readonly GatewayStory story = new();

    public void Dispose() => story.Dispose();

    [Fact]
    public void A_handshake_makes_a_session_when_its_confirm_has_been_stored()
    {
        (byte[] initiation, NoiseInitiator noise) = story.Client.Initiate();
        (TransportAddress to, byte[] response) = Assert.Single(story.Receive(GatewayStory.Home, initiation));
        Assert.Equal(GatewayStory.Home, to);
        Assert.True(response.Length <= initiation.Length);
        Assert.Empty(story.Appends);

        story.Store = null;
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.Confirm(noise, response)));
        Assert.Single(story.Appends);
        Assert.DoesNotContain(story.Effects, effect => effect is GatewayEffect.OpenSession or GatewayEffect.Bind or GatewayEffect.Transitioned);

        (to, byte[] bytes) = Assert.Single(story.Answer(AppendOutcome.Committed));
        Assert.Equal(GatewayStory.Home, to);
        Bound bound = story.Client.Read(bytes);
        Assert.Equal((1UL, 1UL, 1U, story.Client.Instance), (bound.Version, bound.BindingVersion, bound.KeyEpoch, bound.Instance));
        Assert.Equal([ReasonCode.HandshakeOk], story.Transitions);
        Assert.Equal(story.Client.Session, story.Session.Session.Id);
    }

    /// <summary>REQ-REPLAY-4.</summary>
    [Fact]
    public void A_replayed_initiation_stores_nothing_supersedes_nobody_and_leaves_no_trace()
    {
        (byte[] initiation, NoiseInitiator noise) = story.Client.Initiate();
        byte[] response = Assert.Single(story.Receive(GatewayStory.Home, initiation)).Bytes;
        story.Client.Read(Assert.Single(story.Receive(GatewayStory.Home, story.Client.Confirm(noise, response))).Bytes);
        int secrets = story.LiveSecrets;
        GatewaySession before = story.Session;
        for (int i = 0; i < 20; i++) Assert.True(Assert.Single(story.Receive(GatewayStory.Attacker, initiation)).Bytes.Length <= initiation.Length);
        Assert.Single(story.Appends);
        Assert.Same(before, story.Session);
        story.Wait(GatewayLimits.HalfOpenLifetime);
        Assert.Empty(story.State.HalfOpen);
        Assert.Equal(secrets, story.LiveSecrets);
    }

    [Fact]
    public void A_confirm_from_another_source_than_the_initiation_is_refused()
    {
        (byte[] initiation, NoiseInitiator noise) = story.Client.Initiate();
        byte[] confirm = story.Client.Confirm(noise, Assert.Single(story.Receive(GatewayStory.Home, initiation)).Bytes);
        Assert.Empty(story.Receive(GatewayStory.Attacker, confirm));
        Assert.Equal(ReasonCode.TokenMismatch, story.LastRejection);
        Assert.Empty(story.Appends);
        Assert.Single(story.Receive(GatewayStory.Home, confirm));
    }

    /// <summary>MAC1 needs no more than the gateway's public key.</summary>
    [Fact]
    public void An_initiation_with_a_right_MAC1_and_a_wrong_ciphertext_is_refused_and_forgotten()
    {
        for (int offset = Initiation.NoiseOffset; offset < Initiation.Mac1Offset; offset++)
        {
            (byte[] initiation, _) = story.Client.Initiate();
            initiation[offset] ^= 1;
            story.Client.Seal(initiation);
            Assert.Empty(story.Receive(GatewayStory.Attacker, initiation));
            Assert.Equal(ReasonCode.BadHandshake, story.LastRejection);
        }
        Assert.Empty(story.State.HalfOpen);
        Assert.Equal(0, story.LiveSecrets);
    }

    [Fact]
    public void An_unknown_client_and_another_version_get_no_answer()
    {
        using var stranger = new ScriptedClient(story.Environment.Identity.Public);
        Assert.Empty(story.Receive(GatewayStory.Home, stranger.Initiate().Datagram));
        Assert.Equal(ReasonCode.UnknownClient, story.LastRejection);
        Assert.Empty(story.Receive(GatewayStory.Home, story.Client.Initiate(version: 2).Datagram));
        Assert.Equal(ReasonCode.BadHandshake, story.LastRejection);
        Assert.Equal(0, story.LiveSecrets);
    }

    [Fact]
    public void A_second_handshake_of_the_same_key_supersedes_the_session_in_one_append()
    {
        story.Connected();
        SessionSecrets secrets = story.Client.Secrets;
        SessionId first = story.Client.Session;
        int live = story.LiveSecrets;
        story.Connected(story.Client, GatewayStory.Cafe);
        Assert.NotEqual(first, story.Client.Session);
        Assert.Equal(2, story.Appends.Last().Streams.Length);
        Assert.Equal([ReasonCode.HandshakeOk, ReasonCode.Superseded, ReasonCode.HandshakeOk], story.Transitions);
        Assert.Contains(story.Sent, sent => sent.To == GatewayStory.Home && sent.Bytes[0] == (byte)MessageType.Ended);
        Assert.Contains(story.Effects, effect => effect is GatewayEffect.CloseSession close && close.Session == first);
        Assert.Equal(live, story.LiveSecrets);
        Assert.NotEqual(secrets, story.Client.Secrets);
    }

    [Fact]
    public void Without_the_store_there_is_no_session_and_nothing_is_left()
    {
        story.Store = AppendOutcome.Unavailable;
        (byte[] initiation, NoiseInitiator noise) = story.Client.Initiate();
        byte[] confirm = story.Client.Confirm(noise, Assert.Single(story.Receive(GatewayStory.Home, initiation)).Bytes);
        Assert.Empty(story.Receive(GatewayStory.Home, confirm));
        Assert.Equal(ReasonCode.StoreUnavailable, story.LastRejection);
        Assert.Empty(story.State.Sessions);
        Assert.Equal(0, story.LiveSecrets);
        story.Store = AppendOutcome.Committed;
        story.Connected();
    }

    [Theory]
    [InlineData(GatewayLimits.HalfOpenHandshakes)]
    [InlineData(16)]
    [InlineData(1500)]
    public void REQ_EXHAUST_1_a_full_ring_of_half_open_handshakes_forgets_the_oldest(int most)
    {
        story.Environment = story.Environment with { HalfOpenHandshakes = most };
        (byte[] oldest, NoiseInitiator noise) = story.Client.Initiate();
        byte[] confirm = story.Client.Confirm(noise, Assert.Single(story.Receive(GatewayStory.Home, oldest)).Bytes);
        byte[] other = story.Client.Initiate().Datagram;
        for (int i = 0; i < most; i++)
        {
            story.Now += TimeSpan.FromMilliseconds(2);
            story.Receive(GatewayStory.Attacker, other);
        }
        Assert.Equal(most, story.State.HalfOpen.Count);
        Assert.Empty(story.Receive(GatewayStory.Home, confirm));
        Assert.Equal(ReasonCode.UnknownReceiver, story.LastRejection);
        story.Wait(GatewayLimits.HalfOpenLifetime);
        Assert.Equal(0, story.LiveSecrets);
        Assert.Empty(story.State.ByIndex);
    }
}
