namespace JumpingVpn.Node.Lab.Faults;

/// <summary>Which packets a blackhole swallows.</summary>
public enum BlackholeDirection
{
    Both,
    ClientToGateway,
    GatewayToClient,
}

/// <summary>A router drops what it should forward. No interface, route or address changes on the client: nothing announces it.</summary>
public sealed class BlackholeFault(LabTopology topology, BlackholeDirection direction = BlackholeDirection.Both, int router = 1) : LabFault(topology)
{
    public override string Name => direction switch
    {
        BlackholeDirection.Both => $"blackhole on path {router}",
        BlackholeDirection.ClientToGateway => $"blackhole on path {router}, client to gateway",
        BlackholeDirection.GatewayToClient => $"blackhole on path {router}, gateway to client",
        _ => throw new ArgumentOutOfRangeException(nameof(direction)),
    };

    private string Match => direction switch
    {
        BlackholeDirection.Both => "",
        BlackholeDirection.ClientToGateway => "oifname \"out\"",
        BlackholeDirection.GatewayToClient => "iifname \"out\"",
        _ => throw new ArgumentOutOfRangeException(nameof(direction)),
    };

    public override void Apply() => Topology.Router(router).Nft(LabRuleset.SetFault(Match, "drop"));

    public override void AssertTookHold() =>
        Require(LabRuleset.FaultPackets(Topology.Router(router)) > 0, "the router has dropped no packet");

    public override void Lift() => Topology.Router(router).Nft(LabRuleset.ClearFault);
}
