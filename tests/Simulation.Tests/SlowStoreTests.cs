using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

/// <summary>Both shipped cores, a client with several uplinks, and a store that takes seconds for each append.</summary>
public sealed class SlowStoreTests
{
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(100);

    [Theory]
    [InlineData(2, 2_500)]
    [InlineData(3, 2_500)]
    [InlineData(4, 2_500)]
    [InlineData(4, 4_400)]
    public void A_jump_takes_one_commit_however_long_that_is(int uplinks, int commitMilliseconds)
    {
        var commit = TimeSpan.FromMilliseconds(commitMilliseconds);
        var uplink = new UplinkPlan(HasNat: true, TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(1));
        var scenario = new Scenario(1, 1, SessionPolicy.Default, new StorePolicy(64, 40_000, 2_000, TimeSpan.FromHours(1)),
            [new ClientPlan(KeepsState: false, TimeSpan.FromMilliseconds(10), [.. Enumerable.Repeat(uplink, uplinks)])], [], TimeSpan.FromSeconds(30));
        var world = new World(scenario, keepsTrace: false);
        world.Begin();
        world.Agenda.RunUntil(world.Agenda.Now + TimeSpan.FromSeconds(5));
        ClientHost client = world.Clients[0];
        Assert.True(client.IsAttached);

        var switches = new List<Instant>();
        world.Oracle.Stored = (happened, _) =>
        {
            if (happened is SessionEvent.TransportSwitched) switches.Add(world.Agenda.Now);
        };
        world.Store.Latency = (commit, commit);
        Instant began = world.Agenda.Now;
        client.Uplinks.Single(each => each.Name == client.State.Session!.Bound!.Uplink).IsUp = false;
        client.TellUplinks();
        world.Agenda.RunUntil(began + TimeSpan.FromMilliseconds(500));
        Assert.False(client.IsAttached);
        Assert.Empty(switches);

        world.Agenda.RunUntil(began + commit + Slack);
        Assert.Single(switches);
        Assert.True(client.IsAttached);
        Assert.Null(client.State.Reattach);
        // And so it stays: nothing else is asked of the store.
        (int offered, int up, int down) = world.Delivery(client);
        world.Agenda.RunUntil(world.Agenda.Now + (2 * commit));
        Assert.Single(switches);
        (int offeredThen, int upThen, int downThen) = world.Delivery(client);
        Assert.InRange(Math.Min(upThen - up, downThen - down), offeredThen - offered - 2, offeredThen - offered + 2);
    }
}
