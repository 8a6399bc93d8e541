using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench;

/// <summary>Two hosts on one veth pair of MTU 1500: nothing between them costs anything, so the tunnel's own cost shows.</summary>
internal sealed class LinkPair : ILabHosts, IDisposable
{
    private const string Device = "wan1";
    private readonly string stem = LabOwner.NextStem();
    private readonly LabNamespace client;
    private bool disposed;

    private LinkPair()
    {
        client = new LabNamespace(stem + "-client");
        Gateway = new LabNamespace(stem + "-gateway");
        WorkDirectory = Path.Combine(Path.GetTempPath(), stem);
    }

    public LabNamespace Gateway { get; }

    public string WorkDirectory { get; }

    public IReadOnlyList<string> Uplinks { get; } = [Device];

    public LabNamespace ClientAt(int client) => this.client;

    /// <param name="udpSegmentation">False: the pair cuts UDP superpackets, as many network cards make the kernel do.</param>
    public static LinkPair Create(bool udpSegmentation)
    {
        LabRequirements.Check();
        LabCleanup.RemoveOrphans();
        var pair = new LinkPair();
        LabCleanup.Register(pair);
        try
        {
            pair.Build(udpSegmentation);
            return pair;
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        LabCleanup.RemoveNamespaces([client.Name, Gateway.Name]);
        LabCleanup.RemoveDirectory(WorkDirectory);
        LabCleanup.Unregister(this);
    }

    private void Build(bool udpSegmentation)
    {
        Directory.CreateDirectory(WorkDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        LabCommand.Run("ip", ["-batch", "-"], $"""
            netns add {client}
            netns add {Gateway}
            link add {Device} index 101 netns {client} type veth peer name {Device} index 102 netns {Gateway}

            """);
        Up(client, "192.0.2.2", udpSegmentation);
        Up(Gateway, LabNetwork.Gateway4, udpSegmentation);
        client.Ip($"route add default via {LabNetwork.Gateway4}");
    }

    private static void Up(LabNamespace space, string address, bool udpSegmentation)
    {
        space.Ip("link set lo up", $"link set {Device} addrgenmode none mtu 1500 up", $"addr add {address}/24 dev {Device}");
        if (!udpSegmentation) space.Execute("ethtool", ["-K", Device, "tx-udp-segmentation", "off"]);
    }
}
