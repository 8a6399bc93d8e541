using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>Probes, reports, path MTU, new keys, voluntary moves: what goes on while nothing is wrong.</summary>
public sealed class UpkeepTests : IDisposable
{
    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void An_idle_session_probes_sparsely_and_wakes_with_traffic()
    {
        world.Connected();
        world.RunFor(30_000);
        int before = world.Gateway.Probes.Count;
        world.RunFor(60_000);
        Assert.InRange(world.Gateway.Probes.Count - before, 10, 60);
        Assert.True(world.DataPlane.IsArmed);
        before = world.Gateway.Probes.Count(probe => probe.Path == world.Session!.Bound!.Path.Value);
        Traffic traffic = world.StartTraffic();
        world.RunFor(1000);
        Assert.InRange(world.Gateway.Probes.Count(probe => probe.Path == world.Session!.Bound!.Path.Value) - before, 30, 50);
        traffic.IsRunning = false;
        world.RunFor(5000);
        Assert.False(world.DataPlane.IsArmed);
    }

    [Fact]
    public void Reports_name_what_arrived_of_the_current_epoch()
    {
        world.Connected();
        world.StartTraffic();
        world.RunFor(1000);
        Probe report = world.Gateway.Probes.Last(probe => probe.Path == world.Session!.Bound!.Path.Value);
        Assert.Equal(world.Gateway.Epoch!.LocalIndex, report.Epoch);
        Assert.InRange(report.Received, 80UL, 100UL);
        Assert.Equal(report.Received, report.HighestReceived);
    }

    [Fact]
    public void Keys_are_changed_when_their_time_is_over_and_nothing_is_lost()
    {
        world.Gateway.Policy = world.Gateway.Policy with { RekeyInterval = TimeSpan.FromSeconds(60) };
        world.Connected();
        Traffic traffic = world.StartTraffic();
        uint epoch = world.Session!.KeyEpoch;
        ulong binding = world.Session.BindingVersion;
        world.RunFor(65_000);
        Assert.Equal(epoch + 1, world.Session!.KeyEpoch);
        Assert.Equal(binding, world.Session.BindingVersion);
        Assert.Equal(ReasonCode.KeysRotated, world.Session.LastReason);
        Assert.Equal(0, world.Session.Switches);
        AssertNothingLost(traffic);
        Assert.Contains(world.Effects, entry => entry.Effect is ClientEffect.SendFrame { Frame: ControlFrame.EpochEnd { End: > 5000 } });
    }

    [Fact]
    public void The_client_returns_to_the_preferred_uplink_and_loses_nothing()
    {
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(5000);
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(1000);
        Assert.Equal("wan2", world.Session!.Bound!.Uplink);
        int lost = traffic.SentUp - traffic.ReceivedUp, lostDown = traffic.SentDown - traffic.ReceivedDown;
        world.Wan1.IsUp = true;
        world.UplinksChanged();
        world.RunFor(25_000);
        Assert.Equal("wan2", world.Session.Bound!.Uplink);
        Assert.True(world.RunUntil(() => world.Session.Bound!.Uplink == "wan1", 20_000));
        world.RunFor(5000);
        Assert.Equal(ReattachKind.Voluntary, world.Gateway.Prepares[^1].Kind);
        Assert.InRange(traffic.SentUp - traffic.ReceivedUp, 0, lost + 1);
        Assert.InRange(traffic.SentDown - traffic.ReceivedDown, 0, lostDown + 1);
        Assert.Equal(0, world.DataPlane.Duplicates);
    }

    [Fact]
    public void A_voluntary_move_that_nobody_answers_is_given_up_and_the_old_path_stays()
    {
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(3000);
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(1000);
        world.Wan1.IsUp = true;
        world.UplinksChanged();
        traffic.Outage();
        world.Gateway.Ignores = (type, _) => type is MessageType.Confirm;
        world.RunFor(60_000);
        Assert.Equal("wan2", world.Session!.Bound!.Uplink);
        Assert.InRange(traffic.Outage(), 10, 20);
        Assert.Equal(SessionState.Attached, world.Session.State);
        Assert.InRange(world.DataPlane.Epochs.Count, 1, 2);
        Assert.Contains(world.Gateway.Prepares, prepare => prepare.Kind == ReattachKind.Voluntary);
    }

    [Fact]
    public void Every_path_learns_what_it_carries_and_the_tunnel_fits()
    {
        world.Gateway.InnerMtu = 1460;
        world.Wan1.Mtu = 1500;
        world.Wan2.Mtu = 1410;
        world.Connected();
        world.StartTraffic();
        world.RunFor(30_000);
        ClientView view = ClientView.Of(world.State, world.Now);
        Assert.Equal([1500, 1400], view.Paths.Select(path => path.Mtu));
        Assert.Equal(1440, world.DataPlane.InnerMtu);
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(100);
        Assert.Equal(1340, world.DataPlane.InnerMtu);
    }

    [Fact]
    public void A_path_that_becomes_narrower_is_noticed_when_the_host_says_so()
    {
        world.Gateway.InnerMtu = 1440;
        world.Connected();
        world.StartTraffic();
        world.RunFor(10_000);
        Assert.Equal(1440, world.DataPlane.InnerMtu);
        world.Wan1.Mtu = 1300;
        world.Input(new ClientInput.SendFailed(world.Session!.Bound!.Address.Socket, SendProblem.TooBig));
        world.RunFor(30_000);
        Assert.Equal(1280 - 60, world.DataPlane.InnerMtu);
    }

    [Fact]
    public void A_challenge_for_what_the_bound_path_has_acknowledged_is_ignored()
    {
        world.Connected();
        world.StartTraffic();
        world.RunFor(1000);
        ClientPath path = world.State.BoundPath!;
        var source = world.Gateway.Epoch!.Transport;
        world.Gateway.SendChallenge(source, 10);
        world.RunFor(100);
        Assert.Empty(world.Gateway.Prepares);
        world.Gateway.SendChallenge(source, 1_000_000);
        world.RunFor(100);
        Assert.Equal(ReattachKind.Challenge, world.Gateway.Prepares[0].Kind);
    }

    [Fact]
    public void The_view_shows_what_is()
    {
        world.Connected();
        world.StartTraffic();
        world.RunFor(5000);
        ClientView view = ClientView.Of(world.State, world.Now);
        Assert.Equal((world.Session!.Id, SessionState.Attached, 0, ReasonCode.HandshakeOk),
            (view.Session!.Id, view.Session.State, view.Session.Switches, view.Session.LastReason));
        Assert.Equal(["wan1", "wan2"], view.Paths.Select(path => path.Uplink));
        Assert.All(view.Paths, path => Assert.Equal(PathState.Live, path.State));
        Assert.All(view.Paths, path => Assert.InRange(path.Rtt!.Value.TotalMilliseconds, 9, 12));
        Assert.Equal([true, false], view.Paths.Select(path => path.IsBound));
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(100);
        view = ClientView.Of(world.State, world.Now);
        Assert.Equal([PathState.Dead, PathState.Live], view.Paths.Select(path => path.State));
        Assert.Equal("wan2", view.Session!.Transport!.Uplink);
    }

    private static void AssertNothingLost(Traffic traffic)
    {
        Assert.InRange(traffic.SentUp - traffic.ReceivedUp, 0, 1);
        Assert.InRange(traffic.SentDown - traffic.ReceivedDown, 0, 1);
    }
}
