using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Adversary.OnPath;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Adversary.Lab;

/// <summary>
/// The lab's network with an honest client and a gateway in it, and room for an attacker: a device of its own in the network between
/// routers and gateway, places on the paths, and the keys of a second registered client.
/// <code>
/// client -- r1, r2 --(on the path)-- switch -- gateway
///                                       \-- evil 192.0.2.66, 2001:db8:ff::66
/// </code>
/// </summary>
public sealed partial class AttackLab : IDisposable
{
    public const string Device = "evil";
    public const string Address4 = "192.0.2.66";
    public const string Address6 = "2001:db8:ff::66";
    public const int Port = 51830;

    private readonly List<IDisposable> _places = [];

    private AttackLab(LabTopology topology, NodeTunnel nodes)
    {
        Topology = topology;
        Nodes = nodes;
    }

    public LabTopology Topology { get; }

    public NodeTunnel Nodes { get; }

    public static IPEndPoint GatewayEndpoint { get; } = new(IPAddress.Parse(LabNetwork.Gateway4), Port);

    public static IPEndPoint GatewayEndpoint6 { get; } = new(IPAddress.Parse(LabNetwork.Gateway6), Port);

    /// <summary>The gateway's public key, out of the client's configuration.</summary>
    public byte[] GatewayKey { get; private set; } = [];

    public byte[] GatewayMac { get; private set; } = [];

    public byte[] AttackerMac { get; private set; } = [];

    /// <summary>Builds network and gateway, and an honest client that is attached.</summary>
    /// <param name="hostile">Registered clients beside the honest one that are never started: the attacker has their keys.</param>
    public static AttackLab Start(NodeTunnelOptions? options = null, int hostile = 1, bool ipv6 = false)
    {
        options ??= new NodeTunnelOptions();
        LabTopology topology = LabTopology.Create(new LabOptions(1, ipv6));
        var lab = new AttackLab(topology, new NodeTunnel(topology, options with { Clients = 1 + hostile }));
        try
        {
            lab.PutAttackerThere(ipv6);
            lab.Nodes.StartGateway();
            lab.Nodes.Gateway.AwaitReady();
            lab.Nodes.StartClient(0);
            lab.Nodes.Client.AwaitAttached();
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    /// <summary>Counts of what the gateway refused, by the reason's name.</summary>
    public long Refused(string reason) => Nodes.Gateway.ReadStatus()?.Rejections.GetValueOrDefault(reason) ?? 0;

    /// <summary>The honest client's session as the gateway has it; null if it has none.</summary>
    public Node.Control.SessionStatus? HonestSession() =>
        Nodes.Gateway.ReadStatus()?.Sessions.FirstOrDefault(session => session.Client == "client");

    /// <summary>A registered client in the attacker's hands, at an address of the attacker's.</summary>
    public HostileClient Hostile(int number = 1) => new(
        Convert.FromBase64String(File.ReadAllText(Nodes.PathOf($"client{number}.key")).Trim()), GatewayKey, GatewayEndpoint, Socket());

    /// <summary>A UDP socket of the attacker's, at a port of its own.</summary>
    public Socket Socket(int port = 0) => Topology.Switch.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(Address4), port));
        return socket;
    });

    /// <summary>Puts the attacker between router 1 or 2 and the switch. Everything on that path goes through its hands from here on.</summary>
    public FrameRelay PutOnPath(int router)
    {
        string port = $"port{router}", outer = $"tap{router}", inner = $"tapin{router}";
        LabNamespace space = Topology.Switch;
        space.Ip($"link add {outer} type veth peer name {inner}", $"link set {outer} addrgenmode none up", $"link set {inner} addrgenmode none up");
        // Whole frames with whole checksums: what is altered on the way must be refused by the program, not by the kernel.
        WithoutOffload(space, inner);
        WithoutOffload(Topology.Router(router), "out");
        FrameRelay relay = space.Run(() => new FrameRelay(PacketSocket.Open(PacketSocket.IndexOf(port)), PacketSocket.Open(PacketSocket.IndexOf(outer))));
        _places.Add(relay);
        space.Ip($"link set {port} nomaster", $"link set {inner} master br0");
        return relay;
    }

    /// <summary>A flood from the attacker's device.</summary>
    public FloodSender Flood(FloodKind kind, FloodKnowledge known, IPEndPoint first, SourceSpread spread, int sources, IPEndPoint? target = null) =>
        new(Topology.Switch.Run(() => PacketSocket.Open(PacketSocket.IndexOf(Device), receives: false)),
            FloodSender.MakeFrames(kind, known, AttackerMac, GatewayMac, first, target ?? GatewayEndpoint, spread, sources));

    /// <summary>The arguments by which the attacker's program sends the same from a process of its own.</summary>
    public string[] FloodArguments(FloodKind kind, IPEndPoint first, SourceSpread spread, int sources, double seconds, double rate, IPEndPoint? target = null, params string[] more) =>
    [
        "flood", "--kind", $"{kind}", "--device", Device, "--from-mac", Convert.ToHexString(AttackerMac), "--to-mac", Convert.ToHexString(GatewayMac),
        "--from", $"{first}", "--to", $"{target ?? GatewayEndpoint}", "--spread", $"{spread}", "--sources", $"{sources}",
        "--seconds", seconds.ToString(CultureInfo.InvariantCulture), "--rate", rate.ToString(CultureInfo.InvariantCulture),
        "--gateway-key", Convert.ToBase64String(GatewayKey), .. more,
    ];

    /// <summary>One frame from the attacker's device to the gateway, with any source.</summary>
    public Frame Forge(IPEndPoint source, ReadOnlySpan<byte> payload) => Frame.Make(AttackerMac, GatewayMac, source, GatewayEndpoint, payload);

    /// <summary>A socket for frames of the attacker's own making.</summary>
    public PacketSocket Injector()
    {
        PacketSocket socket = Topology.Switch.Run(() => PacketSocket.Open(PacketSocket.IndexOf(Device), receives: false));
        _places.Add(socket);
        return socket;
    }

    public void Dispose()
    {
        Nodes.Dispose();
        foreach (IDisposable place in _places) place.Dispose();
        Topology.Dispose();
    }

    private void PutAttackerThere(bool ipv6)
    {
        Topology.Switch.Ip([
            $"link add {Device} type veth peer name evilport", "link set evilport addrgenmode none master br0 up",
            $"link set {Device} addrgenmode none up", $"addr add {Address4}/24 dev {Device}",
            .. (string[])(ipv6 ? [$"addr add {Address6}/64 dev {Device} nodad"] : [])]);
        GatewayMac = MacOf(Topology.Gateway, "eth0");
        AttackerMac = MacOf(Topology.Switch, Device);
        GatewayKey = Convert.FromBase64String(PublicKey().Match(File.ReadAllText(Nodes.PathOf("client.yaml"))).Groups[1].Value);
    }

    private static void WithoutOffload(LabNamespace space, string device) =>
        space.Execute("ethtool", ["-K", device, "tx", "off", "gso", "off", "tso", "off"]);

    private static byte[] MacOf(LabNamespace space, string device) =>
        Convert.FromHexString(Mac().Match(space.IpShow("-o", "link", "show", device)).Groups[1].Value.Replace(":", "", StringComparison.Ordinal));

    [GeneratedRegex("link/ether ([0-9a-f:]{17})")]
    private static partial Regex Mac();

    [GeneratedRegex("public_key: \"([^\"]+)\"")]
    private static partial Regex PublicKey();
}
