using System.Globalization;
using System.Net;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Lab.Incidents;
using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>
/// Two gateways of this program that share a PostgreSQL database, and a client that knows both. Each node has its own way to the database,
/// so that one can be kept from it without the other. What the client talks to is the server behind the nodes.
/// </summary>
public sealed class ClusterTunnel : ILabTunnel
{
    /// <summary>On which the nodes listen.</summary>
    public const int Port = NodeConfiguration.Port;

    private static int databases;

    private readonly LabTopology topology;
    private readonly ClusterOptions options;
    private readonly ClusterConfiguration configuration;
    private readonly IReadOnlyList<PostgresLink>[] links;
    private readonly LabNode?[] nodes = new LabNode?[2];
    private readonly List<string> earlierOutput = [];
    private readonly HashSet<SessionId> settled = [];
    private LabNode? client;

    public ClusterTunnel(LabTopology topology, ClusterOptions options)
    {
        this.topology = topology;
        this.options = options;
        Server = options.Servers[0];
        Database = string.Create(CultureInfo.InvariantCulture, $"cluster{Interlocked.Increment(ref databases)}");
        Server.Sql("postgres", $"CREATE DATABASE {Database}");
        links = [.. Enumerable.Range(1, 2).Select(node => (IReadOnlyList<PostgresLink>)[.. options.Servers.Select((server, number) =>
            new PostgresLink(Path.Combine(topology.WorkDirectory, $"{ClusterConfiguration.NodeName(node)}-db{number}"), server))])];
        configuration = new ClusterConfiguration(topology, options, ConnectionString);
    }

    public string Name => "jumping-vpn";

    private PostgresServer Server { get; }

    /// <summary>Name of the cluster's database.</summary>
    public string Database { get; }

    public IPAddress GatewayAddress { get; } = IPAddress.Parse(LabNetwork.Server4);

    /// <summary>The client's address inside the tunnel.</summary>
    public static IPAddress ClientAddress { get; } = IPAddress.Parse(NodeConfiguration.ClientInside4(0));

    /// <summary>The process of the node that serves the client's session.</summary>
    public int? GatewayProcessId => Owner() is { } owner ? NodeAt(owner).ProcessId : null;

    public IReadOnlyList<int> ProcessIds => [Client.ProcessId, NodeAt(1).ProcessId, NodeAt(2).ProcessId];

    public LabNode Client => client ?? throw new LabException("the client was not started");

    /// <summary>Node 1 or 2.</summary>
    public LabNode NodeAt(int node) => nodes[node - 1] ?? throw new LabException($"{ClusterConfiguration.NodeName(node)} was not started");

    /// <summary>A node's ways to the database's servers.</summary>
    public IReadOnlyList<PostgresLink> LinksOf(int node) => links[node - 1];

    /// <summary>The number of the node to which the client's session is bound; null if to none.</summary>
    public int? Owner() => OwnerOf(client?.ReadSession());

    /// <summary>The number of the node to which a client's session is bound.</summary>
    public static int? OwnerOf(LabSession? session) =>
        session?.Remote is not { } remote ? null : Enumerable.Range(1, 2).Cast<int?>().FirstOrDefault(node => remote.StartsWith(LabNetwork.Node4(node!.Value) + ":", StringComparison.Ordinal));

    /// <summary>The gateway's identity: the same on both nodes.</summary>
    public string GatewayPublicKey => configuration.GatewayPublicKey;

    /// <summary>A file in the nodes' directory: `gw1.yaml`, `client.yaml`.</summary>
    public string PathOf(string file) => configuration.PathOf(file);

    /// <summary>A new file with a key that is not the cluster's.</summary>
    public void WriteForeignKey(string file) => configuration.WriteSecret(file);

    /// <summary>Both nodes, then the client.</summary>
    public void Start()
    {
        Register();
        StartNode(1);
        StartNode(2);
        NodeAt(1).AwaitReady();
        NodeAt(2).AwaitReady();
        StartClient();
        Client.AwaitAttached();
    }

    /// <summary>Enters the client in the cluster's registry.</summary>
    public void Register() => Clients("add", "--name", "client", "--public-key", configuration.Client.Public, "--address", $"{NodeConfiguration.ClientInside4(0)}/32");

    /// <summary>Runs `clients ...` with the first node's configuration.</summary>
    public string Clients(string verb, params string[] arguments) => LabCommand.Run(
        NodeProgram.File, [.. NodeProgram.LeadingArguments, "clients", verb, "--config", PathOf($"{ClusterConfiguration.NodeName(1)}.yaml"), .. arguments]);

    public void StartNode(int node)
    {
        Retire(nodes[node - 1]);
        nodes[node - 1] = Launch(ClusterConfiguration.NodeName(node), topology.NodeAt(node), node == 1 ? options.FirstNodeProgram : null);
    }

    public void StartClient()
    {
        Retire(client);
        client = Launch("client", topology.Client);
    }

    /// <summary>Kills the node that serves the session and starts it again at once.</summary>
    public void RestartGateway()
    {
        int owner = Owner() ?? throw new LabException("no node serves the session");
        NodeAt(owner).Kill();
        StartNode(owner);
    }

    public LabSession? ReadSession() => Client.ReadSession();

    public string Logs() => string.Concat(earlierOutput) + string.Concat(nodes.Select(node => node?.Output())) + client?.Output();

    /// <summary>
    /// Mends the ways to the database and throws <see cref="LabException"/> if what the nodes and the client know of any session does not
    /// hold. Nothing happens where <see cref="LabAudit"/> is off.
    /// </summary>
    public void Audit()
    {
        if (!LabAudit.IsOn || LabCleanup.IsEnding) return;
        foreach (PostgresLink link in links.SelectMany(way => way)) link.Mend();
        IReadOnlyList<LabAudited> audited =
        [
            .. Enumerable.Range(1, 2).Select(node => new LabAudited(PathOf($"{ClusterConfiguration.NodeName(node)}.yaml"), nodes[node - 1])), new(PathOf("client.yaml"), client),
        ];
        if ((LabAudit.OfRunning(audited) ?? LabAudit.OfFiles(audited, settled)) is { } problem) throw new LabException(problem + Environment.NewLine + Logs());
    }

    public void Dispose()
    {
        client?.Dispose();
        foreach (LabNode? node in nodes) node?.Dispose();
        foreach (PostgresLink link in links.SelectMany(way => way)) link.Dispose();
    }

    private string ConnectionString(int node) => string.Create(CultureInfo.InvariantCulture,
        $"Host={string.Join(',', options.DirectToDatabase ? options.Servers.Select(server => server.SocketDirectory) : LinksOf(node).Select(link => link.Directory))};Port={Server.Port};Database={Database};Username={PostgresServer.Role}");

    private LabNode Launch(string name, LabNamespace space, (string File, IReadOnlyList<string> Arguments)? program = null) =>
        LabNode.Start(name, space, PathOf($"{name}.yaml"), PathOf($"{name}.sock"), program: program);

    private void Retire(LabNode? node)
    {
        if (node is null) return;
        node.Kill();
        earlierOutput.Add(node.Output());
        node.Dispose();
    }
}
