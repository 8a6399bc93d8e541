using System.Net;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>No tunnel: the probes cross the bare network. It shows the floor of the method.</summary>
public sealed class RawTunnel : ILabTunnel
{
    public string Name => "no tunnel";

    public IPAddress GatewayAddress { get; } = IPAddress.Parse(LabNetwork.Gateway4);

    public int? GatewayProcessId => null;

    public IReadOnlyList<int> ProcessIds => [];

    public void Start()
    {
    }

    public void RestartGateway()
    {
    }

    public LabSession? ReadSession() => null;

    public string Logs() => "";

    public void Dispose()
    {
    }
}
