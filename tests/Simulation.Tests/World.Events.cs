using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

// What a scenario does to the world.
internal sealed partial class World
{
    /// <summary>A gateway that cannot hand its sessions over is ended by its service manager.</summary>
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(3);

    private Instant _lagUntil = Instant.Zero;
    private TimeSpan _lag;
    private long _nextRequest;
    private long _draining;

    /// <summary>Lets it happen now, and end when its time is over.</summary>
    public void Apply(Transition transition)
    {
        Trace.Line("world", transition.ToString!);
        Trace.Mark((ulong)transition.GetType().Name.Length);
        switch (transition)
        {
            case Transition.UplinkFails fails:
                Fail(Clients[fails.Client], Clients[fails.Client].Uplinks[fails.Uplink], fails);
                break;
            case Transition.UplinkDegrades degrades:
                Degrade(Clients[degrades.Client].Uplinks[degrades.Uplink], degrades);
                break;
            case Transition.NatRebinds rebinds:
                SimUplink rebound = Clients[rebinds.Client].Uplinks[rebinds.Uplink];
                UInt128? outside = rebinds.NewAddress ? NewOutside() : null;
                Network.Readdress(rebound, () => rebound.Rebind(outside));
                Clients[rebinds.Client].Addresses.Add(rebound.OuterAddress);
                break;
            case Transition.AddressChanges changes:
                SimUplink changed = Clients[changes.Client].Uplinks[changes.Uplink];
                Network.Readdress(changed, () => changed.ChangeAddress(changed.Nat is null ? NewOutside() : NewInside()));
                Clients[changes.Client].Addresses.Add(changed.OuterAddress);
                Agenda.After(changes.EventAfter, Clients[changes.Client].TellUplinks);
                break;
            case Transition.MtuShrinks shrinks:
                Clients[shrinks.Client].Uplinks[shrinks.Uplink].Mtu = shrinks.Mtu;
                Clients[shrinks.Client].Uplinks[shrinks.Uplink].IsMtuLocal = shrinks.IsLocal;
                break;
            case Transition.GatewayDies dies:
                Gateway.Kill();
                Agenda.After(dies.For, Gateway.Start);
                break;
            case Transition.GatewayDrains drains:
                Drain(drains.For);
                break;
            case Transition.GatewayPauses pauses:
                Gateway.Pause(pauses.For);
                break;
            case Transition.StoreIsAway away:
                Store.UnavailableUntil = Instant.Max(Store.UnavailableUntil, Agenda.Now + away.For);
                break;
            case Transition.StoreIsSlow slow:
                Store.Latency = (slow.Latency / 2, slow.Latency);
                Agenda.After(slow.For, () => Store.Latency = (TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(3)));
                break;
            case Transition.StoreLosesAnswers loses:
                Store.LostAnswers = loses.Percent;
                Agenda.After(loses.For, () => Store.LostAnswers = 0);
                break;
            case Transition.StoreRepeats repeats:
                Store.Repeats = repeats.Percent;
                Agenda.After(repeats.For, () => Store.Repeats = 0);
                break;
            case Transition.ClientDies dies:
                Clients[dies.Client].Kill();
                if (dies.LosesState) Clients[dies.Client].Disk = null;
                Agenda.After(dies.For, Clients[dies.Client].Start);
                break;
            case Transition.ClientStops stops:
                Clients[stops.Client].Stop();
                Agenda.After(stops.For, Clients[stops.Client].Start);
                break;
            case Transition.ClientPauses pauses:
                Clients[pauses.Client].Pause(pauses.For);
                break;
            case Transition.DiskFails fails:
                HadDiskFailures |= Clients[fails.Client].KeepsState;
                Clients[fails.Client].DiskFailures = fails.Percent;
                Agenda.After(fails.For, () => Clients[fails.Client].DiskFailures = 0);
                break;
            case Transition.TimersLag lags:
                _lag = lags.By;
                _lagUntil = Agenda.Now + lags.For;
                break;
            case Transition.OperatorEnds ends:
                if (Gateway.State.ByClient.TryGetValue(Clients[ends.Client].Key, out SessionId session))
                {
                    Oracle.AskedToEnd.Add(session);
                    Gateway.Post(new GatewayInput.TerminateRequested(session, ++_nextRequest));
                }
                break;
            case Transition.ClientIsRemoved removed:
                _removed.Add(Clients[removed.Client].Key);
                Gateway.Kill();
                Gateway.Start();
                break;
            case Transition.ClientIsCopied copied:
                Copy(Clients[copied.Client], copied.For);
                break;
            case Transition.TrafficPauses pauses:
                if (pauses.Up) _flows[pauses.Client].UpFrom = Agenda.Now + pauses.For;
                if (pauses.Down) _flows[pauses.Client].DownFrom = Agenda.Now + pauses.For;
                break;
            case Transition.AttackerReplays replays:
                Attacker.Replay(replays.Count, replays.Spoofs, replays.Within);
                break;
            case Transition.AttackerFlips flips:
                Attacker.Flip(flips.Count, flips.Spoofs, flips.Within);
                break;
            case Transition.AttackerRaces races:
                Attacker.RaceFor(races.For);
                break;
            case Transition.AttackerReseals reseals:
                Attacker.Reseal(reseals.Count, reseals.Within);
                break;
            case Transition.AttackerAnswers answers:
                Attacker.AnswerFor(answers.For);
                break;
            case Transition.AttackerInvents invents:
                Attacker.Invent(invents.Count, invents.Spoofs, invents.Within);
                break;
            default:
                throw new SimulationException($"a transition that nobody carries out: {transition}");
        }
    }

    private void Fail(ClientHost client, SimUplink uplink, Transition.UplinkFails fails)
    {
        bool losesCarrier = fails.Fault is LinkFault.LinkDown or LinkFault.LinkDownLate;
        TimeSpan lateness = fails.Fault == LinkFault.LinkDownLate ? TimeSpan.FromMilliseconds(40) : TimeSpan.Zero;
        if (losesCarrier)
        {
            uplink.IsUp = false;
            Agenda.After(lateness, client.TellUplinks);
        }
        uplink.LosesUp |= fails.Fault is LinkFault.Silent or LinkFault.SilentUp;
        uplink.LosesDown |= fails.Fault is LinkFault.Silent or LinkFault.SilentDown;
        Agenda.After(fails.For, () =>
        {
            if (losesCarrier) uplink.IsUp = true;
            else uplink.LosesUp = uplink.LosesDown = false;
            if (losesCarrier) Agenda.After(lateness, client.TellUplinks);
        });
    }

    private void Degrade(SimUplink uplink, Transition.UplinkDegrades degrades)
    {
        (TimeSpan delay, TimeSpan jitter) = (uplink.Delay, uplink.Jitter);
        uplink.LossPercent = degrades.LossPercent;
        uplink.DuplicatePercent = degrades.DuplicatePercent;
        uplink.Delay = degrades.Delay;
        uplink.Jitter = degrades.Jitter;
        Agenda.After(degrades.For, () =>
        {
            uplink.LossPercent = uplink.DuplicatePercent = 0;
            uplink.Delay = delay;
            uplink.Jitter = jitter;
        });
    }

    private void Drain(TimeSpan away)
    {
        if (!Gateway.IsRunning || _draining == Gateway.Process) return;
        long process = _draining = Gateway.Process;
        Gateway.Post(new GatewayInput.Drain());
        Instant patience = Agenda.Now + DrainPatience;
        Await();

        void Await()
        {
            if (!Gateway.IsRunning || process != Gateway.Process) return;
            if (!Gateway.HasDrained && Agenda.Now < patience)
            {
                Agenda.After(TimeSpan.FromMilliseconds(10), Await);
                return;
            }
            Gateway.Kill();
            Agenda.After(away, Gateway.Start);
        }
    }

    /// <summary>A second host with a copy of everything: same key, same state file, an uplink of its own.</summary>
    private void Copy(ClientHost original, TimeSpan time)
    {
        HasCopies = true;
        var copy = original.Copy(Clients.Count, NewUplink());
        Clients.Add(copy);
        _flows[copy.Number] = new();
        copy.Start();
        Agenda.After(time, copy.Kill);
    }

    private SimUplink NewUplink() => new("wan1", 2, NewOutside(), null);
}
