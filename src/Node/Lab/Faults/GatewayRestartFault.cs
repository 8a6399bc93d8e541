using System.Globalization;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Faults;

/// <summary>The gateway's process is killed with SIGKILL and started again at once.</summary>
public sealed class GatewayRestartFault(LabTopology topology, ILabTunnel tunnel) : LabFault(topology)
{
    private int? before;

    public override string Name => "gateway killed and restarted";

    public override void Apply()
    {
        before = tunnel.GatewayProcessId;
        tunnel.RestartGateway();
    }

    public override void AssertTookHold()
    {
        Require(before is not null && tunnel.GatewayProcessId != before, "the gateway's process is the same");
        Require(!Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{before}")), $"process {before} still runs");
    }

    public override void Lift()
    {
    }
}
