using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Operation;

public sealed class LifecycleTests
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);

    [PrivilegedTheory]
    [InlineData(LabSignal.Terminate)]
    [InlineData(LabSignal.Interrupt)]
    public void A_node_that_is_told_to_end_leaves_the_host_as_it_was(int signal)
    {
        using LabTopology topology = LabTopology.Create();
        string client = Network(topology.Client), gateway = Network(topology.Gateway);
        using var nodes = new NodeTunnel(topology);
        nodes.Start();
        Assert.NotEqual(client, Network(topology.Client));
        foreach (LabNode node in (LabNode[])[nodes.Client, nodes.Gateway])
        {
            node.Signal(signal);
            Assert.True(node.WaitForExit(StopLimit), nodes.Logs());
            Assert.True(node.ExitCode == 0, nodes.Logs());
        }

        Assert.Equal(client, Network(topology.Client));
        Assert.Equal(gateway, Network(topology.Gateway));
    }

    [PrivilegedFact]
    public void A_killed_node_comes_back_and_then_leaves_the_host_as_it_was()
    {
        using LabTopology topology = LabTopology.Create();
        string client = Network(topology.Client), gateway = Network(topology.Gateway);
        using var nodes = new NodeTunnel(topology);
        nodes.Start();
        nodes.Client.Kill();
        nodes.Gateway.Kill();
        nodes.Start();
        Assert.True(nodes.Client.Stop(), nodes.Logs());
        Assert.True(nodes.Gateway.Stop(), nodes.Logs());

        Assert.Equal(client, Network(topology.Client));
        Assert.Equal(gateway, Network(topology.Gateway));
    }

    [PrivilegedFact]
    public void A_second_node_on_the_same_configuration_is_refused_and_the_first_goes_on()
    {
        using Tunnel tunnel = Tunnel.Start();
        CliResult second = NodeCli.RunIn(tunnel.Topology.Gateway, "run", "--config", tunnel.Nodes.PathOf("gateway.yaml"));
        Assert.Equal(1, second.ExitCode);
        Assert.Single(second.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        CliResult secondClient = NodeCli.RunIn(tunnel.Topology.Client, "run", "--config", tunnel.Nodes.PathOf("client.yaml"));
        Assert.Equal(1, secondClient.ExitCode);

        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
    }

    [PrivilegedFact]
    public void A_second_gateway_on_the_same_store_is_refused()
    {
        using Tunnel tunnel = Tunnel.Start();
        string other = tunnel.Nodes.PathOf("other.yaml");
        File.WriteAllText(other, File.ReadAllText(tunnel.Nodes.PathOf("gateway.yaml"))
            .Replace("gateway.sock", "other.sock", StringComparison.Ordinal)
            .Replace("name: jump0", "name: jump1", StringComparison.Ordinal)
            .Replace("51830", "51831", StringComparison.Ordinal) + "audit: { directory: other-audit }\n");
        Directory.CreateDirectory(tunnel.Nodes.PathOf("other-audit"));
        CliResult second = NodeCli.RunIn(tunnel.Topology.Gateway, "run", "--config", other);

        Assert.Equal(1, second.ExitCode);
        Assert.True(second.Error.Contains("events.db", StringComparison.Ordinal), second.Error);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
    }

    [PrivilegedFact]
    public void A_truncated_store_is_an_error_and_stays_as_it_is()
    {
        using Tunnel tunnel = Tunnel.Start();
        Assert.True(tunnel.Nodes.Gateway.Stop(), tunnel.Nodes.Logs());
        string store = tunnel.Nodes.PathOf("events.db");
        byte[] whole = File.ReadAllBytes(store);
        File.WriteAllBytes(store, whole[..(whole.Length / 2 + 100)]);
        byte[] truncated = File.ReadAllBytes(store);
        tunnel.Nodes.IsAudited = false;
        CliResult result = NodeCli.RunIn(tunnel.Topology.Gateway, "run", "--config", tunnel.Nodes.PathOf("gateway.yaml"));

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("events.db", result.Error, StringComparison.Ordinal);
        Assert.Equal(truncated, File.ReadAllBytes(store));
    }

    [PrivilegedFact]
    public void What_the_lab_writes_is_a_configuration_without_errors()
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(Clients: 2));
        using var nodes = new NodeTunnel(topology, new NodeTunnelOptions { Clients = 2, State = true });
        foreach (string file in (string[])["gateway.yaml", "client.yaml", "client1.yaml"])
        {
            CliResult result = NodeCli.Run("check", "--config", nodes.PathOf(file));
            Assert.True(result.ExitCode == 0, result.Error);
        }
    }

    /// <summary>Devices, addresses, routes and rules of a host.</summary>
    private static string Network(LabNamespace space) => string.Join(
        '\n',
        space.IpShow("-o", "link"),
        space.IpShow("-o", "addr"),
        space.IpShow("route", "show", "table", "all"),
        space.IpShow("-6", "route", "show", "table", "all"),
        space.IpShow("rule"),
        space.IpShow("-6", "rule"));
}
