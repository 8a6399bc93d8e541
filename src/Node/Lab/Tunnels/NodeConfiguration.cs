using System.Globalization;
using System.Text;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>Writes keys and configurations of the lab's nodes into the topology's work directory.</summary>
internal sealed class NodeConfiguration
{
    public const int Port = 51830;
    public const string Device = "jump0";

    private readonly string directory;
    private readonly string uplinks;
    private readonly NodeKeys gateway = NodeKeys.Create();
    private readonly NodeKeys[] clients;

    public NodeConfiguration(ILabHosts hosts, NodeTunnelOptions options)
    {
        directory = hosts.WorkDirectory;
        uplinks = string.Join(", ", hosts.Uplinks);
        clients = [.. Enumerable.Range(0, options.Clients).Select(_ => NodeKeys.Create())];
        gateway.WritePrivate(PathOf("gateway.key"));
        Write("gateway.yaml", GatewayText(options));
        for (int client = 0; client < clients.Length; client++)
        {
            clients[client].WritePrivate(PathOf($"{ClientName(client)}.key"));
            Write($"{ClientName(client)}.yaml", ClientText(options, client));
        }
    }

    public static string ClientName(int client) => client == 0 ? "client" : Invariant($"client{client}");

    public static string ClientInside4(int client) => Invariant($"10.77.0.{client + 2}");

    public static string ClientInside6(int client) => Invariant($"fd77::{client + 2}");

    public const string GatewayInside4 = "10.77.0.1";

    public const string GatewayInside6 = "fd77::1";

    public string PathOf(string file) => Path.Combine(directory, file);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Write(string file, string text) => File.WriteAllText(PathOf(file), text);

    private string GatewayText(NodeTunnelOptions options)
    {
        var text = new StringBuilder($$"""
            role: gateway
            node: gateway
            identity: { private_key_file: gateway.key }
            listen: ["0.0.0.0:{{Port}}", "[::]:{{Port}}"]
            tunnel: { name: {{Device}}, addresses: ["{{GatewayInside4}}/24", "{{GatewayInside6}}/64"], mtu: 1420 }
            store: { sqlite: events.db }
            control: gateway.sock
            clients:

            """);
        for (int client = 0; client < clients.Length; client++)
        {
            string addresses = $"\"{ClientInside4(client)}/32\", \"{ClientInside6(client)}/128\"";
            text.AppendLine(Invariant($$"""  - { name: {{ClientName(client)}}, public_key: "{{clients[client].Public}}", addresses: [{{addresses}}] }"""));
        }

        foreach (string line in options.GatewayLines) text.AppendLine(line);
        if (options.Policy.Count > 0) text.AppendLine("policy:");
        foreach ((string key, string value) in options.Policy) text.AppendLine(CultureInfo.InvariantCulture, $"  {key}: {value}");
        return text.ToString();
    }

    private string ClientText(NodeTunnelOptions options, int client)
    {
        string endpoint = options.OutsideIPv6 ? $"[{LabNetwork.Gateway6}]:{Port}" : $"{LabNetwork.Gateway4}:{Port}";
        string name = ClientName(client);
        var text = new StringBuilder($$"""
            role: client
            node: {{name}}
            identity: { private_key_file: {{name}}.key }
            gateway: { public_key: "{{gateway.Public}}", endpoints: ["{{endpoint}}"], allowed_ips: ["10.77.0.0/24", "fd77::/64"] }
            tunnel: { name: {{Device}} }
            uplinks: [{{uplinks}}]
            control: {{name}}.sock

            """);
        if (options.State) text.AppendLine(CultureInfo.InvariantCulture, $"state: {name}.state");
        foreach (string line in options.ClientLines) text.AppendLine(line);
        return text.ToString();
    }
}
