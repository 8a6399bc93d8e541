using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>The faults of the outage table: the session survives each, and the gap in a packet every 10 ms stays below its bound.</summary>
public sealed class JumpTests : IDisposable
{
    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    private Traffic Flowing(bool fromClient = true, bool fromGateway = true)
    {
        world.Wan1.Delay = world.Wan2.Delay = TimeSpan.FromMilliseconds(1);
        world.Connected();
        Traffic traffic = world.StartTraffic(fromClient, fromGateway);
        world.RunFor(6_000);
        traffic.Outage();
        Assert.Equal("wan1", world.Session!.Bound!.Uplink);
        return traffic;
    }

    private void SurvivedOn(string uplink, SessionId session, int moves = 1)
    {
        Assert.Equal(session, world.Session!.Id);
        Assert.Equal(1, world.Gateway.Sessions);
        Assert.Equal(uplink, world.Session.Bound!.Uplink);
        Assert.Equal(SessionState.Attached, world.Session.State);
        Assert.InRange(world.Session.Switches, 1, moves);
        Assert.Equal(world.Gateway.Session!.BindingVersion, world.Session.BindingVersion);
        Assert.Null(world.State.Reattach);
        Assert.Equal(0, world.DataPlane.Duplicates);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void The_uplink_goes_down_with_a_link_event(bool fromClient, bool fromGateway)
    {
        Traffic traffic = Flowing(fromClient, fromGateway);
        SessionId session = world.Session!.Id;
        world.Wan1.IsUp = false;
        int before = world.Gateway.Prepares.Count;
        world.UplinksChanged();
        Assert.Contains(world.Effects, entry => entry.At == world.Now && entry.Effect is ClientEffect.Send { Bytes.Length: Prepare.Size });
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 10, 40);
        SurvivedOn("wan2", session);
        Assert.Equal(before + 1, world.Gateway.Prepares.Count);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void The_uplink_becomes_a_silent_blackhole(bool outwards, bool inwards)
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Wan1.LosesOutwards = outwards;
        world.Wan1.LosesInwards = inwards;
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 20, 250);
        SurvivedOn("wan2", session);
    }

    [Fact]
    public void The_NAT_gives_the_client_another_port_while_traffic_flows()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Wan1.PortShift = 100;
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 10, 40);
        SurvivedOn("wan1", session);
    }

    [Fact]
    public void The_NAT_rebinds_while_only_the_gateway_sends()
    {
        Traffic traffic = Flowing(fromClient: false);
        SessionId session = world.Session!.Id;
        world.Wan1.PortShift = 100;
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 10, 500);
        SurvivedOn("wan1", session);
    }

    [Fact]
    public void The_uplinks_own_address_changes()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Wan1.Address++;
        world.UplinksChanged();
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 10, 40);
        SurvivedOn("wan1", session);
    }

    [Fact]
    public void The_gateway_restarts_and_the_session_goes_on()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Gateway.Restart();
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 10, 150);
        SurvivedOn("wan1", session, moves: 2);
    }

    [Fact]
    public void The_gateway_is_away_for_half_a_second_and_the_session_goes_on()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Gateway.IsAway = true;
        world.RunFor(500);
        world.Gateway.Restart();
        world.Gateway.IsAway = false;
        world.RunFor(1500);
        Assert.InRange(traffic.Outage(), 500, 1000);
        SurvivedOn(world.Session!.Bound!.Uplink, session, moves: 2);
    }

    [Fact]
    public void The_gateway_is_away_for_a_minute_and_the_session_goes_on()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Gateway.IsAway = true;
        world.RunFor(60_000);
        world.Gateway.Restart();
        world.Gateway.IsAway = false;
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached }, 6000));
        world.RunFor(1000);
        SurvivedOn(world.Session!.Bound!.Uplink, session, moves: 2);
    }

    [Fact]
    public void The_only_uplink_goes_away_and_comes_back()
    {
        world.Wan2.IsUp = false;
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(20_000);
        Assert.Equal(SessionState.Recovering, world.Session!.State);
        world.Wan1.IsUp = true;
        world.UplinksChanged();
        world.RunFor(100);
        SurvivedOn("wan1", session, moves: 1);
    }

    [Fact]
    public void A_gateway_that_stays_away_is_asked_ever_more_seldom()
    {
        Traffic traffic = Flowing();
        world.Gateway.IsAway = true;
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        int sent = 0;
        world.Passes = (_, outwards, datagram) =>
        {
            sent += outwards && datagram[0] == (byte)MessageType.Prepare ? 1 : 0;
            return true;
        };
        world.RunFor(10_000);
        Assert.InRange(sent, 30, 60);
        sent = 0;
        world.RunFor(60_000);
        Assert.InRange(sent, 8, 60);
        Assert.InRange(world.State.Reattach!.Attempts.Length, 0, 4);
    }

    [Fact]
    public void A_dead_first_endpoint_on_every_uplink_does_not_hide_the_second()
    {
        Endpoint second = ClientWorld.GatewayEndpoint with { Port = 51831 };
        world.Endpoints = [ClientWorld.GatewayEndpoint with { Port = 1 }, ClientWorld.GatewayEndpoint with { Port = 2 }, ClientWorld.GatewayEndpoint, second];
        world.Gateway.Ignores = (_, source) => source.Local.Port < 3;
        world.Wan1.Delay = world.Wan2.Delay = TimeSpan.FromMilliseconds(1);
        world.Connected();
        SessionId session = world.Session!.Id;
        world.StartTraffic();
        world.RunFor(5000);
        world.Gateway.Ignores = (_, source) => source.Local != second;
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached, Bound.Address.Remote.Port: 51831 }, 4000));
        Assert.Equal(session, world.Session!.Id);
    }

    [Fact]
    public void The_only_path_hiccups_and_nothing_moves()
    {
        world.Wan2.IsUp = false;
        Traffic traffic = Flowing();
        world.Wan1.Blackhole(true);
        world.RunFor(150);
        world.Wan1.Blackhole(false);
        world.RunFor(2000);
        Assert.Equal(SessionState.Attached, world.Session!.State);
        Assert.InRange(traffic.Outage(), 100, 400);
        Assert.Null(world.State.Reattach);
    }

    [Fact]
    public void Sending_fails_locally_and_the_session_jumps_at_once()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        world.Wan1.Blackhole(true);
        world.Input(new ClientInput.SendFailed(world.Session.Bound!.Address.Socket, SendProblem.Local));
        world.RunFor(1000);
        Assert.InRange(traffic.Outage(), 10, 40);
        SurvivedOn("wan2", session);
    }

    [Fact]
    public void An_ICMP_error_alone_moves_nothing()
    {
        Traffic traffic = Flowing();
        for (int i = 0; i < 50; i++)
        {
            world.Input(new ClientInput.SendFailed(world.Session!.Bound!.Address.Socket, SendProblem.Icmp));
            world.RunFor(20);
        }
        Assert.Equal(0, world.Session!.Switches);
        Assert.InRange(traffic.Outage(), 0, 20);
    }

    [Fact]
    public void Timers_that_run_late_prove_nothing()
    {
        Traffic traffic = Flowing();
        world.TimerLag = TimeSpan.FromMilliseconds(150);
        world.RunFor(3_000);
        world.TimerLag = TimeSpan.Zero;
        world.RunFor(1_000);
        Assert.Equal(0, world.Session!.Switches);
    }

    [Fact]
    public void A_lost_BOUND_comes_again()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        int lost = 0;
        world.Gateway.Loses = (type, _) => type == MessageType.Bound && ++lost <= 3;
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(1000);
        Assert.Equal(4, lost);
        Assert.InRange(traffic.Outage(), 10, 40);
        SurvivedOn("wan2", session);
    }

    [Fact]
    public void Every_BOUND_on_a_path_is_lost_and_the_client_adopts_the_version_and_goes_on()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        int lost = 0;
        world.Gateway.Loses = (type, _) => type == MessageType.Bound && ++lost <= 40;
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        Assert.True(world.RunUntil(() => world.Session!.State == SessionState.Attached, 10_000));
        world.RunFor(1000);
        SurvivedOn("wan2", session, moves: 3);
    }

    [Fact]
    public void Many_jumps_leave_no_epoch_and_no_secret_behind()
    {
        Traffic traffic = Flowing();
        SessionId session = world.Session!.Id;
        int secrets = 0;
        for (int i = 0; i < 40; i++)
        {
            (world.Wan1.IsUp, world.Wan2.IsUp) = (i % 2 != 0, i % 2 == 0);
            world.UplinksChanged();
            world.RunFor(7_000);
            if (i == 1) secrets = world.LiveSecrets;
            Assert.Equal(session, world.Session!.Id);
            Assert.Single(world.Session.Epochs);
            Assert.Single(world.DataPlane.Epochs);
        }
        Assert.Equal(secrets, world.LiveSecrets);
        traffic.IsRunning = false;
        world.Input(new ClientInput.Stop());
        world.RunFor(3000);
        Assert.True(world.HasStopped);
        Assert.Equal(0, world.LiveSecrets);
    }

    [Fact]
    public void No_nonce_is_used_twice_and_they_rise()
    {
        Traffic traffic = Flowing();
        world.Gateway.Loses = (type, source) => type is MessageType.Prepared or MessageType.Bound && world.Now.Milliseconds % 3 == 0;
        for (int i = 0; i < 10; i++)
        {
            world.Wan1.PortShift += 7;
            world.RunFor(3_000);
        }
        ulong[] nonces = [.. world.Gateway.Prepares.Select(prepare => prepare.Nonce).Distinct()];
        Assert.Equal(nonces.Order(), nonces);
        foreach (IGrouping<ulong, Prepare> same in world.Gateway.Prepares.GroupBy(prepare => prepare.Nonce)) Assert.Single(same.Distinct());
    }
}
