using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Tests.Configuration;

/// <summary>One thing broken at a time: exactly one error, on the right line, for the right field, in these words.</summary>
public sealed class ConfigurationErrorTests : IDisposable
{
    private readonly Example example = new();

    public void Dispose() => example.Dispose();

    [Theory]
    [InlineData("role: gateway", "role: gatway", "1: role: 'gatway' is not one of gateway, client; did you mean gateway?")]
    [InlineData("role: gateway", "role: [gateway]", "1: role: must be a single value")]
    [InlineData("node: gw-a", "node: ../etc", "2: node: '../etc': a name consists of letters, digits, '.', '_' and '-', and does not begin with '.'")]
    [InlineData("node: gw-a", "node:", "2: node: has no value")]
    [InlineData("node: gw-a", "node: a\nnode: b", "3: node: given twice, first on line 2")]
    [InlineData("node: gw-a", "gateway: { }", "2: gateway: belongs to a client; a gateway lists its `clients`")]
    [InlineData("node: gw-a", "policyy: { }", "2: policyy: unknown key; did you mean policy?")]
    [InlineData("node: gw-a", "Node: gw-a", "2: Node: unknown key; did you mean node?")]
    [InlineData("{ private_key_file: gateway.key }", "gateway.key", "3: identity: must be a mapping, such as { key: value }")]
    [InlineData("{ private_key_file: gateway.key }", "{ private_key: abc, private_key_file: gateway.key }", "3: identity.private_key: keys do not stand in the configuration; write private_key_file: FILE")]
    [InlineData("{ private_key_file: gateway.key }", "{ private_key_file: nothing.key }", "3: identity.private_key_file: DIR/nothing.key: no such file")]
    [InlineData("{ private_key_file: gateway.key }", "{ private_key_file: /tmp }", "3: identity.private_key_file: /tmp: is a directory")]
    [InlineData("\"[::]:51830\"", "\"0.0.0.0:51830\"", "4: listen[1]: 0.0.0.0:51830 is listed twice")]
    [InlineData("\"[::]:51830\"", "\"::\"", "4: listen[1]: '::' is no address and port; write 192.0.2.1:51830 or [2001:db8::1]:51830")]
    [InlineData("\"[::]:51830\"", "10.1:80", "4: listen[1]: '10.1:80' is no address and port; write 192.0.2.1:51830 or [2001:db8::1]:51830")]
    [InlineData("\"[::]:51830\"", "\"1.2.3.4:70000\"", "4: listen[1]: '1.2.3.4:70000' is no address and port; write 192.0.2.1:51830 or [2001:db8::1]:51830")]
    [InlineData("[\"0.0.0.0:51830\", \"[::]:51830\"]", "[]", "4: listen: names no address to listen on")]
    [InlineData("[\"0.0.0.0:51830\", \"[::]:51830\"]", "\"0.0.0.0:51830\"", "4: listen: must be a list, such as [one, two]")]
    [InlineData("name: jump0", "name: a-name-that-is-too-long", "6: tunnel.name: 'a-name-that-is-too-long': a device's name has 1 to 15 characters")]
    [InlineData("name: jump0", "name: a/b", "6: tunnel.name: 'a/b' cannot be a device's name")]
    [InlineData("\"fd77::1/64\"", "\"fd77::1/64\", 10.77.0.9/16", "7: tunnel.addresses[2]: 10.77.0.9/16 overlaps another address of the tunnel")]
    [InlineData("10.77.0.1/24", "10.77.0.1", "7: tunnel.addresses[0]: 10.77.0.1 has no prefix length; write 10.77.0.1/24 or what your network is")]
    [InlineData("mtu: 1420", "mtu: many", "8: tunnel.mtu: 'many' is no whole number")]
    [InlineData("mtu: 1420", "mtu: 70000", "8: tunnel.mtu: 70000 is out of range; 1280 to 9000 is allowed")]
    [InlineData("name: phone", "name: laptop", "13: clients[1].name: laptop is taken by the client on line 10")]
    [InlineData("name: phone", "nam: phone", "13: clients[1].name: is missing (a word by which status and logs call the client)|13: clients[1].nam: unknown key; did you mean name?")]
    [InlineData("10.77.0.2/32", "10.77.0.2/31", "15: clients[1].addresses[0]: 10.77.0.3/32 overlaps 10.77.0.2/31 of client laptop on line 12")]
    [InlineData("10.77.0.3]", "10.77.0.2]", "15: clients[1].addresses[0]: 10.77.0.2/32 overlaps 10.77.0.2/32 of client laptop on line 12")]
    [InlineData("10.77.0.3]", "10.77.0.1]", "15: clients[1].addresses[0]: 10.77.0.1/32 covers the gateway's own address 10.77.0.1/24")]
    [InlineData("10.77.0.3]", "10.77.0.5/30]", "15: clients[1].addresses[0]: 10.77.0.5/30 has bits set after its prefix; did you mean 10.77.0.5/32 or 10.77.0.4/30?")]
    [InlineData("10.77.0.3]", "nowhere]", "15: clients[1].addresses[0]: 'nowhere' is no address with a prefix length, such as 10.77.0.2/32 or fd77::2/128")]
    [InlineData("10.77.0.3]", "[10.77.0.3]]", "15: clients[1].addresses[0]: must be a single value")]
    [InlineData("preshared_key_file: psk", "preshared_key_file: none", "16: clients[1].preshared_key_file: DIR/none: no such file")]
    [InlineData("preshared_key_file: psk", "preshared_key: abc", "16: clients[1].preshared_key: keys do not stand in the configuration; write preshared_key_file: FILE")]
    [InlineData("{ sqlite: events.db }", "{ sqlite: events.db, postgres: \"Host=x\" }", "1: cluster_key_file: is missing|9: clients: stand in the database|17: store.sqlite: stands beside postgres; a gateway has one store")]
    [InlineData("{ sqlite: events.db }", "{ sqlite: events.db, schema: a }", "17: store.schema: belongs to a database that several nodes share (store.postgres)")]
    [InlineData("control: gw.sock", "cluster: { lease: 2s }", "19: cluster: belongs to nodes that share a database (store.postgres); with sqlite there is one")]
    [InlineData("mtu: 1420", "announce: [eth1, jump0]", "8: tunnel.announce[1]: jump0 is the tunnel itself")]
    [InlineData("mtu: 1420", "announce: [eth1, eth1]", "8: tunnel.announce[1]: eth1 is listed twice")]
    [InlineData("mtu: 1420", "announce: [a/b]", "8: tunnel.announce[0]: 'a/b' cannot be a device's name")]
    [InlineData("mtu: 1420", "announce: eth1", "8: tunnel.announce: must be a list, such as [one, two]")]
    [InlineData("{ sqlite: events.db }", "{ sqlite: no/such/events.db }", "17: store.sqlite: the directory DIR/no/such does not exist")]
    [InlineData("{ sqlite: events.db }", "{ }", "17: store.sqlite: is missing (a file, such as events.db; or postgres: ")]
    [InlineData("retention: 90d", "retention: 5m", "18: audit.retention: 5m is out of range; 1h to 3650d is allowed")]
    [InlineData("level: debug", "level: loud", "20: log.level: 'loud' is not one of verbose, debug, information, warning, error, fatal")]
    [InlineData("file: node.log", "file: node.log, max_size: 63KiB", "20: log.max_size: '63KiB' is no size between 64KiB and 16GiB; write one as 64MiB or 1GiB")]
    [InlineData("file: node.log", "file: node.log, max_size: 17GiB", "20: log.max_size: '17GiB' is no size between 64KiB and 16GiB; write one as 64MiB or 1GiB")]
    [InlineData("file: node.log", "file: node.log, max_size: 16777216", "20: log.max_size: '16777216' is no size between 64KiB and 16GiB; write one as 64MiB or 1GiB")]
    [InlineData("file: node.log", "file: node.log, files: 0", "20: log.files: 0 is out of range; 1 to 100 is allowed")]
    [InlineData("file: node.log", "file: node.log, files: 101", "20: log.files: 101 is out of range; 1 to 100 is allowed")]
    [InlineData("file: node.log", "max_size: 1MiB", "20: log.max_size: bounds what `file` takes, and there is none")]
    [InlineData("control: gw.sock", "limits: { control_connections: 0 }", "19: limits.control_connections: 0 is out of range; 1 to 1024 is allowed")]
    [InlineData("control: gw.sock", "limits: { control_connections: many }", "19: limits.control_connections: 'many' is no whole number")]
    [InlineData("control: gw.sock", "limits: { half_open_handshakes: 15 }", "19: limits.half_open_handshakes: 15 is out of range; 16 to 4096 is allowed")]
    [InlineData("control: gw.sock", "limits: { half_open_handshakes: 4097 }", "19: limits.half_open_handshakes: 4097 is out of range; 16 to 4096 is allowed")]
    [InlineData("control: gw.sock", "limits: { half_open_handshake: 64 }", "19: limits.half_open_handshake: unknown key; did you mean half_open_handshakes?")]
    [InlineData("retention: 90d", "recorder: 1023KiB", "18: audit.recorder: '1023KiB' is no size between 1MiB and 64GiB; write one as 64MiB or 1GiB")]
    [InlineData("control: gw.sock", "metrics: { prometheus: 9477 }", "19: metrics.prometheus: '9477' is no address and port; write 192.0.2.1:51830 or [2001:db8::1]:51830")]
    [InlineData("control: gw.sock", "metrics: { otlp: \"http://localhost:4317\" }", "19: metrics.otlp: not supported yet")]
    [InlineData("control: gw.sock", "policy: { cooldown: 2 }", "19: policy.cooldown: '2' is no duration; write one as 250ms, 30s, 5m, 12h or 90d (no move for quality sooner after any move)")]
    [InlineData("control: gw.sock", "policy: { cooldown: 2h }", "19: policy.cooldown: 2h is out of range; 100ms to 5m is allowed (no move for quality sooner after any move)")]
    [InlineData("control: gw.sock", "policy: { volatile_loss_ppm: 120% }", "19: policy.volatile_loss_ppm: '120%' is no share; write one as 5%, or as millionths (loss above that is bad)")]
    [InlineData("control: gw.sock", "policy: { stable_loss_ppm: 10% }", "19: policy.stable_loss_ppm: must be below volatile_loss_ppm")]
    [InlineData("control: gw.sock", "policy: { recovery_windw: 60s }", "19: policy.recovery_windw: unknown key; did you mean recovery_window?")]
    [InlineData("control: gw.sock", "policy: { max_live_events: 1 }", "19: policy.max_live_events: 1 is out of range; 16 to 1024 is allowed")]
    public void A_wrong_gateway_is_refused(string right, string wrong, string expected) => Check(example.Gateway, right, wrong, expected);

    [Theory]
    [InlineData("control: gw.sock", "clients: []", "12: clients: stand in the database where nodes share one; `jumping-vpn clients add --config FILE` adds one there")]
    [InlineData("cluster_key_file: shared.key\n", "", "1: cluster_key_file: is missing (a file that is the same on every node; `jumping-vpn keygen --out FILE` makes one)")]
    [InlineData("shared.key", "other.key2", "5: cluster_key_file: DIR/other.key2: no such file; every node of a cluster has the same one, and none makes it by itself")]
    [InlineData("Username=vpn", "Username=vpn;PWD=x", "8: store.postgres: a password does not stand in the configuration; write password_file: FILE beside it, or let PGPASSFILE name a file")]
    [InlineData("Host=db1,db2;", "", "8: store.postgres: names no Host; write it as Host=db1,db2;Database=vpn;Username=vpn")]
    [InlineData("Host=db1,db2;Database=vpn;Username=vpn", "postgres://db1/vpn", "8: store.postgres: is no connection string; write one as Host=db1,db2;Database=vpn;Username=vpn")]
    [InlineData("vpn_a", "pg_vpn", "9: store.schema: 'pg_vpn': a schema's name has 1 to 63 lower-case letters, digits and '_', and begins with neither a digit nor pg_")]
    [InlineData("vpn_a", "1a", "9: store.schema: '1a': a schema's name has")]
    [InlineData("password_file: db.password", "password_file: nothing", "10: store.password_file: DIR/nothing: no such file")]
    [InlineData("lease: 4s", "lease: 100ms", "11: cluster.lease: 100ms is out of range; 500ms to 1m is allowed|11: cluster.margin: 500ms is too much for a lease of 2s; it must be below a quarter")]
    [InlineData("margin: 500ms", "margin: 1s", "11: cluster.margin: 1s is too much for a lease of 4s; it must be below a quarter")]
    [InlineData("margin: 500ms", "margn: 500ms", "11: cluster.margn: unknown key; did you mean margin?")]
    public void A_wrong_gateway_on_a_shared_database_is_refused(string right, string wrong, string expected) => Check(example.Shared, right, wrong, expected);

    [Theory]
    [InlineData("role: client", "role: client\nlisten: []", "2: listen: belongs to a gateway; a client opens its sockets by itself")]
    [InlineData("role: client", "role: client\npolicy: { cooldown: 2s }", "2: policy: belongs to a gateway, which tells its clients")]
    [InlineData("192.0.2.10:51830", "192.0.2.10", "5: gateway.endpoints[0]: '192.0.2.10' has no port; write 192.0.2.10:51830")]
    [InlineData("192.0.2.10:51830", "192.0.2.310:51830", "5: gateway.endpoints[0]: '192.0.2.310:51830' is neither address:port nor host-name:port")]
    [InlineData("192.0.2.10:51830", "0.0.0.0:51830", "5: gateway.endpoints[0]: 0.0.0.0:51830 is no address that can be reached")]
    [InlineData("gw.example.org:51830", "gw..example.org:51830", "5: gateway.endpoints[1]: 'gw..example.org:51830' is neither address:port nor host-name:port")]
    [InlineData("gw.example.org:51830", "gw.example.org:0", "5: gateway.endpoints[1]: 'gw.example.org:0': a port is a number from 1 to 65535")]
    [InlineData("[2001:db8::1]:51830", "2001:db8::1:51830", "5: gateway.endpoints[2]: '2001:db8::1:51830': write an IPv6 address and its port as [2001:db8::1]:51830")]
    [InlineData("10.77.0.0/24", "10.77.0.1/24", "6: gateway.allowed_ips[0]: 10.77.0.1/24 has bits set after its prefix; did you mean 10.77.0.1/32 or 10.77.0.0/24?")]
    [InlineData("{ name: jump0 }", "{ name: jump0, mtu: 1400 }", "7: tunnel.mtu: comes from the gateway; a client does not set it")]
    [InlineData("role: client", "role: client\nlimits: { half_open_handshakes: 64 }", "2: limits.half_open_handshakes: belongs to a gateway; nobody opens a handshake with a client")]
    [InlineData("wan2]", "wan1]", "8: uplinks[1]: wan1 is listed twice")]
    [InlineData("wan2]", "jump0]", "8: uplinks[1]: jump0 is the tunnel itself")]
    [InlineData("[wan1, wan2]", "all", "8: uplinks: must be auto, or a list of devices such as [wan1, wan2]")]
    [InlineData("state: client.state", "state: no/client.state", "9: state: the directory DIR/no does not exist")]
    [InlineData("socket: client.sock", "socket: /PADDED.sock", "10: control: ")]
    public void A_wrong_client_is_refused(string right, string wrong, string expected) =>
        Check(example.Client, right, wrong.Replace("PADDED", new string('p', 120), StringComparison.Ordinal), expected);

    [Theory]
    [InlineData("c2hvcnQ=", "11: clients[0].public_key: a key of 32 bytes is expected, these are 5")]
    [InlineData("not a key", "11: clients[0].public_key: not a public key; 44 characters of base64 are expected, as `jumping-vpn pubkey` prints them")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "11: clients[0].public_key: no key that can be used: a point of low order (RFC 7748, section 6.1)")]
    public void A_wrong_public_key_is_refused(string key, string expected) => Check(example.Gateway, example.ClientKey, key, expected);

    [Fact]
    public void Two_clients_with_one_key_are_refused() =>
        Check(example.Gateway, example.OtherKey, example.ClientKey, "14: clients[1].public_key: the client on line 11 has the same key; each client needs its own");

    [Fact]
    public void The_gateways_own_key_is_no_client() =>
        Check(example.Gateway, example.OtherKey, example.GatewayKey, "14: clients[1].public_key: this is this node's own public key; the other side's belongs here");

    [Theory]
    [InlineData("", "FILE: the file is empty")]
    [InlineData("# only a comment\n", "FILE: the file is empty")]
    [InlineData("- a\n- b\n", "FILE:1: a configuration is a mapping")]
    [InlineData("node: a\n", "FILE:1: role: is missing (gateway or client)")]
    [InlineData("role: gateway\nnode: &x a\n", "FILE:2: anchors and aliases")]
    [InlineData("role: gateway\nnode: !!str a\n", "FILE:2: tags (!) are not supported")]
    [InlineData("role: gateway\n---\nrole: client\n", "FILE:2: a second document begins here")]
    [InlineData("role: gateway\nlisten: [a, b\nnode: x\n", "FILE:3: not YAML: ")]
    [InlineData("role: gateway\n\tnode: x\n", "FILE:1: not YAML: ")]
    public void What_is_no_configuration_is_refused(string text, string expected)
    {
        string file = example.Directory["node.yaml"];
        Assert.False(ConfigurationFile.TryParse(file, text, out _, out var errors));
        Assert.StartsWith(expected.Replace("FILE", file, StringComparison.Ordinal), errors[0].ToString(), StringComparison.Ordinal);
    }

    private void Check(string text, string right, string wrong, string expected)
    {
        Assert.Contains(right, text, StringComparison.Ordinal);
        string file = example.Directory["node.yaml"];
        Assert.False(ConfigurationFile.TryParse(file, text.Replace(right, wrong, StringComparison.Ordinal), out _, out var errors));
        string[] wanted = [.. expected.Split('|').Select(e => $"{file}:{e.Replace("DIR", example.Directory.Path, StringComparison.Ordinal)}")];
        Assert.Equal(wanted.Length, errors.Count);
        Assert.All(Enumerable.Range(0, wanted.Length), i => Assert.StartsWith(wanted[i], errors[i].ToString(), StringComparison.Ordinal));
    }
}
