using System.Collections.Immutable;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Plan;

/// <summary>Draws what happens next. What is common in the field is common here, and every kind has its turn.</summary>
internal sealed class TransitionDraw(SimRandom random, ImmutableArray<ClientPlan> clients, bool isLong)
{
    private bool _removes;

    public Transition Next()
    {
        int client = random.Below(clients.Length);
        int uplink = random.Below(clients[client].Uplinks.Length);
        switch (random.Below(50))
        {
            case < 10:
                return new Transition.UplinkFails(client, uplink, (LinkFault)random.Below(5), Span(50, 4_000));
            case < 14:
                return new Transition.UplinkDegrades(
                    client, uplink, random.Pick([0, 5, 20, 40]), random.Pick([0, 5, 30]), random.Milliseconds(1, 300), random.Milliseconds(0, 80), Span(200, 5_000));
            case < 18:
                return new Transition.NatRebinds(client, uplink, random.Chance(40));
            case < 20:
                return new Transition.AddressChanges(client, uplink, random.Milliseconds(0, 30));
            case 20:
                return new Transition.MtuShrinks(client, uplink, random.Between(1_280, 1_480), random.Chance(50));
            case < 24:
                return new Transition.GatewayDies(Span(0, 4_000));
            case 24:
                return new Transition.GatewayDrains(Span(0, 2_000));
            case 25:
                return new Transition.GatewayPauses(Span(20, 3_000));
            case < 28:
                return new Transition.StoreIsAway(Span(50, 3_000));
            case 28:
                return new Transition.StoreIsSlow(random.Milliseconds(20, 800), Span(200, 4_000));
            case < 31:
                return new Transition.StoreLosesAnswers(random.Pick([20, 100]), Span(200, 3_000));
            case 31:
                return new Transition.StoreRepeats(50, Span(200, 6_000));
            case < 35:
                return new Transition.ClientDies(client, random.Chance(20), isLong && random.Chance(60) ? random.Milliseconds(40_000, 140_000) : Span(0, 3_000));
            case 35:
                return new Transition.ClientStops(client, Span(2_000, 4_000));
            case 36:
                return new Transition.ClientPauses(client, Span(20, 3_000));
            case 37:
                return new Transition.DiskFails(client, random.Pick([30, 100]), Span(200, 3_000));
            case 38:
                return new Transition.TimersLag(random.Milliseconds(5, 60), Span(200, 3_000));
            case 39:
                return random.Chance(50) ? new Transition.OperatorEnds(client) : Removal(client);
            case 40:
                return random.Chance(40) ? new Transition.ClientIsCopied(client, Span(500, 3_000)) : new Transition.OperatorEnds(client);
            case 41:
                return new Transition.TrafficPauses(client, random.Chance(70), random.Chance(70), Span(500, 8_000));
            case < 44:
                return new Transition.AttackerReplays(random.Between(1, 60), random.Chance(60), Span(10, 3_000));
            case 44:
                return new Transition.AttackerFlips(random.Between(1, 60), random.Chance(60), Span(10, 3_000));
            case 45:
                return new Transition.AttackerInvents(random.Between(1, 60), random.Chance(60), Span(10, 3_000));
            case 46:
                return new Transition.AttackerReseals(random.Between(1, 30), Span(10, 3_000));
            case 47:
                return new Transition.AttackerAnswers(Span(500, 4_000));
            default:
                return new Transition.AttackerRaces(Span(500, 6_000));
        }
    }

    /// <summary>One removal in a scenario, and never of everybody.</summary>
    private Transition Removal(int client)
    {
        if (_removes || clients.Length == 1) return new Transition.OperatorEnds(client);
        _removes = true;
        return new Transition.ClientIsRemoved(client);
    }

    private TimeSpan Span(int low, int high) => random.Milliseconds(low, isLong && random.Chance(30) ? high * 4 : high);
}
