using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

public sealed class HandshakeTests : IDisposable
{
    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_client_gets_a_session_and_both_ends_have_the_same_keys()
    {
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(500);
        Assert.Equal(world.Gateway.Session!.Id, world.Session!.Id);
        Assert.Equal(SessionState.Attached, world.Session.State);
        ClientReport.Transition transition = Assert.Single(world.Transitions);
        Assert.Equal((SessionState.Birth, SessionState.Attached, ReasonCode.HandshakeOk), (transition.From, transition.To, transition.Reason));
        Assert.InRange(traffic.ReceivedUp, traffic.SentUp - 1, traffic.SentUp);
        Assert.InRange(traffic.ReceivedDown, traffic.SentDown - 1, traffic.SentDown);
    }

    [Fact]
    public void The_tunnel_is_configured_before_anything_flows()
    {
        world.Connected();
        ClientEffect[] effects = [.. world.Effects.Select(entry => entry.Effect)];
        int configured = Array.FindIndex(effects, effect => effect is ClientEffect.ConfigureTunnel);
        int bound = Array.FindIndex(effects, effect => effect is ClientEffect.Bind);
        Assert.InRange(configured, 0, bound - 1);
    }

    [Fact]
    public void A_dead_first_uplink_costs_a_moment()
    {
        world.Wan1.Blackhole(true);
        world.Start();
        Assert.True(world.RunUntil(() => world.Session is not null, 200));
        Assert.Equal("wan2", world.Session!.Bound!.Uplink);
    }

    [Fact]
    public void REQ_PATH_1_an_index_that_was_changed_on_the_way_is_found_out_and_the_genuine_response_still_counts()
    {
        int altered = 0;
        world.Passes = (_, outwards, datagram) =>
        {
            if (outwards || (MessageType)datagram[0] != MessageType.Response) return true;
            byte[] copy = [.. datagram];
            copy[Domain.Protocol.Messages.Response.NoiseOffset - 1] ^= 1;
            ClientState before = world.State;
            foreach (ClientPath path in world.State.OpenPaths.ToArray()) world.Datagram(path, copy);
            Assert.Same(before, world.State);
            altered++;
            return true;
        };
        world.Start();
        Assert.True(world.RunUntil(() => world.Session is not null, 100));
        Assert.True(altered > 0);
    }

    [Fact]
    public void Lost_messages_are_repeated()
    {
        int initiations = 0, responses = 0, confirms = 0, bounds = 0;
        world.Passes = (_, _, datagram) => (MessageType)datagram[0] switch
        {
            MessageType.Initiation => ++initiations > 3,
            MessageType.Response => ++responses > 2,
            MessageType.Confirm => ++confirms > 2,
            MessageType.Bound => ++bounds > 2,
            _ => true,
        };
        world.Start();
        Assert.True(world.RunUntil(() => world.Session is not null, 3000));
        Assert.Equal(1, world.Gateway.Sessions);
    }

    [Fact]
    public void Nobody_answers_and_the_client_asks_ever_more_seldom_but_does_not_stop()
    {
        world.Gateway.Ignores = (_, _) => true;
        int sent = 0;
        world.Passes = (_, outwards, _) =>
        {
            sent += outwards ? 1 : 0;
            return true;
        };
        world.Start();
        world.RunFor(60_000);
        int first = sent;
        world.RunFor(60_000);
        Assert.InRange(first, 20, 60);
        Assert.InRange(sent - first, 15, 40);
        world.Gateway.Ignores = (_, _) => false;
        Assert.True(world.RunUntil(() => world.Session is not null, 6000));
    }

    [Fact]
    public void A_gateway_that_confirms_and_then_fails_to_commit_is_not_hammered()
    {
        world.Gateway.Loses = (type, _) => type == MessageType.Bound;
        world.Gateway.CommitTime = TimeSpan.FromHours(1);
        world.Start();
        world.RunFor(60_000);
        Assert.InRange(world.Gateway.Count(MessageType.Initiation), 3, 20);
        Assert.Null(world.Session);
    }

    [Fact]
    public void Under_load_the_client_brings_the_cookie()
    {
        world.Gateway.WantsCookies = true;
        world.Start();
        Assert.True(world.RunUntil(() => world.Session is not null, 200));
        Assert.InRange(world.Gateway.Count(MessageType.Initiation), 2, 4);
    }

    [Fact]
    public void A_stop_in_the_middle_leaves_no_secret()
    {
        foreach (int moment in Enumerable.Range(0, 30))
        {
            using var one = new ClientWorld();
            one.Start();
            one.RunFor(moment);
            one.Input(new ClientInput.Stop());
            one.RunFor(4000);
            Assert.True(one.HasStopped);
            Assert.Equal(0, one.LiveSecrets);
        }
    }
}
