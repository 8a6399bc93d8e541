using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>Between CONFIRM and BOUND: a slow store, an attempt that comes to nothing, an answer that is forged.</summary>
public sealed class CommitTests : IDisposable
{
    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData(350)]
    [InlineData(700)]
    [InlineData(1500)]
    [InlineData(2500)]
    public void A_store_that_is_slower_than_the_clients_patience_still_binds_what_was_confirmed_first(int commitMilliseconds)
    {
        world.Wan1.Delay = world.Wan2.Delay = TimeSpan.FromMilliseconds(1);
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(3_000);
        world.Gateway.CommitTime = TimeSpan.FromMilliseconds(commitMilliseconds);
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        world.RunFor(commitMilliseconds + 1_000);
        Assert.Equal("wan2", world.Session!.Bound!.Uplink);
        Assert.Equal(SessionState.Attached, world.Session.State);
        traffic.Outage();
        world.RunFor(500);
        Assert.InRange(traffic.Outage(), 0, 40);
    }

    [Theory]
    [InlineData(1, 2500)]
    [InlineData(2, 2500)]
    [InlineData(3, 2500)]
    [InlineData(3, 4400)]
    public void However_many_paths_there_are_a_slow_store_answers_the_first_CONFIRM(int endpoints, int commitMilliseconds)
    {
        world.Endpoints = [.. Enumerable.Range(0, endpoints).Select(i => Endpoint.FromIPv4(0xC0000201, (ushort)(51830 + i)))];
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(3_000);
        int bindings = world.Gateway.Bindings, secrets = world.LiveSecrets;
        world.Gateway.CommitTime = TimeSpan.FromMilliseconds(commitMilliseconds);
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        traffic.Outage();
        world.RunFor(commitMilliseconds + 50);
        Assert.Equal("wan2", world.Session!.Bound!.Uplink);
        Assert.Equal(SessionState.Attached, world.Session.State);
        Assert.InRange(traffic.Outage(), commitMilliseconds, commitMilliseconds + 50);
        // Nothing is asked for again: one commit has bound it.
        world.RunFor(2 * commitMilliseconds);
        Assert.Equal(bindings + 1, world.Gateway.Bindings);
        Assert.Equal(secrets, world.LiveSecrets);
        Assert.InRange(traffic.Outage(), 0, 40);
    }

    [Fact]
    public void What_a_gateway_may_be_storing_is_kept_however_long_it_takes_and_the_attempts_stay_bounded()
    {
        world.Endpoints = [.. Enumerable.Range(0, 3).Select(i => Endpoint.FromIPv4(0xC0000201, (ushort)(51830 + i)))];
        world.Connected();
        world.RunFor(3_000);
        world.Gateway.Ignores = (type, _) => type == MessageType.Confirm;
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        Assert.True(world.RunUntil(() => world.State.Reattach is { IsConfirming: true }, 500));
        uint first = world.Session!.SendingIndex;
        int most = 0;
        for (int i = 0; i < 200; i++)
        {
            world.RunFor(100);
            most = Math.Max(most, world.State.Reattach!.Attempts.Length);
            Assert.Equal(first, world.State.Reattach.Attempts[0].LocalIndex);
            Assert.Equal(first, world.Session.SendingIndex);
        }
        Assert.Equal(ProtocolConstants.MaxPendingReattaches, most);
    }

    [Fact]
    public void When_a_confirmed_attempt_comes_to_nothing_the_old_paths_answer_does_not_end_the_search()
    {
        world.Wan1.Delay = world.Wan2.Delay = TimeSpan.FromMilliseconds(1);
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(3_000);
        // Nothing answers at all: a suspicion, and no more.
        world.Gateway.Ignores = (_, _) => true;
        world.RunFor(200);
        Assert.NotNull(world.State.Reattach);
        // Then the second uplink lets a PREPARE through, and with its CONFIRM the data moves there.
        world.Gateway.Ignores = (type, source) => source.Remote.Address == world.Wan1.Nat || type is MessageType.Confirm or MessageType.Probe;
        world.RunFor(400);
        Assert.True(world.State.Reattach!.IsConfirming);
        // Before the gateway takes it the second uplink is gone, and the first one is well again.
        world.Gateway.Ignores = (_, _) => false;
        world.Wan2.IsUp = false;
        world.UplinksChanged();
        world.RunFor(1_000);
        traffic.Outage();
        world.RunFor(1_000);
        Assert.InRange(traffic.Outage(), 0, 40);
        Assert.Equal(SessionState.Attached, world.Session!.State);
        Assert.Null(world.State.Reattach);
    }

    /// <summary>REQ-PATH-1: whoever sees the exchange can send an altered answer first.</summary>
    [Fact]
    public void A_forged_response_that_comes_first_is_refused_and_the_genuine_one_counts()
    {
        int forgeries = 0;
        world.Passes = (uplink, outwards, datagram) =>
        {
            if (outwards || datagram[0] != (byte)MessageType.Response) return true;
            byte[] forged = [.. datagram];
            forged[^1] ^= 1;
            forgeries++;
            world.Input(new ClientInput.DatagramReceived(world.State.OpenPaths.First(path => path.Uplink == (uplink == world.Wan1 ? "wan1" : "wan2")).Transport, forged));
            return true;
        };
        world.Connected();
        Assert.True(forgeries > 0);
        Assert.Equal(SessionState.Attached, world.Session!.State);
    }
}
