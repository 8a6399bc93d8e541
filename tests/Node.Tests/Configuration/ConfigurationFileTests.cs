using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Tests.Configuration;

public sealed class ConfigurationFileTests : IDisposable
{
    private readonly Example example = new();

    public void Dispose() => example.Dispose();

    [Fact]
    public void A_gateway_is_read()
    {
        var gateway = Assert.IsType<GatewayConfiguration>(Load(example.Gateway));
        Assert.Equal("gw-a", gateway.Node);
        Assert.Equal(example.GatewayKey, gateway.PublicKey.ToString());
        Assert.Equal(example.Directory["gateway.key"], gateway.PrivateKeyFile);
        Assert.Equal(new StoreConfiguration.Sqlite(example.Directory["events.db"]), gateway.Store);
        Assert.Equal((example.Directory["cluster.key"], false), (gateway.ClusterKeyFile, gateway.ClusterKeyFileGiven));
        Assert.Equal(["0.0.0.0:51830", "[::]:51830"], gateway.Listen.Select(l => l.ToString()));
        Assert.Equal(("jump0", 1420), (gateway.Tunnel.Name, gateway.Tunnel.Mtu));
        Assert.Equal(["10.77.0.1/24", "fd77::1/64"], gateway.Tunnel.Addresses.Select(a => a.ToString()));
        Assert.Equal(["laptop", "phone"], gateway.Clients.Select(c => c.Name));
        Assert.Equal(example.ClientKey, gateway.Clients[0].PublicKey.ToString());
        Assert.Equal(["10.77.0.2/32", "fd77::2/128"], gateway.Clients[0].Addresses.Select(a => a.ToString()));
        Assert.Equal((null, example.Directory["psk"]), (gateway.Clients[0].PresharedKeyFile, gateway.Clients[1].PresharedKeyFile));
        Assert.Equal(new AuditConfiguration(example.Directory["audit"], TimeSpan.FromDays(90), 64L << 20), gateway.Audit);
        Assert.Equal(new ControlConfiguration(example.Directory["gw.sock"], null), gateway.Control);
        Assert.Equal(new LogConfiguration(LogLevel.Debug, new(example.Directory["node.log"], 16L << 20, 4)), gateway.Log);
    }

    [Fact]
    public void A_gateway_on_a_shared_database_is_read()
    {
        var gateway = Assert.IsType<GatewayConfiguration>(Load(example.Shared));
        Assert.Equal(
            new StoreConfiguration.Postgres("Host=db1,db2;Database=vpn;Username=vpn", "vpn_a", example.Directory["db.password"],
                LeaseTimes.Of(TimeSpan.FromSeconds(4), TimeSpan.FromMilliseconds(500))),
            gateway.Store);
        Assert.Equal((example.Directory["shared.key"], true), (gateway.ClusterKeyFile, gateway.ClusterKeyFileGiven));
        Assert.Equal(new AuditConfiguration(example.Directory["gw-b.audit"], TimeSpan.FromDays(90), 64L << 20), gateway.Audit);
        Assert.Equal(["eth1", "eth2"], gateway.Tunnel.Announce.ToArray());
        Assert.Empty(gateway.Clients);
    }

    [Theory]
    [InlineData("cluster: { lease: 4s, margin: 500ms }", 2_000, 300)]
    [InlineData("cluster: { lease: 4s }", 4_000, 300)]
    [InlineData("cluster: { lease: 1s }", 1_000, 200)]
    [InlineData("cluster: { margin: 499ms }", 2_000, 499)]
    public void Lease_and_margin_have_defaults(string cluster, int lease, int margin)
    {
        string text = example.Shared.Replace("cluster: { lease: 4s, margin: 500ms }", cluster.Contains("4s, ", StringComparison.Ordinal) ? "" : cluster, StringComparison.Ordinal);
        var store = Assert.IsType<StoreConfiguration.Postgres>(Assert.IsType<GatewayConfiguration>(Load(text)).Store);
        Assert.Equal((TimeSpan.FromMilliseconds(lease), TimeSpan.FromMilliseconds(margin)), (store.Lease.Lease, store.Lease.Margin));
    }

    [Fact]
    public void A_password_file_that_others_can_read_is_refused()
    {
        string file = example.Directory["db.password"];
        File.SetUnixFileMode(file, File.GetUnixFileMode(file) | UnixFileMode.GroupRead);
        Assert.Contains("store.password_file: " + file + ": other users can read", Assert.Single(Errors(example.Shared)), StringComparison.Ordinal);
    }

    [Fact]
    public void No_password_shows_in_an_error()
    {
        string text = example.Shared.Replace("Username=vpn", "Username=vpn;Password=hunter2", StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", Assert.Single(Errors(text)), StringComparison.Ordinal);
        text = example.Shared.Replace("Host=db1,db2;Database=vpn;Username=vpn", "postgres://vpn:hunter2@db1/vpn", StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", Assert.Single(Errors(text)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_is_read()
    {
        var client = Assert.IsType<ClientConfiguration>(Load(example.Client));
        Assert.Equal(example.GatewayKey, client.GatewayPublicKey.ToString());
        Assert.Equal(["192.0.2.10:51830", "gw.example.org:51830", "[2001:db8::1]:51830"], client.Endpoints.Select(e => e.ToString()));
        Assert.Equal([true, false, true], client.Endpoints.Select(e => e.Address is not null));
        Assert.Equal(["10.77.0.0/24", "fd77::/64"], client.AllowedIps.Select(p => p.ToString()));
        Assert.Equal(["wan1", "wan2"], client.Uplinks.ToArray());
        Assert.Equal(example.Directory["client.state"], client.StateFile);
        Assert.Equal(new ControlConfiguration(example.Directory["client.sock"], "adm"), client.Control);
        Assert.Equal(new LogConfiguration(LogLevel.Information, null), client.Log);
    }

    [Fact]
    public void What_is_optional_has_defaults()
    {
        var client = Assert.IsType<ClientConfiguration>(Load(
            $"""
            role: client
            node: n1
            identity:
              private_key_file: {example.Directory["client.key"]}
            gateway:
              public_key: {example.GatewayKey}
              endpoints:
              - 192.0.2.10:51830
              allowed_ips: [0.0.0.0/0, ::/0]
            uplinks: auto
            """));
        Assert.Equal(("jump0", null, "/run/jumping-vpn/n1.sock"), (client.TunnelName, client.StateFile, client.Control.Socket));
        Assert.Empty(client.Uplinks);
        Assert.Null(client.Metrics.Prometheus);
    }

    [Theory]
    [InlineData("max_size: 64KiB, files: 1", 64L << 10, 1)]
    [InlineData("max_size: 16GiB, files: 100", 16L << 30, 100)]
    [InlineData("max_size: 3MiB", 3L << 20, 4)]
    public void Log_files_have_a_bound(string keys, long size, int files)
    {
        var gateway = Assert.IsType<GatewayConfiguration>(Load(example.Gateway.Replace("file: node.log", "file: node.log, " + keys, StringComparison.Ordinal)));
        Assert.Equal(new LogFileOptions(example.Directory["node.log"], size, files), gateway.Log.File);
    }

    [Theory]
    [InlineData("", 16, 1024)]
    [InlineData("limits: { control_connections: 1, half_open_handshakes: 16 }\n", 1, 16)]
    [InlineData("limits: { control_connections: 1024, half_open_handshakes: 4096 }\n", 1024, 4096)]
    [InlineData("limits: { half_open_handshakes: 100 }\n", 16, 100)]
    public void A_node_bounds_what_is_its_own(string lines, int connections, int handshakes) =>
        Assert.Equal(new LimitsConfiguration(connections, handshakes), Load(example.Gateway + lines).Limits);

    [Fact]
    public void A_client_has_limits_too() =>
        Assert.Equal(40, Load(example.Client + "limits: { control_connections: 40 }\n").Limits.ControlConnections);

    /// <summary>REQ-EXHAUST-1: a client has at most one live session, so this bounds the sessions of a gateway.</summary>
    [Fact]
    public void REQ_EXHAUST_1_more_clients_than_a_gateway_can_have_are_refused()
    {
        string clients = string.Concat(Enumerable.Range(0, ClientsReader.MaxClients).Select(i =>
            $"  - {{ name: c{i}, public_key: \"{Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32))}\", addresses: [10.9.{i / 256}.{i % 256}/32] }}\n"));
        string text = $"role: gateway\nidentity: {{ private_key_file: gateway.key }}\nlisten: [0.0.0.0:1]\ntunnel: {{ addresses: [10.9.255.1/16] }}\nclients:\n{clients}";
        Assert.Equal(ClientsReader.MaxClients, Assert.IsType<GatewayConfiguration>(Load(text)).Clients.Length);
        string error = Assert.Single(Errors($"{text}  - {{ name: more, public_key: \"{RandomKey()}\", addresses: [10.9.254.1/32] }}\n"));
        Assert.EndsWith(": clients: more than 20000 clients", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_is_read_over_its_defaults()
    {
        var gateway = Assert.IsType<GatewayConfiguration>(Load(
            example.Gateway + "policy: { session_lifetime: 1h30m, max_switches_per_minute: 20, volatile_loss_ppm: 7.5%, ended_retention: 2h, max_live_events: 32 }\n"));
        Assert.Equal(
            SessionPolicy.Default with { SessionLifetime = TimeSpan.FromMinutes(90), MaxSwitchesPerMinute = 20, VolatileLossPpm = 75_000 }, gateway.Policy);
        Assert.Equal(StorePolicy.Default with { EndedRetention = TimeSpan.FromHours(2), MaxLiveEvents = 32 }, gateway.StorePolicy);
    }

    [Fact]
    public void Every_error_comes_at_once_in_the_files_order()
    {
        string text = example.Gateway
            .Replace("node: gw-a", "nodde: gw-a", StringComparison.Ordinal)
            .Replace("mtu: 1420", "mtu: 20", StringComparison.Ordinal)
            .Replace("[10.77.0.3]", "[10.78.0.3]", StringComparison.Ordinal)
            .Replace("retention: 90d", "retention: 90", StringComparison.Ordinal);
        string file = example.Directory["node.yaml"];
        Assert.Equal(
            [
                $"{file}:2: nodde: unknown key; did you mean node?",
                $"{file}:8: tunnel.mtu: 20 is out of range; 1280 to 9000 is allowed",
                $"{file}:15: clients[1].addresses[0]: 10.78.0.3/32 lies outside the tunnel's networks (10.77.0.0/24, fd77::/64)",
                $"{file}:18: audit.retention: '90' is no duration; write one as 250ms, 30s, 5m, 12h or 90d",
            ],
            Errors(text));
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        Assert.False(ConfigurationFile.TryLoad("/no/such.yaml", out _, out var errors));
        Assert.Equal("/no/such.yaml: no such directory", Assert.Single(errors).ToString());
    }

    [Fact]
    public void A_key_file_that_others_can_read_is_refused_with_the_cure()
    {
        string key = example.Directory["gateway.key"];
        File.SetUnixFileMode(key, File.GetUnixFileMode(key) | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Assert.Equal(
            [$"{example.Directory["node.yaml"]}:3: identity.private_key_file: {key}: other users can read or change this key (mode 0644); mend it with: chmod 600 {key}"],
            Errors(example.Gateway));
    }

    [Fact]
    public void A_thousand_clients_are_read_and_none_may_share_an_address()
    {
        string clients = string.Concat(Enumerable.Range(0, 1000).Select(i =>
            $"  - {{ name: c{i}, public_key: \"{RandomKey()}\", addresses: [10.9.{i / 256}.{i % 256}/32] }}\n"));
        string text = $"role: gateway\nidentity: {{ private_key_file: gateway.key }}\nlisten: [0.0.0.0:1]\ntunnel: {{ addresses: [10.9.255.1/16] }}\nclients:\n{clients}";
        Assert.Equal(1000, Assert.IsType<GatewayConfiguration>(Load(text)).Clients.Length);
        Assert.Equal(
            [$"{example.Directory["node.yaml"]}:1006: clients[1000].addresses[0]: 10.9.2.0/23 overlaps 10.9.2.0/32 of client c512 on line 518"],
            Errors($"{text}  - {{ name: wide, public_key: \"{RandomKey()}\", addresses: [10.9.2.0/23] }}\n").Take(1));
    }

    [Fact]
    public void No_secret_shows_in_an_error()
    {
        string secret = File.ReadAllText(example.Directory["gateway.key"]).Trim();
        string text = example.Gateway.Replace(example.ClientKey, secret, StringComparison.Ordinal);
        string error = Assert.Single(Errors(text));
        Assert.Contains("this is this node's private key", error, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, error, StringComparison.Ordinal);
    }

    private static string RandomKey()
    {
        byte[] key = new byte[32];
        Node.Keys.KeyPairs.Generate(key);
        return Node.Keys.KeyPairs.PublicKeyOf(key).ToString();
    }

    private NodeConfiguration Load(string text)
    {
        ConfigurationFile.TryParse(example.Directory["node.yaml"], text, out NodeConfiguration? configuration, out var errors);
        Assert.Equal("", string.Join('\n', errors));
        return configuration!;
    }

    private string[] Errors(string text)
    {
        Assert.False(ConfigurationFile.TryParse(example.Directory["node.yaml"], text, out _, out var errors));
        return [.. errors.Select(e => e.ToString())];
    }
}
