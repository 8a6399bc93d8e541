using System.Globalization;

namespace JumpingVpn.EndToEnd.Tests.Operation;

public sealed class DriverTests
{
    [PrivilegedFact]
    public void Neither_a_client_nor_a_gateway_on_its_own_store_loads_the_database_driver()
    {
        using Tunnel tunnel = Tunnel.Start();
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        foreach (int process in new[] { tunnel.Nodes.Client.ProcessId, tunnel.Nodes.Gateway.ProcessId })
        {
            string[] mapped = File.ReadAllLines($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/maps");
            Assert.Contains(mapped, line => line.EndsWith("JumpingVpn.Domain.dll", StringComparison.Ordinal));
            Assert.DoesNotContain(mapped, line => line.Contains("Npgsql", StringComparison.Ordinal));
        }
    }
}
