namespace JumpingVpn.Node.Lab;

// Two gateways that share a database, and the network behind both.
public sealed partial class LabTopology
{
    private readonly ClusterSpaces? cluster;

    /// <summary>The server behind a cluster's nodes.</summary>
    public LabNamespace Server => Cluster.Server;

    /// <summary>The host that a client talks to through the tunnel: the server behind a cluster, otherwise the gateway itself.</summary>
    public LabNamespace FarEnd => cluster?.Server ?? Gateway;

    private ClusterSpaces Cluster => cluster ?? throw new InvalidOperationException("the topology has no cluster");

    /// <summary>Node 1 or 2 of a cluster.</summary>
    public LabNamespace NodeAt(int node) => node == 1 ? Gateway : Cluster.Gateway2;

    private IEnumerable<Action> BuildCluster() => cluster is null ? [] : [() => BuildBridge(cluster.Lan, 3), BuildServer, BuildSecondGateway];

    private void BuildSecondGateway()
    {
        Cluster.Gateway2.Ip(["link set lo up", .. Device("eth0", LabNetwork.Node4(2), "2001:db8:ff::2")]);
        for (int node = 1; node <= 2; node++)
        {
            NodeAt(node).Ip([.. Device(LabNetwork.LanDevice, LabNetwork.LanNode4(node), $"fd88::{node}")]);
            NodeAt(node).Sysctl(("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"));
        }
    }

    /// <summary>The tunnel's network is on the server's own link: whichever node serves a session answers for its addresses.</summary>
    private void BuildServer() => Server.Ip([
        "link set lo up",
        .. Device("eth0", LabNetwork.Server4, "fd88::10"),
        "route add 10.77.0.0/24 dev eth0"]);

    private sealed record ClusterSpaces(LabNamespace Gateway2, LabNamespace Lan, LabNamespace Server)
    {
        public IEnumerable<LabNamespace> All => [Gateway2, Lan, Server];
    }
}
