using JumpingVpn.Domain.Client;
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
