using JumpingVpn.Node.Lab.Faults;

namespace JumpingVpn.Node.Lab.Cases;

/// <summary>The rows of the outage table.</summary>
public static class OutageCases
{
    private static readonly TimeSpan FlapHalf = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FlapTotal = TimeSpan.FromSeconds(15);

    public static IReadOnlyList<OutageCase> All { get; } =
    [
        new("link-down", "uplink 1 down, link event", Within(40), (lab, _) => new LinkDownFault(lab)),
        new("link-down-quiet", "uplink 1 down, only the gateway sends", Within(40), (lab, _) => new LinkDownFault(lab), OnlyGatewaySends: true),
        new("blackhole", "silent blackhole on path 1", Within(250), (lab, _) => new BlackholeFault(lab)),
        new("blackhole-up", "silent blackhole, client to gateway only", Within(250),
            (lab, _) => new BlackholeFault(lab, BlackholeDirection.ClientToGateway)),
        new("blackhole-down", "silent blackhole, gateway to client only", Within(250),
            (lab, _) => new BlackholeFault(lab, BlackholeDirection.GatewayToClient)),
        new("nat-rebinding", "NAT rebinding (address, port, conntrack flushed)", Within(40), (lab, _) => new NatRebindingFault(lab)),
        new("nat-rebinding-quiet", "NAT rebinding, only the gateway sends", Within(500),
            (lab, _) => new NatRebindingFault(lab), OnlyGatewaySends: true),
        new("address-change", "address of uplink 1 changes", Within(40), (lab, _) => new AddressChangeFault(lab)),
        new("gateway-restart", "gateway killed and restarted", Within(1000), (lab, tunnel) => new GatewayRestartFault(lab, tunnel)),
        new("loss", "30 % loss on path 1 for 5 s", new(Delivered: 0.95, TcpStallMilliseconds: 500),
            (lab, _) => new LossFault(lab, 30), Lasting: TimeSpan.FromSeconds(5)),
        new("flap-silent", "path 1 flaps silently 500/500 ms for 15 s", new(Delivered: 0.97, Moves: 3),
            (lab, _) => Flap(lab, new BlackholeFault(lab)), Lasting: TimeSpan.Zero),
        new("flap-link", "the same with link events", new(Delivered: 0.998, Moves: 3),
            (lab, _) => Flap(lab, new LinkDownFault(lab)), Lasting: TimeSpan.Zero),
        new("voluntary", "voluntary switch to a better path", new(NothingLost: true),
            (lab, tunnel) => new ReturnToPreferredFault(lab, tunnel), NeedsSession: true)
        {
            // The default of 30 s is the same decision, later.
            NodeOptions = new() { Policy = new Dictionary<string, string> { ["return_hold"] = "3s" } },
        },
    ];

    /// <summary>The case of this name, or null.</summary>
    public static OutageCase? Find(string name) => All.FirstOrDefault(entry => entry.Name == name);

    private static OutageLimits Within(double milliseconds) => new(OutageMilliseconds: milliseconds);

    private static FlapFault Flap(LabTopology lab, LabFault fault) => new(lab, fault, FlapHalf, FlapTotal);
}
