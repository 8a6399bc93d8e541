using System.Net;
using System.Net.Sockets;

namespace JumpingVpn.Node.Lab.Faults;

/// <summary>
/// A router gets another external address and port range and forgets every connection: the client's packets arrive from a new
/// source, and what the gateway sends to the old one is lost.
/// </summary>
public sealed class NatRebindingFault(LabTopology topology, int router = 1) : LabFault(topology)
{
    private bool rebound;

    public override string Name => $"NAT rebinding on path {router}";

    private string Outside4 => rebound ? LabNetwork.RouterRebound4(router) : LabNetwork.RouterOutside4(router);

    private string Outside6 => rebound ? LabNetwork.RouterRebound6(router) : LabNetwork.RouterOutside6(router);

    public override void Apply()
    {
        LabNamespace space = Topology.Router(router);
        List<string> lines = [$"addr del {Outside4}/24 dev out"];
        if (Topology.Options.IPv6) lines.Add($"addr del {Outside6}/64 dev out");
        rebound = !rebound;
        lines.Add($"addr add {Outside4}/24 dev out");
        if (Topology.Options.IPv6) lines.Add($"addr add {Outside6}/64 dev out nodad");
        // The ports first: they count for new translations only. The kernel forgets what was translated to the old address in its own
        // time, so it is told to at once: whatever a packet of the meantime was translated to would be a second rebinding.
        space.Nft(LabRuleset.Rebind(rebound ? LabNetwork.SecondPorts : LabNetwork.FirstPorts));
        space.Ip([.. lines]);
        LabConntrack.Flush(space);
    }

    public override void AssertTookHold()
    {
        IReadOnlyList<LabMapping> mappings = LabConntrack.Mappings(Topology.Router(router));
        Require(mappings.Any(mapping => IsNew(mapping.Outside)), $"no translation to {Outside4} among {mappings.Count}");
        Require(IsAllNew(), "a translation to the old address is left");
    }

    /// <summary>The new address stays; a second <see cref="Apply"/> goes back to the first one.</summary>
    public override void Lift()
    {
    }

    private bool IsAllNew() =>
        LabConntrack.Mappings(Topology.Router(router)).All(mapping => IsNew(mapping.Outside) || mapping.Outside.Equals(mapping.Inside));

    private bool IsNew(IPEndPoint outside)
    {
        int firstPort = int.Parse((rebound ? LabNetwork.SecondPorts : LabNetwork.FirstPorts).Split('-')[0], System.Globalization.CultureInfo.InvariantCulture);
        return outside.Address.Equals(IPAddress.Parse(outside.AddressFamily == AddressFamily.InterNetwork ? Outside4 : Outside6))
            && outside.Port >= firstPort && outside.Port < firstPort + 5000;
    }
}
