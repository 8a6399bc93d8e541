using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>How sessions end, refusals, and what the client does next.</summary>
public sealed class EndTests : IDisposable
{
    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    private void Reattach()
    {
        world.Wan1.IsUp = !world.Wan1.IsUp;
        world.UplinksChanged();
    }

    [Fact]
    public void A_client_without_state_ends_its_session_when_it_stops()
    {
        world.Connected();
        world.Input(new ClientInput.Stop());
        world.RunFor(50);
        Assert.True(world.HasStopped);
        Assert.Equal(EndKind.Explicit, Assert.Single(world.Gateway.Ends.Distinct()).Kind);
        Assert.Equal(0, world.LiveSecrets);
        Assert.Equal(ReasonCode.Explicit, world.Transitions.Last().Reason);
    }

    [Fact]
    public void A_stop_waits_for_the_answer_for_a_bounded_time()
    {
        world.Connected();
        world.Gateway.Ignores = (_, _) => true;
        world.Input(new ClientInput.Stop());
        world.RunFor(1400);
        Assert.False(world.HasStopped);
        world.RunFor(200);
        Assert.True(world.HasStopped);
        Assert.Equal(0, world.LiveSecrets);
    }

    [Fact]
    public void An_END_under_load_brings_the_cookie()
    {
        world.Connected();
        world.Gateway.WantsCookies = true;
        world.Input(new ClientInput.Stop());
        world.RunFor(100);
        Assert.NotEmpty(world.Gateway.Ends);
        Assert.True(world.HasStopped);
    }

    [Theory]
    [InlineData(ReasonCode.Superseded)]
    [InlineData(ReasonCode.Explicit)]
    public void The_gateway_ends_the_session_and_the_client_comes_back_after_a_pause(ReasonCode reason)
    {
        world.Connected();
        SessionId session = world.Session!.Id;
        world.Gateway.TerminateByDatagram(reason);
        world.RunFor(6);
        Assert.Null(world.Session);
        Assert.Equal((session, reason), (world.State.Ended!.Id, world.State.Ended.Reason));
        Assert.Null(world.DataPlane.Session);
        world.RunFor(700);
        Assert.Equal(1, world.Gateway.Count(MessageType.Initiation));
        world.RunFor(500);
        Assert.NotEqual(session, world.Session!.Id);
        Assert.Null(world.State.Ended);
    }

    [Fact]
    public void An_end_that_comes_as_a_datagram_counts_as_well()
    {
        world.Connected();
        world.Gateway.TerminateByDatagram(ReasonCode.TtlExpired);
        world.RunFor(6);
        Assert.Null(world.Session);
        Assert.Equal(ReasonCode.TtlExpired, world.State.Ended!.Reason);
        Assert.Equal(SessionState.Terminated, world.Transitions.Last().To);
    }

    [Fact]
    public void Sessions_that_end_again_and_again_make_the_pauses_longer()
    {
        world.Connected();
        var pauses = new List<double>();
        for (int i = 0; i < 9; i++)
        {
            Instant ended = world.Now;
            world.Gateway.TerminateByDatagram(ReasonCode.Superseded);
            Assert.True(world.RunUntil(() => world.Session is null, 10));
            Assert.True(world.RunUntil(() => world.Session is not null, 70_000));
            pauses.Add((world.Now - ended).TotalSeconds);
        }
        Assert.InRange(pauses[0], 0.7, 1.1);
        Assert.InRange(pauses[3], 5, 8.1);
        Assert.InRange(pauses[8], 40, 61);
    }

    [Fact]
    public void GONE_leads_to_a_new_session_at_once()
    {
        world.Connected();
        SessionId session = world.Session!.Id;
        world.Gateway.Terminate();
        Reattach();
        Assert.True(world.RunUntil(() => world.Session is { } now && now.Id != session, 200));
    }

    [Fact]
    public void Another_copy_of_the_client_is_reported_and_the_session_ends()
    {
        world.Connected();
        world.StartTraffic();
        SessionId session = world.Session!.Id;
        world.Gateway.Session!.Instance = new InstanceId(99);
        Assert.True(world.RunUntil(() => world.Session is { } now && now.Id != session, 1000));
        End end = Assert.Single(world.Gateway.Ends.Distinct());
        Assert.Equal((EndKind.DualClient, new InstanceId(99)), (end.Kind, end.Other));
        Assert.Contains(world.Transitions, transition => transition.Session == session && transition.Reason == ReasonCode.DualClient && transition.To == SessionState.Terminated);
        world.RunFor(2000);
        world.Input(new ClientInput.Stop());
        world.RunFor(3000);
        Assert.Equal(0, world.LiveSecrets);
    }

    [Fact]
    public void A_refusal_that_names_a_copy_is_reported_too()
    {
        world.Connected();
        SessionId session = world.Session!.Id;
        world.Gateway.Session!.Instance = new InstanceId(99);
        Reattach();
        Assert.True(world.RunUntil(() => world.Session is { } now && now.Id != session, 1000));
        Assert.Equal(EndKind.DualClient, Assert.Single(world.Gateway.Ends.Distinct()).Kind);
    }

    [Fact]
    public void A_newer_binding_version_is_adopted_and_the_reattach_goes_on()
    {
        world.Connected();
        world.Gateway.Session!.BindingVersion = 5;
        Reattach();
        world.RunFor(60);
        Assert.Equal(SessionState.Attached, world.Session!.State);
        Assert.Equal("wan2", world.Session.Bound!.Uplink);
        Assert.Equal(world.Gateway.Session.BindingVersion, world.Session.BindingVersion);
    }

    [Fact]
    public void An_older_version_than_the_one_seen_ends_the_session()
    {
        world.Connected();
        SessionId session = world.Session!.Id;
        Reattach();
        world.RunFor(100);
        world.Gateway.Session!.BindingVersion = 1;
        world.Wan2.IsUp = false;
        Reattach();
        Assert.True(world.RunUntil(() => world.Session is { } now && now.Id != session, 1000));
        Assert.Contains(world.Transitions, transition => transition.Session == session && transition.Reason == ReasonCode.Ambiguity);
    }

    [Theory]
    [InlineData(ReasonCode.VersionMismatch)]
    [InlineData(ReasonCode.ReplayDetected)]
    public void A_gateway_that_refuses_for_ever_is_not_hammered(ReasonCode reason)
    {
        world.Connected();
        world.Gateway.RefuseReattachWith = reason;
        Reattach();
        world.RunFor(10_000);
        Assert.InRange(world.Gateway.Prepares.Count, 5, 120);
        world.Gateway.RefuseReattachWith = ReasonCode.None;
        Assert.True(world.RunUntil(() => world.Session!.State == SessionState.Attached, 6000));
    }

    [Fact]
    public void A_refusal_that_says_wait_is_obeyed()
    {
        world.Connected();
        world.Gateway.RefuseReattachWith = ReasonCode.BudgetExceeded;
        world.Gateway.RefuseWait = 2000;
        Reattach();
        world.RunFor(100);
        world.Gateway.RefuseReattachWith = ReasonCode.None;
        int asked = world.Gateway.Prepares.Count;
        world.RunFor(1800);
        Assert.Equal(asked, world.Gateway.Prepares.Count);
        world.RunFor(200);
        Assert.Equal(SessionState.Attached, world.Session!.State);
    }

    [Fact]
    public void A_PREPARE_under_load_brings_the_cookie()
    {
        world.Connected();
        world.Gateway.WantsCookies = true;
        Reattach();
        world.RunFor(60);
        Assert.Equal(SessionState.Attached, world.Session!.State);
        Assert.Single(world.Gateway.Prepares.Select(prepare => prepare.Nonce).Distinct());
    }

    [Fact]
    public void A_released_session_is_reattached_at_once()
    {
        world.Connected();
        SessionId session = world.Session!.Id;
        world.Gateway.Restart();
        world.Frame(new ControlFrame.Released(2));
        world.RunFor(60);
        Assert.Equal(session, world.Session!.Id);
        Assert.Equal(SessionState.Attached, world.Session.State);
        Assert.Equal(ReasonCode.OwnershipClaimed, world.Session.LastReason);
    }

    [Fact]
    public void Changes_of_state_are_mirrored_in_order()
    {
        world.Connected();
        world.Frame(new ControlFrame.StateChanged((byte)SessionState.Volatile, (ushort)ReasonCode.VolatilitySignal, 5));
        Assert.Equal(SessionState.Volatile, world.Session!.State);
        world.Frame(new ControlFrame.StateChanged((byte)SessionState.Attached, (ushort)ReasonCode.StabilityRestored, 4));
        Assert.Equal((SessionState.Volatile, 5UL), (world.Session!.State, world.Session.Version));
        world.Frame(new ControlFrame.StateChanged((byte)SessionState.Degraded, (ushort)ReasonCode.EnterDegraded, 6));
        Assert.True(world.State.Selection.IsDegraded);
    }
}
