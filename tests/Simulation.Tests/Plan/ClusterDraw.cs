using System.Collections.Immutable;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Plan;

/// <summary>Draws what happens next where several gateways share a store: half of it to the nodes and their store, half as to a sole gateway's world.</summary>
internal sealed class ClusterDraw(SimRandom random, ImmutableArray<ClientPlan> clients, ClusterPlan cluster)
{
    private readonly TransitionDraw _others = new(random, clients, isLong: false);

    public Transition Next()
    {
        int node = random.Below(cluster.Nodes.Length), client = random.Below(clients.Length);
        switch (random.Below(40))
        {
            case < 4:
                return new Transition.GatewayDies(random.Milliseconds(0, random.Chance(40) ? 300 : 5_000), node, random.Chance(30));
            case < 6:
                return new Transition.GatewayDrains(random.Milliseconds(0, 3_000), node);
            case < 9:
                return new Transition.GatewayPauses(AroundTheLease(), node, random.Chance(30));
            case < 12:
                return new Transition.ClientLosesNode(client, node, random.Milliseconds(100, 5_000));
            case < 16:
                return new Transition.NodeLosesStore(node, AroundTheLease());
            case 16:
                return new Transition.AppendsComeLate(random.Pick([20, 100]), random.Milliseconds(200, 3_000));
            case 17:
                return new Transition.NoticesGetLost(random.Pick([50, 100]), random.Milliseconds(500, 5_000));
            case 18:
                return new Transition.StoreIsAway(random.Milliseconds(50, 4_000));
            case 19:
                return new Transition.StoreIsSlow(random.Milliseconds(20, 800), random.Milliseconds(200, 4_000));
            default:
                // What hits "the gateway" there hits one of them here.
                return _others.Next() switch
                {
                    Transition.GatewayDies dies => dies with { Node = node },
                    Transition.GatewayDrains drains => drains with { Node = node },
                    Transition.GatewayPauses pauses => pauses with { Node = node },
                    Transition other => other,
                };
        }
    }

    /// <summary>What lasts about as long as a lease is what tells a right rule from a wrong one.</summary>
    private TimeSpan AroundTheLease() => random.Chance(60)
        ? random.Time(0.7 * cluster.Times.Lease, 1.6 * cluster.Times.Lease)
        : random.Milliseconds(50, 5_000);
}
