using System.Net;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>This program on both ends: a gateway on the embedded store and one or more clients.</summary>
public sealed class NodeTunnel : ILabTunnel
{
    private readonly ILabHosts hosts;
    private readonly NodeTunnelOptions options;
    private readonly NodeConfiguration configuration;
    private readonly Dictionary<string, string> environment = [];
    private readonly LabNode?[] clients;
    private readonly List<string> earlierOutput = [];

    public NodeTunnel(ILabHosts hosts, NodeTunnelOptions? options = null)
    {
        this.hosts = hosts;
        this.options = options ?? new NodeTunnelOptions();
        configuration = new NodeConfiguration(hosts, this.options);
        clients = new LabNode?[this.options.Clients];
        if (this.options.Cipher is { } cipher) environment["JUMPING_VPN_CIPHER"] = cipher;
    }

    public string Name => options.Cipher is { } cipher ? $"jumping-vpn ({cipher})" : "jumping-vpn";

    public IPAddress GatewayAddress => IPAddress.Parse(options.InsideIPv6 ? NodeConfiguration.GatewayInside6 : NodeConfiguration.GatewayInside4);

    public LabNode Gateway { get; private set; } = null!;

    public LabNode Client => ClientAt(0);

    public int? GatewayProcessId => Gateway?.ProcessId;

    public IReadOnlyList<int> ProcessIds => [Client.ProcessId, Gateway.ProcessId];

    public LabNode ClientAt(int client) => clients[client] ?? throw new LabException($"{NodeConfiguration.ClientName(client)} was not started");

    public IPAddress ClientAddressAt(int client) =>
        IPAddress.Parse(options.InsideIPv6 ? NodeConfiguration.ClientInside6(client) : NodeConfiguration.ClientInside4(client));

    /// <summary>A file in the nodes' directory: `gateway.yaml`, `events.db`, `client.state`.</summary>
    public string PathOf(string file) => configuration.PathOf(file);

    public void Start()
    {
        StartGateway();
        Gateway.AwaitReady();
        for (int client = 0; client < clients.Length; client++) StartClient(client);
        foreach (LabNode? client in clients) client!.AwaitAttached();
    }

    public void StartGateway()
    {
        Retire(Gateway);
        Gateway = StartNode("gateway", hosts.Gateway);
    }

    public void StartClient(int client)
    {
        Retire(clients[client]);
        clients[client] = StartNode(NodeConfiguration.ClientName(client), hosts.ClientAt(client));
    }

    public void RestartGateway()
    {
        Gateway.Kill();
        StartGateway();
    }

    public LabSession? ReadSession() => Client.ReadSession();

    public string Logs() => string.Concat(earlierOutput) + Gateway?.Output() + string.Concat(clients.Select(client => client?.Output()));

    public void Dispose()
    {
        foreach (LabNode? client in clients) client?.Dispose();
        Gateway?.Dispose();
    }

    private LabNode StartNode(string name, LabNamespace space) => LabNode.Start(
        name,
        space,
        PathOf($"{name}.yaml"),
        PathOf($"{name}.sock"),
        environment,
        options.OnLine is { } onLine ? line => onLine(name, line) : null,
        outputTo: options.OutputTo);

    private void Retire(LabNode? node)
    {
        if (node is null) return;
        node.Kill();
        earlierOutput.Add(node.Output());
        node.Dispose();
    }
}
