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
    private readonly HashSet<(GatewayHost Node, long Process)> _draining = [];
    private readonly Dictionary<(int Client, int Node), Instant> _cuts = [];

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
                Nodes[dies.Node].Kill();
                if (dies.Reboots && Nodes[dies.Node] is ClusterNode rebooted) rebooted.Reboot();
                Agenda.After(dies.For, Nodes[dies.Node].Start);
                break;
            case Transition.GatewayDrains drains:
                Drain(Nodes[drains.Node], drains.For);
                break;
            case Transition.GatewayPauses pauses:
                Nodes[pauses.Node].Pause(pauses.For, pauses.IsDeaf);
                break;
            case Transition.ClientLosesNode loses:
                _cuts[(loses.Client, loses.Node)] = Agenda.Now + loses.For;
                break;
            case Transition.NodeLosesStore loses:
                (Nodes[loses.Node] as ClusterNode)?.CutFromStore(loses.For);
                break;
            case Transition.StoreIsAway away:
                Store.UnavailableUntil = Instant.Max(Store.UnavailableUntil, Agenda.Now + away.For);
                break;
            case Transition.StoreIsSlow slow:
                Store.Latency = (slow.Latency / 2, slow.Latency);
                Agenda.After(slow.For, () => Store.Latency = StoreFaults.UsualLatency);
                break;
            case Transition.StoreLosesAnswers loses:
                Store.LostAnswers = loses.Percent;
                Agenda.After(loses.For, () => Store.LostAnswers = 0);
                break;
            case Transition.AppendsComeLate late when Store is ClusterStore shared:
                shared.LateAppends = late.Percent;
                Agenda.After(late.For, () => shared.LateAppends = 0);
                break;
            case Transition.NoticesGetLost lost when Store is ClusterStore shared:
                shared.LostNotices = lost.Percent;
                Agenda.After(lost.For, () => shared.LostNotices = 0);
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
                EndByOperator(Clients[ends.Client].Key);
                break;
            case Transition.ClientIsRemoved removed:
                _removed[Clients[removed.Client].Key] = Agenda.Now;
                if (_scenario.Cluster is not null)
                {
                    Store.State.RemoveClient(Clients[removed.Client].Name);
                    break;
                }
                Nodes[0].Kill();
                Nodes[0].Start();
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

    /// <summary>The operator asks one node; it need not be the owner.</summary>
    private void EndByOperator(PublicKey client)
    {
        GatewayHost asked = Nodes.Length == 1 ? Nodes[0] : Random.Pick(Nodes);
        SessionId? session = _scenario.Cluster is not null ? Oracle.Live.FirstOrDefault(live => live.Client == client)?.Id
            : asked.State.ByClient.TryGetValue(client, out SessionId known) ? known : null;
        if (session is not { } id) return;
        Oracle.AskedToEnd.Add(id);
        asked.Post(new GatewayInput.TerminateRequested(id, ++_nextRequest));
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

    private void Drain(GatewayHost node, TimeSpan away)
    {
        if (!node.IsRunning || !_draining.Add((node, node.Process))) return;
        long process = node.Process;
        node.Post(new GatewayInput.Drain());
        Instant patience = Agenda.Now + DrainPatience;
        Await();

        void Await()
        {
            if (!node.IsRunning || process != node.Process) return;
            if (node.HasDrained) node.Leave(End);
            else if (Agenda.Now < patience) Agenda.After(TimeSpan.FromMilliseconds(10), Await);
            else End();
        }

        void End()
        {
            if (process != node.Process) return;
            node.Kill();
            Agenda.After(away, node.Start);
        }
    }

    private bool IsCut(SimUplink uplink, Endpoint gateway)
    {
        if (_cuts.Count == 0 || NodeAt(gateway) is not { } node) return false;
        int client = Clients.FindIndex(client => client.Uplinks.Contains(uplink));
        return _cuts.TryGetValue((client, Nodes.IndexOf(node)), out Instant until) && Agenda.Now < until;
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
