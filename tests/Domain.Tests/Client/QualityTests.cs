using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>Loss and flapping on the preferred uplink: most of the traffic goes through, and the client does not run to and fro.</summary>
public sealed class QualityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Thirty_percent_loss_on_one_of_two_uplinks(int seed)
    {
        var random = new Random(seed);
        using var world = new ClientWorld(seed);
        Traffic traffic = Flowing(world);
        (int up, int down) = (traffic.ReceivedUp, traffic.ReceivedDown);
        world.Passes = (uplink, _, _) => uplink != world.Wan1 || random.NextDouble() >= 0.3;
        world.RunFor(5000);
        Assert.InRange((traffic.ReceivedUp - up) / 500.0, 0.94, 1);
        Assert.InRange((traffic.ReceivedDown - down) / 500.0, 0.94, 1);
        Assert.Equal("wan2", world.Session!.Bound!.Uplink);
    }

    [Theory]
    [InlineData(false, 0.97)]
    [InlineData(true, 0.98)]
    public void The_preferred_uplink_flaps(bool withEvents, double delivered)
    {
        using var world = new ClientWorld();
        Traffic traffic = Flowing(world);
        (int up, int down) = (traffic.ReceivedUp, traffic.ReceivedDown);
        for (int i = 0; i < 30; i++)
        {
            if (withEvents)
            {
                world.Wan1.IsUp = i % 2 != 0;
                world.UplinksChanged();
            }
            else
            {
                world.Wan1.Blackhole(i % 2 == 0);
            }
            world.RunFor(500);
        }
        Assert.InRange((traffic.ReceivedUp - up) / 1500.0, delivered, 1);
        Assert.InRange((traffic.ReceivedDown - down) / 1500.0, delivered, 1);
        Assert.InRange(world.Session!.Switches, 1, 3);
        Assert.Equal(SessionState.Attached, world.Session.State);
    }

    private static Traffic Flowing(ClientWorld world)
    {
        world.Wan1.Delay = world.Wan2.Delay = TimeSpan.FromMilliseconds(1);
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(6000);
        Assert.Equal("wan1", world.Session!.Bound!.Uplink);
        return traffic;
    }
}
