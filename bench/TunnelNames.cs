using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Cases;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <summary>The tunnels that can be measured, by name.</summary>
internal static class TunnelNames
{
    public static ILabTunnel Make(string name, LabTopology topology, OutageCase outageCase, bool ipv6) => name switch
    {
        "jumping-vpn" => new NodeTunnel(topology, outageCase.NodeOptions with { OutsideIPv6 = ipv6, InsideIPv6 = ipv6 }),
        _ when ipv6 => throw new LabException($"`{name}` is measured over IPv4 only"),
        "wireguard-go" when WireGuardGoTunnel.IsAvailable => new WireGuardGoTunnel(topology),
        "wireguard-go" => throw new LabException("wireguard-go and wg are not installed"),
        "raw" => new RawTunnel(),
        _ => throw new LabException($"no tunnel `{name}`: jumping-vpn, wireguard-go or raw"),
    };
}
