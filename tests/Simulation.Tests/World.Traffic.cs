using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests;

// Inner packets, and whether everything comes back once the faults are over.
internal sealed partial class World
{
    private static readonly TimeSpan CheckEvery = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<int, Flow> _flows = [];
    private ulong _nextNumber;

    /// <summary>What flows between a client and the gateway's network.</summary>
    private sealed class Flow
    {
        public Instant UpFrom { get; set; } = Instant.Zero;

        public Instant DownFrom { get; set; } = Instant.Zero;

        public Instant LastUp { get; set; } = Instant.Zero;

        public Instant LastDown { get; set; } = Instant.Zero;

        public int Offered { get; set; }

        public int ArrivedUp { get; set; }

        public int ArrivedDown { get; set; }
    }

    /// <summary>Told before a packet is offered in each direction.</summary>
    public Action<ClientHost> Offering { get; set; } = _ => { };

    /// <summary>Inner packets that were offered in each direction, and those that arrived, since the world began.</summary>
    public (int Offered, int Up, int Down) Delivery(ClientHost client) =>
        (_flows[client.Number].Offered, _flows[client.Number].ArrivedUp, _flows[client.Number].ArrivedDown);

    public void DeliveredUp(ulong number)
    {
        Flow flow = _flows[ClientOf(number)];
        flow.LastUp = Agenda.Now;
        flow.ArrivedUp++;
    }

    public void DeliveredDown(ClientHost client, ulong number)
    {
        Oracle.Require(Clients[ClientOf(number)].Key == client.Key, () => $"{client.Name} gets a packet of client {ClientOf(number)}");
        _flows[client.Number].LastDown = Agenda.Now;
        _flows[client.Number].ArrivedDown++;
    }

    private static int ClientOf(ulong number) => (int)(number >> 48);

    private ulong NewNumber(ClientHost client) => ((ulong)client.Number << 48) | ++_nextNumber;

    private void StartTraffic(ClientHost client, TimeSpan every)
    {
        Flow flow = _flows[client.Number] = new();
        Repeat();

        void Repeat()
        {
            flow.Offered++;
            Offering(client);
            if (Agenda.Now >= flow.UpFrom) client.SendInner(ModelPacket.Inner(NewNumber(client), client.InnerAddress));
            if (Agenda.Now >= flow.DownFrom)
            {
                // Wherever the network behind the gateways sends it: one of them takes it, whoever believes that it serves the client.
                byte[] inner = ModelPacket.Inner(NewNumber(client), Endpoint.FromIPv4(0x0A4D0001, 0).Address);
                foreach (GatewayHost node in Nodes) node.SendInner(client.Key, inner);
            }
            Agenda.After(every, Repeat);
        }
    }

    /// <summary>All faults end; whoever is down starts.</summary>
    private void Heal()
    {
        Trace.Line("world", () => "all faults are over");
        Attacker.Rest();
        _lagUntil = Instant.Zero;
        Store.Heal();
        _cuts.Clear();
        foreach (ClientHost copy in Clients.Where(client => client.Number >= _scenario.Clients.Length).ToArray()) copy.Kill();
        foreach (ClientHost client in Clients)
        {
            client.DiskFailures = 0;
            foreach (Network.SimUplink uplink in client.Uplinks) uplink.Heal();
            client.TellUplinks();
            if (client.Number < _scenario.Clients.Length) client.Start();
        }
        foreach (Flow flow in _flows.Values) flow.UpFrom = flow.DownFrom = Instant.Zero;
        // One that is handing its sessions over ends on its own, and starts again.
        foreach (GatewayHost node in Nodes) node.Start();
    }

    /// <summary>Nobody who has left the registry is served for longer than a lease by what a node still believes.</summary>
    public void CheckRegistered(SessionId session, string what)
    {
        if (_removed.Count == 0 || Oracle.Find(session) is not { } stored || !_removed.TryGetValue(stored.Client, out Instant since)) return;
        Oracle.Require(Agenda.Now <= since + _scenario.Cluster!.Times.Lease, () => $"a node {what} for a client that has left the registry {Agenda.Now - since} ago");
    }

    private void AwaitRecovery()
    {
        Instant healed = Agenda.Now, end = healed + RecoveryBound + Grace();
        if (_scenario.Cluster is { } cluster) end += cluster.Times.Lease + cluster.Times.Margin;
        while (true)
        {
            Agenda.RunUntil(Agenda.Now + CheckEvery);
            // Who was still stopping when the faults ended starts now.
            foreach (ClientHost client in Clients.Take(_scenario.Clients.Length)) client.Start();
            string? missing = Missing();
            if (missing is null && Agenda.Now - healed > TimeSpan.FromMilliseconds(500)) return;
            if (Agenda.Now >= end) throw new SimulationException($"{(Agenda.Now - healed).TotalSeconds:0.0} s after the last fault {missing}");
        }
    }

    /// <summary>A client whose sessions ended one after the other waits longer before the next, by design: that comes on top.</summary>
    private TimeSpan Grace()
    {
        TimeSpan longest = TimeSpan.Zero;
        foreach (ClientHost client in Clients)
        {
            if (!client.IsRunning || client.State.Session is not null) continue;
            TimeSpan wait = client.State.Connect.NextAt - client.Now;
            if (wait > longest) longest = wait;
        }
        return longest + (Nodes.All(node => node.IsRunning) ? TimeSpan.Zero : TimeSpan.FromSeconds(2));
    }

    private string? Missing()
    {
        foreach (ClientHost client in Clients)
        {
            if (_removed.ContainsKey(client.Key) || client.Number >= _scenario.Clients.Length) continue;
            Flow flow = _flows[client.Number];
            Instant recent = Agenda.Now - TimeSpan.FromMilliseconds(300) - (2 * _scenario.Clients[client.Number].TrafficEvery);
            if (!client.IsAttached) return $"{client.Name} is {client.State.Session?.State.ToString() ?? "without a session"}";
            if (flow.LastUp < recent) return $"nothing arrives from {client.Name} ({client.State.Session!.State})";
            if (flow.LastDown < recent) return $"nothing arrives at {client.Name} ({client.State.Session!.State})";
            Session? stored = Oracle.Find(client.State.Session!.Id);
            if (stored is null || !stored.State.IsBound()) return $"{client.Name} is attached and the store says {stored?.State}";
        }
        return null;
    }

    /// <summary>Everybody goes: nothing may be left behind.</summary>
    private void Leave()
    {
        IsLeaving = true;
        foreach (ClientHost client in Clients) client.Stop();
        Agenda.RunUntil(Agenda.Now + TimeSpan.FromSeconds(4));
        Oracle.Require(Clients.TrueForAll(client => !client.IsRunning), () => "a client does not stop");
        // Half-open handshakes and prepared reattaches expire; what is left belongs to sessions that wait for their clients.
        Agenda.RunUntil(Agenda.Now + TimeSpan.FromSeconds(12));
        foreach (GatewayHost node in Nodes)
        {
            Oracle.Require(node.State.HalfOpen.IsEmpty, () => "a half-open handshake outlives its time");
            Oracle.Require(node.State.Sessions.Values.All(session => session.Prepared.IsEmpty), () => "a prepared reattach outlives its time");
        }
        foreach (SessionId id in Oracle.Sessions)
        {
            if (Store.State.Load(id) is not LoadResult.Found found) throw new SimulationException($"session {id} has left the store");
            Session restored = SessionRecords.Restore(found.History).Match(session => session, problem => throw new SimulationException("a stream cannot be read: " + problem));
            Oracle.Require(restored == Oracle.Find(id), () => $"session {id} is read back as {restored}");
        }
    }
}
