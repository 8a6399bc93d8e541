using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads what only a client has.</summary>
internal sealed class ClientReader(Section section, CommonReader common)
{
    /// <summary>Paths are uplinks times endpoints, and a client keeps eight of them.</summary>
    public const int MaxEndpoints = 8;

    public const int MaxUplinks = 8;

    public const int MaxAllowedIps = 64;

    /// <summary>Keys of gateways, with the reason why a client has none of them.</summary>
    public static readonly Dictionary<string, string> Elsewhere = new()
    {
        ["listen"] = "belongs to a gateway; a client opens its sockets by itself",
        ["clients"] = "belongs to a gateway",
        ["cluster_key_file"] = "belongs to a gateway",
        ["store"] = "belongs to a gateway; a client may have `state`",
        ["policy"] = "belongs to a gateway, which tells its clients",
    };

    public ClientConfiguration Read()
    {
        PublicKey gatewayKey = default;
        ImmutableArray<GatewayEndpoint> endpoints = [];
        ImmutableArray<IpPrefix> allowed = [];
        string? preshared = null;
        section.Require("gateway", "{ public_key, endpoints, allowed_ips }");
        if (section.Nested("gateway") is { } gateway)
        {
            gatewayKey = common.ReadPublicKey(gateway, "public_key");
            endpoints = ReadEndpoints(gateway);
            allowed = ReadAllowed(gateway);
            preshared = common.ReadPresharedKeyFile(gateway);
            gateway.Done(new Dictionary<string, string> { ["preshared_key"] = "keys do not stand in the configuration; write preshared_key_file: FILE" });
        }
        string tunnel = ReadTunnel();
        string? state = common.Paths.ReadToCreate(section, "state");
        return new()
        {
            File = common.Paths.ConfigurationFile,
            Node = common.Node,
            PrivateKeyFile = common.PrivateKeyFile,
            PublicKey = common.PublicKey,
            Control = common.Control,
            Metrics = common.Metrics,
            Log = common.Log,
            Limits = LimitsReader.Read(section, isGateway: false),
            GatewayPublicKey = gatewayKey,
            Endpoints = endpoints,
            AllowedIps = allowed,
            PresharedKeyFile = preshared,
            TunnelName = tunnel,
            Uplinks = ReadUplinks(tunnel),
            StateFile = state,
            Audit = AuditReader.Read(section, common.Paths, Path.ChangeExtension(state ?? common.Paths.ConfigurationFile, ".audit"), isGateway: false),
        };
    }

    private static ImmutableArray<GatewayEndpoint> ReadEndpoints(Section gateway)
    {
        gateway.Require("endpoints", "where the gateway listens, such as [\"192.0.2.10:51830\"]");
        var endpoints = ImmutableArray.CreateBuilder<GatewayEndpoint>();
        foreach ((ConfigNode.Scalar scalar, string key) in gateway.Scalars("endpoints"))
        {
            if (AddressReading.GatewayEndpoint(scalar.Text, out GatewayEndpoint endpoint) is string problem) gateway.Fail(scalar.Line, key, problem);
            else if (endpoints.Contains(endpoint)) gateway.Fail(scalar.Line, key, $"{endpoint} is listed twice");
            else if (endpoints.Count == MaxEndpoints) gateway.Fail(scalar.Line, key, $"more than {MaxEndpoints} endpoints");
            else endpoints.Add(endpoint);
        }
        if (gateway.IsEmptyList("endpoints")) gateway.Fail(gateway.LineOf("endpoints"), "endpoints", "names no endpoint");
        return endpoints.ToImmutable();
    }

    private static ImmutableArray<IpPrefix> ReadAllowed(Section gateway)
    {
        gateway.Require("allowed_ips", "what goes into the tunnel, such as [10.77.0.0/24], or [0.0.0.0/0, \"::/0\"] for everything");
        var allowed = ImmutableArray.CreateBuilder<IpPrefix>();
        foreach ((ConfigNode.Scalar scalar, string key) in gateway.Scalars("allowed_ips"))
        {
            if (AddressReading.Network(scalar.Text, out IpPrefix prefix) is string problem) gateway.Fail(scalar.Line, key, problem);
            else if (allowed.Contains(prefix)) gateway.Fail(scalar.Line, key, $"{prefix} is listed twice");
            else if (allowed.Count == MaxAllowedIps) gateway.Fail(scalar.Line, key, $"more than {MaxAllowedIps} prefixes");
            else allowed.Add(prefix);
        }
        if (gateway.IsEmptyList("allowed_ips")) gateway.Fail(gateway.LineOf("allowed_ips"), "allowed_ips", "names no prefix");
        return allowed.ToImmutable();
    }

    private string ReadTunnel()
    {
        const string fallback = "jump0";
        if (section.Nested("tunnel") is not { } tunnel) return fallback;
        string name = tunnel.Scalar("name")?.Text ?? fallback;
        if (Names.WrongWithDevice(name) is string problem) tunnel.Fail(tunnel.LineOf("name"), "name", problem);
        tunnel.Done(new Dictionary<string, string>
        {
            ["addresses"] = "come from the gateway; a client does not set them",
            ["mtu"] = "comes from the gateway; a client does not set it",
        });
        return name;
    }

    private ImmutableArray<string> ReadUplinks(string tunnel)
    {
        ConfigNode? node = section.Find("uplinks");
        if (node is null or ConfigNode.Scalar { Text: "auto" }) return [];
        if (node is not ConfigNode.Sequence)
        {
            section.Fail(node.Line, "uplinks", "must be auto, or a list of devices such as [wan1, wan2]");
            return [];
        }
        var uplinks = ImmutableArray.CreateBuilder<string>();
        foreach ((ConfigNode.Scalar scalar, string key) in section.Scalars("uplinks"))
        {
            if (Names.WrongWithDevice(scalar.Text) is string problem) section.Fail(scalar.Line, key, problem);
            else if (scalar.Text == tunnel) section.Fail(scalar.Line, key, $"{scalar.Text} is the tunnel itself");
            else if (uplinks.Contains(scalar.Text)) section.Fail(scalar.Line, key, $"{scalar.Text} is listed twice");
            else if (uplinks.Count == MaxUplinks) section.Fail(scalar.Line, key, $"more than {MaxUplinks} uplinks");
            else uplinks.Add(scalar.Text);
        }
        if (section.IsEmptyList("uplinks")) section.Fail(node.Line, "uplinks", "names no device; write auto to use all that have a route");
        return uplinks.ToImmutable();
    }
}
