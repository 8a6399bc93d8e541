using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>
/// One network, one PostgreSQL server and one cluster for the tests of a class. Each test gets it as new: both nodes serve, nothing is
/// broken, and a client has just started.
/// </summary>
public sealed class ClusterLab : IDisposable
{
    private const double Patience = 15;
    private PostgresServer? database;
    private LabTopology? topology;
    private ClusterTunnel? nodes;

    internal PostgresServer Database => database ?? throw new InvalidOperationException("the lab is not ready");

    internal LabTopology Topology => topology ?? throw new InvalidOperationException("the lab is not ready");

    internal ClusterTunnel Nodes => nodes ?? throw new InvalidOperationException("the lab is not ready");

    public void Dispose()
    {
        nodes?.Dispose();
        topology?.Dispose();
        database?.Dispose();
    }

    /// <summary>Brings everything in order and begins to watch.</summary>
    internal ClusterRun Begin()
    {
        if (nodes is null)
        {
            database = PostgresServer.Start();
            topology = LabTopology.Create(new LabOptions(Cluster: true));
            nodes = new ClusterTunnel(topology, new ClusterOptions([database]));
            nodes.Start();
        }
        else
        {
            Restore();
        }

        Await("both nodes' leases", () => Serves(1) && Serves(2));
        return new ClusterRun(this);
    }

    /// <summary>A node says that it holds its lease.</summary>
    internal bool Serves(int node) => Nodes.NodeAt(node).ReadStatus() is { Lease.Held: true };

    /// <summary>Waits for a condition; fails with what it is called and the nodes' words.</summary>
    internal void Await(string what, Func<bool> condition, double seconds = Patience) =>
        Assert.True(LabClock.WaitUntil(condition, TimeSpan.FromSeconds(seconds), 20), $"{what} did not come within {seconds} s{Environment.NewLine}{Nodes.Logs()}");

    private void Restore()
    {
        for (int node = 1; node <= 2; node++)
        {
            Topology.Router(node).Nft(LabRuleset.ClearFault);
            foreach (PostgresLink link in Nodes.LinksOf(node)) link.Mend();
            if (Nodes.NodeAt(node).HasExited) Nodes.StartNode(node);
        }

        Nodes.NodeAt(1).AwaitReady();
        Nodes.NodeAt(2).AwaitReady();
        Await("both nodes' leases", () => Serves(1) && Serves(2));
        if (Nodes.Clients("list").Contains("no client", StringComparison.Ordinal)) Nodes.Register();
        // Without a state file its session ends with it.
        Nodes.Client.Stop();
        Nodes.StartClient();
        Await("a session", () => Nodes.ReadSession() is { State: "Attached" });
    }
}
