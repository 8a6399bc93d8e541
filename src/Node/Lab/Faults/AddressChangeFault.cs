namespace JumpingVpn.Node.Lab.Faults;

/// <summary>An uplink's address goes and another one comes, with its default route, in one batch: what a new lease does.</summary>
public sealed class AddressChangeFault(LabTopology topology, int uplink = 1, int client = 0) : LabFault(topology)
{
    private int host = 2;

    public override string Name => $"the address of wan{uplink} changes";

    private string Address4 => LabNetwork.Inside4(uplink, client, host);

    private string Address6 => LabNetwork.Inside6(uplink, client, host);

    public override void Apply()
    {
        List<string> lines = [$"addr del {Address4}/24 dev wan{uplink}"];
        if (Topology.Options.IPv6) lines.Add($"addr del {Address6}/64 dev wan{uplink}");
        host++;
        lines.Add($"addr add {Address4}/24 dev wan{uplink}");
        if (Topology.Options.IPv6) lines.Add($"addr add {Address6}/64 dev wan{uplink} nodad");
        lines.AddRange(Topology.DefaultRoutes(uplink, client));
        Topology.ClientAt(client).Ip([.. lines]);
    }

    public override void AssertTookHold()
    {
        string addresses = Topology.ClientAt(client).IpShow("-o", "-4", "addr", "show", "dev", $"wan{uplink}");
        string before = LabNetwork.Inside4(uplink, client, host - 1);
        bool replaced = addresses.Contains($" {Address4}/", StringComparison.Ordinal) && !addresses.Contains($" {before}/", StringComparison.Ordinal);
        Require(replaced, addresses.Trim());
        string routes = Topology.ClientAt(client).IpShow("route", "show", "default", "dev", $"wan{uplink}");
        Require(routes.Length > 0, "the default route is missing");
    }

    /// <summary>The new address stays.</summary>
    public override void Lift()
    {
    }
}
