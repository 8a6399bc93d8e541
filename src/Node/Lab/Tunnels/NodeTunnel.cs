using System.Net;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Lab.Incidents;

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

    /// <summary>False where a test damages what the nodes have stored, so that it cannot be proven at the end.</summary>
    public bool IsAudited { get; set; } = true;

    /// <summary>Ends the processes. Throws <see cref="LabException"/> if their history is looked at (<see cref="LabAudit"/>) and does not hold.</summary>
    public void Dispose()
    {
        bool isAudited = LabAudit.IsOn && IsAudited && !LabCleanup.IsEnding;
        IReadOnlyList<LabAudited> audited =
        [
            new(PathOf("gateway.yaml"), Gateway), .. clients.Select((client, number) => new LabAudited(PathOf($"{NodeConfiguration.ClientName(number)}.yaml"), client)),
        ];
        string? problem = null;
        try
        {
            if (isAudited) problem = LabAudit.OfRunning(audited);
            foreach (LabNode? client in clients) client?.Kill();
            Gateway?.Kill();
            if (isAudited) problem ??= LabAudit.OfFiles(audited, new HashSet<SessionId>());
            if (problem is not null) throw new LabException(problem + Environment.NewLine + Logs());
        }
        finally
        {
            foreach (LabNode? client in clients) client?.Dispose();
            Gateway?.Dispose();
        }
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
