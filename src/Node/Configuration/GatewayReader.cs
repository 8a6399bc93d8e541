using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads what only a gateway has.</summary>
internal sealed class GatewayReader(Section section, CommonReader common)
{
    /// <summary>Sockets of one gateway.</summary>
    public const int MaxListen = 16;

    public const int DefaultMtu = 1420;

    /// <summary>The least that IPv6 asks of a link (RFC 8200, section 5).</summary>
    public const int MinMtu = 1280;

    public const int MaxMtu = 9000;

    /// <summary>Keys of clients, with the reason why a gateway has none of them.</summary>
    public static readonly Dictionary<string, string> Elsewhere = new()
    {
        ["gateway"] = "belongs to a client; a gateway lists its `clients`",
        ["uplinks"] = "belongs to a client",
        ["state"] = "belongs to a client; a gateway keeps its sessions in `store`",
    };

    // While an address of the tunnel is wrong, nobody can say which client lies outside.
    private bool networksAreSure = true;

    public GatewayConfiguration Read()
    {
        ImmutableArray<Endpoint> listen = ReadListen();
        TunnelConfiguration tunnel = ReadTunnel();
        ImmutableArray<ClientEntry> clients = new ClientsReader(section, common, networksAreSure ? tunnel.Addresses : []).Read();
        string sqliteFile = ReadStore();
        string? clusterKeyFile = common.Paths.Read(section, "cluster_key_file");
        (SessionPolicy policy, StorePolicy storePolicy) = PolicyReader.Read(section);
        if (clusterKeyFile is not null && File.Exists(clusterKeyFile)) CheckClusterKeys(clusterKeyFile);
        return new()
        {
            File = common.Paths.ConfigurationFile,
            Node = common.Node,
            PrivateKeyFile = common.PrivateKeyFile,
            PublicKey = common.PublicKey,
            Control = common.Control,
            Metrics = common.Metrics,
            Log = common.Log,
            ClusterKeyFile = clusterKeyFile ?? Path.Combine(Path.GetDirectoryName(sqliteFile) ?? "/", "cluster.key"),
            ClusterKeyFileGiven = clusterKeyFile is not null,
            Listen = listen,
            Tunnel = tunnel,
            Clients = clients,
            SqliteFile = sqliteFile,
            Audit = ReadAudit(),
            Policy = policy,
            StorePolicy = storePolicy,
        };
    }

    private void CheckClusterKeys(string path)
    {
        Span<byte> keys = stackalloc byte[ClusterKeys.MaxKeys * Keys.KeyFile.KeySize];
        string? problem = Keys.KeyFile.TryReadAll(path, keys, ClusterKeys.MaxKeys, out _);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(keys);
        if (problem is not null) section.Fail(section.LineOf("cluster_key_file"), "cluster_key_file", problem);
    }

    private ImmutableArray<Endpoint> ReadListen()
    {
        section.Require("listen", "addresses and ports, such as [\"0.0.0.0:51830\", \"[::]:51830\"]");
        var listen = ImmutableArray.CreateBuilder<Endpoint>();
        foreach ((ConfigNode.Scalar scalar, string key) in section.Scalars("listen"))
        {
            if (AddressReading.Endpoint(scalar.Text, out Endpoint endpoint) is string problem) section.Fail(scalar.Line, key, problem);
            else if (listen.Contains(endpoint)) section.Fail(scalar.Line, key, $"{endpoint} is listed twice");
            else if (listen.Count == MaxListen) section.Fail(scalar.Line, key, $"more than {MaxListen} addresses to listen on");
            else listen.Add(endpoint);
        }
        if (section.IsEmptyList("listen")) section.Fail(section.LineOf("listen"), "listen", "names no address to listen on");
        return listen.ToImmutable();
    }

    private TunnelConfiguration ReadTunnel()
    {
        section.Require("tunnel", "{ addresses: [10.77.0.1/24] }");
        if (section.Nested("tunnel") is not { } tunnel) return new("jump0", [], DefaultMtu);
        string name = "jump0";
        if (tunnel.Scalar("name") is { } given)
        {
            if (Names.WrongWithDevice(given.Text) is string problem) tunnel.Fail(given.Line, "name", problem);
            name = given.Text;
        }
        tunnel.Require("addresses", "the gateway's own addresses inside the tunnel, such as [10.77.0.1/24, \"fd77::1/64\"]");
        var addresses = ImmutableArray.CreateBuilder<IpPrefix>();
        foreach ((ConfigNode.Scalar scalar, string key) in tunnel.Scalars("addresses"))
        {
            if (AddressReading.InterfaceAddress(scalar.Text, out IpPrefix address) is string problem)
            {
                tunnel.Fail(scalar.Line, key, problem);
                networksAreSure = false;
            }
            else if (addresses.Any(a => a.Network.Overlaps(address.Network))) tunnel.Fail(scalar.Line, key, $"{address} overlaps another address of the tunnel");
            else if (addresses.Count == ProtocolConstants.MaxTunnelAddresses) tunnel.Fail(scalar.Line, key, $"more than {ProtocolConstants.MaxTunnelAddresses} addresses");
            else addresses.Add(address);
        }
        if (tunnel.IsEmptyList("addresses")) tunnel.Fail(tunnel.LineOf("addresses"), "addresses", "names no address");
        int mtu = tunnel.Integer("mtu", DefaultMtu, MinMtu, MaxMtu);
        tunnel.Done();
        return new(name, addresses.ToImmutable(), mtu);
    }

    private string ReadStore()
    {
        string file = common.Paths.Resolve("events.db");
        if (section.Nested("store") is not { } store) return file;
        if (store.Has("postgres")) store.Fail(store.LineOf("postgres"), "postgres", "not supported yet");
        else store.Require("sqlite", "a file, such as events.db");
        store.Find("postgres");
        file = common.Paths.ReadToCreate(store, "sqlite") ?? file;
        store.Done();
        return file;
    }

    private AuditConfiguration? ReadAudit()
    {
        if (section.Nested("audit") is not { } audit) return null;
        audit.Require("directory", "where segments of compacted history go");
        string? directory = common.Paths.Read(audit, "directory");
        TimeSpan retention = audit.Duration("retention", TimeSpan.FromDays(90), TimeSpan.FromHours(1), Duration.Max);
        audit.Done();
        return directory is null ? null : new(directory, retention);
    }
}
