using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>Writes keys and configurations of a cluster's nodes and of its client into the topology's work directory.</summary>
internal sealed class ClusterConfiguration
{
    private readonly string directory;
    private readonly ClusterOptions options;
    private readonly NodeKeys gateway = NodeKeys.Create();

    /// <param name="connection">By which a node reaches the database.</param>
    public ClusterConfiguration(ILabHosts lab, ClusterOptions options, Func<int, string> connection)
    {
        directory = lab.WorkDirectory;
        this.options = options;
        gateway.WritePrivate(PathOf("gateway.key"));
        WriteSecret("cluster.key");
        for (int node = 1; node <= 2; node++) File.WriteAllText(PathOf($"{NodeName(node)}.yaml"), NodeText(node, connection(node)));
        Client.WritePrivate(PathOf("client.key"));
        File.WriteAllText(PathOf("client.yaml"), ClientText(string.Join(", ", lab.Uplinks)));
    }

    public NodeKeys Client { get; } = NodeKeys.Create();

    /// <summary>The gateway's identity: the same on both nodes.</summary>
    public string GatewayPublicKey => gateway.Public;

    public static string NodeName(int node) => string.Create(CultureInfo.InvariantCulture, $"gw{node}");

    public string PathOf(string file) => Path.Combine(directory, file);

    /// <summary>A new file with one key that only its owner can read.</summary>
    public void WriteSecret(string file) => new NodeKeys(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), "").WritePrivate(PathOf(file));

    private string NodeText(int node, string connection)
    {
        var text = new StringBuilder($$"""
            role: gateway
            node: {{NodeName(node)}}
            identity: { private_key_file: gateway.key }
            cluster_key_file: cluster.key
            listen: ["0.0.0.0:{{NodeConfiguration.Port}}"]
            tunnel: { name: {{NodeConfiguration.Device}}, addresses: ["{{options.TunnelAddress}}"], mtu: 1420, announce: [{{LabNetwork.LanDevice}}] }
            store: { postgres: "{{connection}}" }
            control: {{NodeName(node)}}.sock

            """);
        if (options.Policy.Count > 0) text.AppendLine("policy:");
        foreach ((string key, string value) in options.Policy) text.AppendLine(CultureInfo.InvariantCulture, $"  {key}: {value}");
        return text.ToString();
    }

    private string ClientText(string uplinks) => $$"""
        role: client
        node: client
        identity: { private_key_file: client.key }
        gateway:
          public_key: "{{gateway.Public}}"
          endpoints: ["{{LabNetwork.Node4(1)}}:{{NodeConfiguration.Port}}", "{{LabNetwork.Node4(2)}}:{{NodeConfiguration.Port}}"]
          allowed_ips: ["10.77.0.0/24", "{{LabNetwork.Lan4}}"]
        tunnel: { name: {{NodeConfiguration.Device}} }
        uplinks: [{{uplinks}}]
        control: client.sock

        """;
}
