namespace JumpingVpn.Node.Tests.Configuration;

/// <summary>Configurations that are right, for tests to break. Line numbers in tests count in these texts.</summary>
public sealed class Example : IDisposable
{
    public TemporaryDirectory Directory { get; } = new();

    public string GatewayKey { get; }

    public string ClientKey { get; }

    public string OtherKey { get; }

    public Example()
    {
        GatewayKey = Directory.Key("gateway.key");
        ClientKey = Directory.Key("client.key");
        OtherKey = Directory.Key("other.key");
        Directory.Key("psk");
        Directory.Key("shared.key");
        File.SetUnixFileMode(Directory.Write("db.password", "hunter2\n"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public string Gateway =>
        $$"""
        role: gateway
        node: gw-a
        identity: { private_key_file: gateway.key }
        listen: ["0.0.0.0:51830", "[::]:51830"]
        tunnel:
          name: jump0
          addresses: [10.77.0.1/24, "fd77::1/64"]
          mtu: 1420
        clients:
          - name: laptop
            public_key: "{{ClientKey}}"
            addresses: [10.77.0.2/32, "fd77::2/128"]
          - name: phone
            public_key: "{{OtherKey}}"
            addresses: [10.77.0.3]
            preshared_key_file: psk
        store: { sqlite: events.db }
        audit: { directory: audit, retention: 90d }
        control: gw.sock
        log: { level: debug, file: node.log }

        """;

    public string Shared =>
        """
        role: gateway
        node: gw-b
        identity: { private_key_file: gateway.key }
        listen: ["0.0.0.0:51830"]
        cluster_key_file: shared.key
        tunnel: { addresses: [10.77.0.1/24], announce: [eth1, eth2] }
        store:
          postgres: "Host=db1,db2;Database=vpn;Username=vpn"
          schema: vpn_a
          password_file: db.password
        cluster: { lease: 4s, margin: 500ms }
        control: gw.sock

        """;

    public string Client =>
        $$"""
        role: client
        identity: { private_key_file: client.key }
        gateway:
          public_key: "{{GatewayKey}}"
          endpoints: ["192.0.2.10:51830", "gw.example.org:51830", "[2001:db8::1]:51830"]
          allowed_ips: [10.77.0.0/24, "fd77::/64"]
        tunnel: { name: jump0 }
        uplinks: [wan1, wan2]
        state: client.state
        control: { socket: client.sock, group: adm }

        """;

    public void Dispose() => Directory.Dispose();
}
