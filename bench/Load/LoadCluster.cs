using System.Globalization;
using System.Net;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench.Load;

/// <summary>
/// Two real nodes on a real database, and many clients on the nodes' own link: nothing between them costs anything. The database flushes to
/// the disk as a real one does.
/// </summary>
internal sealed class LoadCluster : IDisposable
{
    private const string Outside = "192.0.2.100";
    private const int ClientsPerNetwork = 250;
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(120);

    /// <summary>Clients that do not probe must not count as lost, and what is measured is not the budget for moves.</summary>
    private static readonly Dictionary<string, string> Policy = new()
    {
        ["idle_probe_interval"] = "5m",
        ["recovery_window"] = "1h",
        ["max_recoveries_per_minute"] = "120",
        ["over_budget_spacing"] = "1s",
        ["events_per_client_day"] = "10000000",
    };

    private readonly PostgresServer server;
    private readonly LabTopology topology;

    /// <param name="watchHeap">The first node runs inside a process that tells how much of its heap is live.</param>
    public LoadCluster(int clients, bool watchHeap = false)
    {
        server = PostgresServer.Start(new(IsDurable: true));
        topology = LabTopology.Create(new LabOptions(Cluster: true));
        Nodes = new ClusterTunnel(topology, new ClusterOptions([server])
        {
            Policy = Policy,
            TunnelAddress = "10.64.0.1/12",
            DirectToDatabase = true,
            FirstNodeProgram = watchHeap ? NodeHost.Program : null,
        });
        topology.Switch.Ip($"addr add {Outside}/24 dev br0");
        // Whoever lists the clients first makes the tables.
        Nodes.Clients("list");
        IPEndPoint[] ends = [.. Enumerable.Range(1, 2).Select(node => new IPEndPoint(IPAddress.Parse(LabNetwork.Node4(node)), ClusterTunnel.Port))];
        PublicKey gateway = PublicKey.TryParse(Nodes.GatewayPublicKey, out PublicKey key) ? key : throw new LabException("the gateway's key cannot be read");
        Rig = new LoadRig(topology.Switch, IPAddress.Parse(Outside), gateway, ends, clients);
        Register();
        for (int node = 1; node <= 2; node++) Nodes.StartNode(node);
        for (int node = 1; node <= 2; node++) Nodes.NodeAt(node).AwaitReady();
    }

    public ClusterTunnel Nodes { get; }

    public LoadRig Rig { get; }

    /// <summary>Every client makes a session at the first node, so many each second.</summary>
    public void Connect(int perSecond)
    {
        long start = LabClock.Now;
        int begun = 0;
        bool connected = Rig.RunUntil(
            () =>
            {
                long due = (LabClock.Now - start) * perSecond / LabClock.Second;
                for (; begun < Rig.Clients.Count && begun <= due; begun++)
                {
                    Rig.Clients[begun].Connect(1, LabClock.Now);
                    Rig.Schedule(Rig.Clients[begun]);
                }

                return begun == Rig.Clients.Count && Rig.AreSettled;
            },
            ConnectLimit);
        if (!connected) throw new LabException($"only {Rig.Clients.Count(client => client.Node != 0)} of {Rig.Clients.Count} clients have a session{Environment.NewLine}{Nodes.Logs()}");
    }

    /// <summary>One value that a query in the store's schema gives.</summary>
    public string Query(string sql) => server.Sql(Nodes.Database, "SET search_path = jumping_vpn; " + sql);

    public void Dispose()
    {
        Rig.Dispose();
        Nodes.Dispose();
        topology.Dispose();
        server.Dispose();
    }

    /// <summary>All at once, because adding them one by one compares each with all others.</summary>
    private void Register()
    {
        const int rowsPerStatement = 500;
        foreach (LoadClient[] some in Rig.Clients.Chunk(rowsPerStatement))
        {
            IEnumerable<string> rows = some.Select(client => $"('load{client.Number}','{client.PublicKey}','{AddressOf(client)}')");
            Query($"INSERT INTO jv_registry (name, public_key, addresses) VALUES {string.Join(',', rows)}");
        }

        Query("UPDATE jv_store SET registry_revision = registry_revision + 1");
    }

    private static string AddressOf(LoadClient client) => string.Create(
        CultureInfo.InvariantCulture, $"10.64.{1 + client.Number / ClientsPerNetwork}.{1 + client.Number % ClientsPerNetwork}/32");
}
