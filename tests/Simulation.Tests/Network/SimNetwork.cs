using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Network;

/// <summary>
/// The wires between the clients' uplinks, the gateway and whoever listens. Everybody on the way may see a datagram and send it
/// again; nobody may change one under its sender's name without <see cref="Origin"/> saying so.
/// </summary>
internal sealed class SimNetwork(Agenda agenda, SimRandom random, Trace trace)
{
    private const int MaxRecorded = 256;
    private const int UdpOverhead = 28;

    private readonly SortedDictionary<UInt128, (SimUplink Uplink, Action<Endpoint, Datagram> Deliver)> _uplinks = [];
    private readonly Ring _traffic = new(), _control = new();

    /// <summary>Takes what reaches one of the gateway's addresses.</summary>
    public Action<Datagram> ToGateway { get; set; } = _ => { };

    /// <summary>True while nothing passes between an uplink and one of the gateway's addresses.</summary>
    public Func<SimUplink, Endpoint, bool> IsCut { get; set; } = (_, _) => false;

    /// <summary>Sees each genuine datagram to the gateway as it leaves its uplink, before it is lost or delayed.</summary>
    public Action<Datagram, TimeSpan> Tap { get; set; } = (_, _) => { };

    /// <summary>Takes what goes to an address that is no uplink's.</summary>
    public Action<Datagram> Astray { get; set; } = _ => { };

    /// <summary>Sees each genuine datagram, and loses those for which it says false.</summary>
    public Func<Datagram, bool> Passes { get; set; } = _ => true;

    /// <summary>Genuine data, probes and their answers that an attacker has seen, both ways, in no particular order.</summary>
    public IReadOnlyList<Datagram> Traffic => _traffic.Items;

    /// <summary>All the others.</summary>
    public IReadOnlyList<Datagram> Control => _control.Items;

    public void Connect(SimUplink uplink, Action<Endpoint, Datagram> deliver) => _uplinks[uplink.OuterAddress] = (uplink, deliver);

    /// <summary>Runs what changes an uplink's address, and keeps the directory right.</summary>
    public void Readdress(SimUplink uplink, Action change)
    {
        _uplinks.Remove(uplink.OuterAddress, out (SimUplink, Action<Endpoint, Datagram> Deliver) entry);
        change();
        _uplinks[uplink.OuterAddress] = (uplink, entry.Deliver);
    }

    public SendResult SendUp(SimUplink uplink, Endpoint local, Endpoint remote, byte[] bytes)
    {
        if (!uplink.IsUp || local.Address != uplink.Address) return SendResult.Unsendable;
        bool fits = bytes.Length + UdpOverhead <= uplink.Mtu;
        if (!fits && uplink.IsMtuLocal) return SendResult.TooBig;
        var datagram = new Datagram(bytes, uplink.Out(local, remote), remote);
        Record(datagram);
        Tap(datagram, uplink.Delay);
        if (!Passes(datagram) || !fits || uplink.LosesUp || IsCut(uplink, remote)) return SendResult.Sent;
        Carry(uplink, () => ToGateway(datagram));
        return SendResult.Sent;
    }

    public void SendDown(Endpoint local, Endpoint remote, byte[] bytes, Origin origin = Origin.Genuine)
    {
        var datagram = new Datagram(bytes, local, remote, origin);
        if (origin == Origin.Genuine)
        {
            Record(datagram);
            if (!Passes(datagram)) return;
        }
        if (!_uplinks.TryGetValue(remote.Address, out (SimUplink Uplink, Action<Endpoint, Datagram> Deliver) target))
        {
            Astray(datagram);
            return;
        }
        SimUplink uplink = target.Uplink;
        if (bytes.Length + UdpOverhead > uplink.Mtu || IsCut(uplink, local)) return;
        Carry(uplink, () =>
        {
            if (!uplink.IsUp || uplink.LosesDown || uplink.OuterAddress != remote.Address || uplink.In(remote, local) is not { } inside) return;
            target.Deliver(inside, datagram);
        });
    }

    /// <summary>An attacker's datagram, after <paramref name="delay"/>.</summary>
    public void Inject(Datagram datagram, TimeSpan delay)
    {
        trace.Line("attacker", datagram.ToString);
        if (_uplinks.ContainsKey(datagram.To.Address)) agenda.After(delay, () => SendDown(datagram.From, datagram.To, datagram.Bytes, datagram.Origin));
        else agenda.After(delay, () => ToGateway(datagram));
    }

    private void Carry(SimUplink uplink, Action arrive)
    {
        int copies = random.Chance(uplink.DuplicatePercent) ? 2 : 1;
        for (int i = 0; i < copies; i++)
            if (!random.Chance(uplink.LossPercent)) agenda.After(uplink.Delay + random.Time(TimeSpan.Zero, uplink.Jitter), arrive);
    }

    private void Record(Datagram datagram)
    {
        trace.Mark(datagram.Bytes);
        (datagram.Type is MessageType.Data or MessageType.Probe or MessageType.ProbeReply ? _traffic : _control).Add(datagram);
    }

    private sealed class Ring
    {
        private int _next;

        public List<Datagram> Items { get; } = [];

        public void Add(Datagram datagram)
        {
            if (Items.Count < MaxRecorded) Items.Add(datagram);
            else Items[_next = (_next + 1) % MaxRecorded] = datagram;
        }
    }
}
