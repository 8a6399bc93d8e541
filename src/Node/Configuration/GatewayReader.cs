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

    /// <summary>Devices on which inner addresses are announced.</summary>
    public const int MaxAnnounce = 8;

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
        StoreConfiguration store = new StorageReader(section, common).Read();
        bool isShared = store is StoreConfiguration.Postgres;
        ImmutableArray<ClientEntry> clients = isShared ? RefuseClients() : new ClientsReader(section, common, networksAreSure ? tunnel.Addresses : []).Read();
        string? clusterKeyFile = ReadClusterKeyFile(isShared);
        (SessionPolicy policy, StorePolicy storePolicy) = PolicyReader.Read(section);
        return new()
        {
            File = common.Paths.ConfigurationFile,
            Node = common.Node,
            PrivateKeyFile = common.PrivateKeyFile,
            PublicKey = common.PublicKey,
            Control = common.Control,
            Metrics = common.Metrics,
            Log = common.Log,
            Limits = LimitsReader.Read(section, isGateway: true),
            ClusterKeyFile = clusterKeyFile ?? (store is StoreConfiguration.Sqlite sqlite ? Path.Combine(Path.GetDirectoryName(sqlite.File) ?? "/", "cluster.key") : ""),
            ClusterKeyFileGiven = clusterKeyFile is not null,
            Listen = listen,
            Tunnel = tunnel,
            Clients = clients,
            Store = store,
            Audit = AuditReader.Read(
                section, common.Paths, store is StoreConfiguration.Sqlite embedded ? Path.ChangeExtension(embedded.File, ".audit") : common.Paths.Resolve(common.Node + ".audit"), isGateway: true),
            Policy = policy,
            StorePolicy = storePolicy,
        };
    }

    // The registry of nodes that share a store lies in it: a second one here would be another truth.
    private ImmutableArray<ClientEntry> RefuseClients()
    {
        section.Find("clients");
        if (section.Has("clients"))
        {
            section.Fail(section.LineOf("clients"), "clients",
                "stand in the database where nodes share one; `jumping-vpn clients add --config FILE` adds one there");
        }
        return [];
    }

    private string? ReadClusterKeyFile(bool isShared)
    {
        const string key = "cluster_key_file";
        string? path = common.Paths.Read(section, key);
        if (isShared && path is null) section.Require(key, "a file that is the same on every node; `jumping-vpn keygen --out FILE` makes one");
        if (path is null) return null;
        if (File.Exists(path)) CheckClusterKeys(path);
        else if (isShared) section.Fail(section.LineOf(key), key, $"{path}: no such file; every node of a cluster has the same one, and none makes it by itself");
        return path;
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
        if (section.Nested("tunnel") is not { } tunnel) return new("jump0", [], DefaultMtu, []);
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
        ImmutableArray<string> announce = ReadAnnounce(tunnel, name);
        tunnel.Done();
        return new(name, addresses.ToImmutable(), mtu, announce);
    }

    private static ImmutableArray<string> ReadAnnounce(Section tunnel, string name)
    {
        var devices = ImmutableArray.CreateBuilder<string>();
        foreach ((ConfigNode.Scalar scalar, string key) in tunnel.Scalars("announce"))
        {
            if (Names.WrongWithDevice(scalar.Text) is string problem) tunnel.Fail(scalar.Line, key, problem);
            else if (scalar.Text == name) tunnel.Fail(scalar.Line, key, $"{name} is the tunnel itself");
            else if (devices.Contains(scalar.Text)) tunnel.Fail(scalar.Line, key, $"{scalar.Text} is listed twice");
            else if (devices.Count == MaxAnnounce) tunnel.Fail(scalar.Line, key, $"more than {MaxAnnounce} devices");
            else devices.Add(scalar.Text);
        }
        return devices.ToImmutable();
    }
}
