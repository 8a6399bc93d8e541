using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>A client with a state file: killed at any moment it goes on with its session, and never uses a nonce twice.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly ClientWorld world = new(keepsState: true);

    public void Dispose() => world.Dispose();

    private SessionId Established()
    {
        world.Connected();
        world.StartTraffic();
        world.RunFor(1000);
        return world.Session!.Id;
    }

    [Fact]
    public void A_killed_client_goes_on_with_its_session()
    {
        SessionId session = Established();
        world.Kill();
        world.Effects.Clear();
        world.Start(world.ReadFile(), instance: 8);
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached }, 100));
        world.RunFor(100);
        Assert.Equal(session, world.Session!.Id);
        Assert.Equal(1, world.Gateway.Sessions);
        Assert.All(world.Gateway.Prepares, prepare => Assert.Equal(ReattachKind.Resume, prepare.Kind));
        Assert.Equal(new InstanceId(8), world.Gateway.Session!.Instance);
        Assert.Single(world.Effects, entry => entry.Effect is ClientEffect.ConfigureTunnel);
        Assert.Equal([new InstanceId(7), new InstanceId(8)], world.File!.Instances.ToArray());
    }

    [Fact]
    public void Nothing_is_sent_before_the_file_that_allows_it_is_on_disk()
    {
        Established();
        world.Kill();
        world.DiskTime = TimeSpan.FromMilliseconds(400);
        world.Start(world.ReadFile(), instance: 8);
        world.RunFor(399);
        Assert.Empty(world.Gateway.Prepares);
        world.RunFor(50);
        Assert.NotEmpty(world.Gateway.Prepares);
    }

    [Fact]
    public void The_session_is_gone_and_a_visibly_new_one_begins_at_once()
    {
        SessionId session = Established();
        world.Gateway.Terminate();
        world.Kill();
        world.Effects.Clear();
        world.Start(world.ReadFile(), instance: 8);
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached } now && now.Id != session, 200));
        ClientReport.Transition[] transitions = [.. world.Transitions];
        Assert.Equal((session, SessionState.Terminated, ReasonCode.Gone), (transitions[0].Session, transitions[0].To, transitions[0].Reason));
        Assert.Equal((world.Session!.Id, SessionState.Attached, ReasonCode.HandshakeOk), (transitions[1].Session, transitions[1].To, transitions[1].Reason));
        world.RunFor(10);
        Assert.Equal(world.Session.Id, world.File!.Session);
    }

    [Fact]
    public void A_client_that_is_killed_again_and_again_never_uses_a_nonce_twice()
    {
        var random = new Random(4711);
        SessionId session = Established();
        for (ulong life = 8; life < 60; life++)
        {
            world.Kill();
            world.DiskTime = TimeSpan.FromMilliseconds(random.Next(0, 20));
            world.Start(world.ReadFile(), life);
            world.RunFor(random.Next(0, 40));
            if (random.Next(3) == 0) world.Wan1.PortShift += 3;
            world.RunFor(random.Next(0, 40));
        }
        Assert.Equal(session, world.Session!.Id);
        Prepare[] different = [.. world.Gateway.Prepares.Distinct()];
        Assert.True(different.Length > 20);
        Assert.Equal(different.Length, different.Select(prepare => prepare.Nonce).Distinct().Count());
    }

    [Fact]
    public void The_next_nonces_are_reserved_before_the_first_ones_run_out()
    {
        Established();
        ulong highest = 0;
        int saves = 0;
        world.Gateway.RefuseReattachWith = ReasonCode.ReplayDetected;
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        for (int second = 0; second < 1000 && saves < 1; second++)
        {
            world.RunFor(1000);
            highest = world.Gateway.Prepares.Max(prepare => prepare.Nonce);
            Assert.True(highest < world.File!.NonceReservedUpTo);
            saves = world.Effects.Count(entry => entry.Effect is ClientEffect.SaveState) - 1;
        }
        Assert.InRange(highest, ClientLimits.NonceBlock / 2, 2 * ClientLimits.NonceBlock);
        Assert.Equal(1, saves);
    }

    [Fact]
    public void A_disk_that_is_full_from_the_start_costs_resumption_and_nothing_else()
    {
        world.DiskFails = true;
        SessionId session = Established();
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(500);
        Assert.Equal(session, world.Session!.Id);
        Assert.Equal(SessionState.Attached, world.Session.State);
        Assert.Contains(world.Reports, report => report is ClientReport.Warning { Text: var text } && text.Contains("No space left", StringComparison.Ordinal));
        world.DiskFails = false;
        world.RunFor(10_000);
        Assert.Equal(session, world.File!.Session);
    }

    [Fact]
    public void A_file_that_can_be_read_but_not_written_gives_a_new_session()
    {
        SessionId session = Established();
        world.Kill();
        world.DiskFails = true;
        world.Start(world.ReadFile(), instance: 8);
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached }, 3000));
        Assert.NotEqual(session, world.Session!.Id);
        Assert.Empty(world.Gateway.Prepares);
    }

    [Fact]
    public void A_file_of_another_gateway_is_not_used()
    {
        SessionId session = Established();
        world.Kill();
        int live = world.LiveSecrets;
        world.Start(world.ReadFile() with { Gateway = default }, instance: 8);
        world.RunFor(200);
        Assert.NotEqual(session, world.Session!.Id);
        Assert.Empty(world.Gateway.Prepares);
        world.Input(new ClientInput.Stop());
        world.RunFor(4000);
        Assert.Equal(live, world.LiveSecrets);
    }

    [Fact]
    public void A_stopped_client_leaves_its_session_resumable_and_no_secret()
    {
        SessionId session = Established();
        world.Input(new ClientInput.Stop());
        world.RunFor(100);
        Assert.True(world.HasStopped);
        Assert.Empty(world.Gateway.Ends);
        Assert.Equal(0, world.LiveSecrets);
        Assert.Equal(session, world.File!.Session);
        world.Kill();
        world.Start(world.ReadFile(), instance: 8);
        world.RunFor(200);
        Assert.Equal(session, world.Session!.Id);
        Assert.Equal(SessionState.Attached, world.Session.State);
    }

    [Fact]
    public void A_stop_does_not_wait_for_a_dead_disk_for_ever()
    {
        Established();
        world.DiskTime = TimeSpan.FromHours(1);
        world.Input(new ClientInput.Stop());
        world.RunFor(3100);
        Assert.True(world.HasStopped);
        Assert.Equal(0, world.LiveSecrets);
    }

    [Fact]
    public void A_gateway_that_lives_and_never_answers_for_the_session_gets_a_new_one()
    {
        SessionId session = Established();
        world.Gateway.Ignores = (type, _) => type is MessageType.Prepare or MessageType.Probe;
        world.Kill();
        world.Start(world.ReadFile(), instance: 8);
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached }, 45_000));
        Assert.NotEqual(session, world.Session!.Id);
        Assert.Contains(world.Transitions, transition => transition.Reason == ReasonCode.RecoveryWindowExceeded);
    }

    [Fact]
    public void A_gateway_that_was_away_for_ten_minutes_is_given_the_same_session()
    {
        SessionId session = Established();
        world.Gateway.IsAway = true;
        world.RunFor(600_000);
        world.Gateway.Restart();
        world.Gateway.IsAway = false;
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached }, 20_000));
        Assert.Equal(session, world.Session!.Id);
        Assert.Equal(1, world.Gateway.Sessions);
    }
}
