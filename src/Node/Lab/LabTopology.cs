namespace JumpingVpn.Node.Lab;

/// <summary>
/// A client with two uplinks, two routers that translate addresses, and a gateway, each a network namespace of its own:
/// <code>
/// client --wan1 10.1.0.2/24-- r1 (192.0.2.11) --\
///        \-wan2 10.2.0.2/24-- r2 (192.0.2.12) --+-- switch -- gateway 192.0.2.1/24
/// </code>
/// The client's default routes go by wan1 (metric 100) and wan2 (metric 200). The routers masquerade and drop new connections
/// from outside. Nothing leaves the namespaces. With a cluster there are two gateways, 192.0.2.1 and 192.0.2.2, which forward, and
/// behind both a server:
/// <code>
/// gateway  (lan0 10.88.0.1) --\
/// gateway2 (lan0 10.88.0.2) --+-- lan -- server 10.88.0.10/24
/// </code>
/// </summary>
public sealed partial class LabTopology : ILabHosts, IDisposable
{
    private static readonly TimeSpan LinksLimit = TimeSpan.FromSeconds(5);

    private readonly string stem = LabOwner.NextStem();
    private readonly LabNamespace[] clients;
    private readonly LabNamespace[] routers;
    private bool disposed;

    private LabTopology(LabOptions options)
    {
        Options = options;
        clients = [.. Enumerable.Range(0, options.Clients).Select(client => Named(client == 0 ? "client" : $"client{client}"))];
        routers = [Named("r1"), Named("r2")];
        Switch = Named("switch");
        Gateway = Named("gateway");
        if (options.Cluster) cluster = new(Named("gateway2"), Named("lan"), Named("server"));
        WorkDirectory = Path.Combine(Path.GetTempPath(), stem);
    }

    public LabOptions Options { get; }

    public LabNamespace Client => clients[0];

    public LabNamespace Switch { get; }

    public LabNamespace Gateway { get; }

    public string WorkDirectory { get; }

    public IReadOnlyList<string> Uplinks { get; } = ["wan1", "wan2"];

    /// <summary>Builds the network. Throws <see cref="LabException"/>, with nothing left behind, when it cannot.</summary>
    public static LabTopology Create(LabOptions? options = null)
    {
        LabRequirements.Check();
        LabCleanup.RemoveOrphans();
        var topology = new LabTopology(options ?? new LabOptions());
        LabCleanup.Register(topology);
        try
        {
            topology.Build();
            return topology;
        }
        catch
        {
            topology.Dispose();
            throw;
        }
    }

    public LabNamespace ClientAt(int client) => clients[client];

    /// <summary>Router 1 or 2.</summary>
    public LabNamespace Router(int router) => routers[router - 1];

    /// <summary>Ends every process in the namespaces and removes them, their links and the work directory.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        LabCleanup.RemoveNamespaces([.. All.Select(space => space.Name)]);
        LabCleanup.RemoveDirectory(WorkDirectory);
        LabCleanup.Unregister(this);
    }

    private IEnumerable<LabNamespace> All => [.. clients, .. routers, Switch, Gateway, .. cluster?.All ?? []];

    private LabNamespace Named(string role) => new($"{stem}-{role}");

    private void Build()
    {
        Directory.CreateDirectory(WorkDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        LabCommand.Run("ip", ["-batch", "-"], string.Join('\n', LinkLines()) + "\n");
        try
        {
            IEnumerable<Action> buildClients = clients.Select((_, client) => (Action)(() => BuildClient(client)));
            Parallel.Invoke([BuildSwitch, BuildGateway, () => BuildRouter(1), () => BuildRouter(2), .. buildClients, .. BuildCluster()]);
        }
        catch (AggregateException exception)
        {
            Exception first = exception.InnerExceptions[0];
            throw new LabException(first.Message, first);
        }

        if (!LabClock.WaitUntil(IsForwarding, LinksLimit)) throw new LabException("the lab's links do not come up");
    }

    /// <summary>All ports of the switch forward, and so all links to it are up.</summary>
    private bool IsForwarding()
    {
        return Forwarding(Switch) == (cluster is null ? 3 : 4) && (cluster is null || Forwarding(cluster.Lan) == 3);
    }

    private static int Forwarding(LabNamespace space) => space.IpShow("-d", "-o", "link", "show", "master", "br0").Split('\n')
        .Count(port => port.Contains(" state forwarding ", StringComparison.Ordinal));

    /// <summary>
    /// The two ends of a pair must not have the same index, as they have by default: the kernel then takes them for one device and
    /// reports a carrier up to a second late.
    /// </summary>
    private IEnumerable<string> LinkLines()
    {
        foreach (LabNamespace space in All) yield return $"netns add {space}";
        int index = 100;
        string Pair(string device, LabNamespace space, string peer, LabNamespace peerSpace) =>
            $"link add {device} index {++index} netns {space} type veth peer name {peer} index {++index} netns {peerSpace}";
        for (int client = 0; client < clients.Length; client++)
            for (int router = 1; router <= 2; router++)
                yield return Pair($"wan{router}", clients[client], LabNetwork.InsideDevice(client), Router(router));
        for (int router = 1; router <= 2; router++) yield return Pair("out", Router(router), $"port{router}", Switch);
        yield return Pair("eth0", Gateway, "port0", Switch);
        if (cluster is null) yield break;
        yield return Pair("eth0", cluster.Gateway2, "port3", Switch);
        for (int node = 1; node <= 2; node++) yield return Pair(LabNetwork.LanDevice, NodeAt(node), $"port{node}", cluster.Lan);
        yield return Pair("eth0", cluster.Server, "port0", cluster.Lan);
    }

    private void BuildSwitch() => BuildBridge(Switch, cluster is null ? 3 : 4);

    private static void BuildBridge(LabNamespace space, int ports) => space.Ip([
        "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        "link set br0 addrgenmode none up",
        .. Enumerable.Range(0, ports).Select(port => $"link set port{port} addrgenmode none master br0 up")]);

    private void BuildGateway() => Gateway.Ip(
        ["link set lo up", .. Device("eth0", LabNetwork.Gateway4, LabNetwork.Gateway6)]);

    private void BuildRouter(int router)
    {
        LabNamespace space = Router(router);
        List<string> lines = ["link set lo up"];
        for (int client = 0; client < clients.Length; client++)
        {
            string device = LabNetwork.InsideDevice(client);
            lines.AddRange(Device(device, LabNetwork.Inside4(router, client, 1), LabNetwork.Inside6(router, client, 1)));
        }

        lines.AddRange(Device("out", LabNetwork.RouterOutside4(router), LabNetwork.RouterOutside6(router)));
        space.Ip([.. lines]);
        space.Sysctl(("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"));
        space.Nft(LabRuleset.Initial);
    }

    private void BuildClient(int client)
    {
        LabNamespace space = clients[client];
        // Strict reverse-path filtering drops what arrives on the second uplink; 2 (loose) is what systemd hosts have.
        space.Sysctl(("ipv4/conf/all/rp_filter", "2"), ("ipv4/conf/default/rp_filter", "2"));
        space.Ip([
            "link set lo up",
            .. Enumerable.Range(1, 2).SelectMany(router => (IEnumerable<string>)[
                .. Device($"wan{router}", LabNetwork.Inside4(router, client, 2), LabNetwork.Inside6(router, client, 2)),
                .. DefaultRoutes(router, client)])]);
    }

    /// <summary>The default routes of a client by one of its uplinks, as lines of `ip`.</summary>
    public IEnumerable<string> DefaultRoutes(int router, int client)
    {
        yield return $"route replace default via {LabNetwork.Inside4(router, client, 1)} dev wan{router} metric {router * 100}";
        if (Options.IPv6) yield return $"route replace ::/0 via {LabNetwork.Inside6(router, client, 1)} dev wan{router} metric {router * 100}";
    }

    /// <summary>The IPv6 addresses of a device, as lines of `ip`.</summary>
    /// <remarks>
    /// No duplicate address detection, which costs a second. The link-local address is what a router asks from for an address that it has not
    /// heard of (RFC 4861, section 4.3): without one, whoever changes its address is not found.
    /// </remarks>
    public IEnumerable<string> Addresses6(string device, string address6)
    {
        if (!Options.IPv6) yield break;
        yield return $"addr replace {address6}/64 dev {device} nodad";
        yield return $"addr replace fe80::{address6[(address6.LastIndexOf(':') + 1)..]}/64 dev {device} nodad";
    }

    private IEnumerable<string> Device(string device, string address4, string address6) =>
        [$"link set {device} addrgenmode none up", $"addr add {address4}/24 dev {device}", .. Addresses6(device, address6)];
}
