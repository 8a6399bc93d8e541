namespace JumpingVpn.Node.Lab.Faults;

/// <summary>An uplink's interface goes down on the client: the kernel announces it, and its routes go.</summary>
public sealed class LinkDownFault(LabTopology topology, int uplink = 1, int client = 0) : LabFault(topology)
{
    private string Device => $"wan{uplink}";

    public override string Name => $"{Device} down";

    public override void Apply() => Topology.ClientAt(client).Ip($"link set {Device} down");

    public override void AssertTookHold()
    {
        string link = Topology.ClientAt(client).IpShow("-o", "link", "show", Device);
        Require(link.Contains("state DOWN", StringComparison.Ordinal) && !link.Contains(",UP", StringComparison.Ordinal), link.Trim());
        string routes = Topology.ClientAt(client).IpShow("route", "show", "default", "dev", Device);
        Require(routes.Length == 0, $"a default route is left: {routes.Trim()}");
    }

    /// <summary>Up again, with the addresses and routes that went with the link.</summary>
    public override void Lift()
    {
        Topology.ClientAt(client).Ip([
            $"link set {Device} up",
            .. Topology.Addresses6(Device, LabNetwork.Inside6(uplink, client, 2)),
            .. Topology.DefaultRoutes(uplink, client)]);
    }
}
