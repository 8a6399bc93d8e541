using System.Globalization;
using System.Net;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>wireguard-go as the host has it, for comparison. Keepalive is 1 s, the shortest there is, which favours it.</summary>
public sealed class WireGuardGoTunnel(ILabHosts hosts) : ILabTunnel
{
    private const int Port = 51820;
    private const string ClientInner = "10.77.0.2";
    private const string GatewayInner = "10.77.0.1";

    // The control sockets of all namespaces share one directory, so the device names must differ.
    private readonly string suffix = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId:x}{Interlocked.Increment(ref counter):x}");
    private readonly (string Private, string Public) clientKeys = NewKeys();
    private readonly (string Private, string Public) gatewayKeys = NewKeys();
    private static int counter;
    private LabProcess? client;
    private LabProcess? gateway;

    public string Name => "wireguard-go";

    public IPAddress GatewayAddress { get; } = IPAddress.Parse(GatewayInner);

    public int? GatewayProcessId => gateway?.Id;

    public IReadOnlyList<int> ProcessIds => [client!.Id, gateway!.Id];

    private string ClientDevice => "wgc" + suffix;

    private string GatewayDevice => "wgg" + suffix;

    /// <summary>True if the host has what this needs.</summary>
    public static bool IsAvailable => LabCommand.Exists("wireguard-go") && LabCommand.Exists("wg");

    public void Start()
    {
        StartGateway();
        client = Open(hosts.ClientAt(0), ClientDevice, ClientInner, $"""
            [Interface]
            PrivateKey = {clientKeys.Private}
            [Peer]
            PublicKey = {gatewayKeys.Public}
            Endpoint = {LabNetwork.Gateway4}:{Port}
            AllowedIPs = {GatewayInner}/32
            PersistentKeepalive = 1

            """);
    }

    public void RestartGateway()
    {
        gateway!.Dispose();
        StartGateway();
    }

    public LabSession? ReadSession() => null;

    public string Logs() => gateway?.Output() + client?.Output();

    public void Dispose()
    {
        client?.Dispose();
        gateway?.Dispose();
        foreach (string device in (string[])[ClientDevice, GatewayDevice]) RemoveSocket(device);
    }

    private static (string Private, string Public) NewKeys()
    {
        string key = LabCommand.Run("wg", ["genkey"]).Trim();
        return (key, LabCommand.Run("wg", ["pubkey"], key + "\n").Trim());
    }

    private static string SocketOf(string device) => $"/var/run/wireguard/{device}.sock";

    /// <summary>A killed process leaves its socket behind.</summary>
    private static void RemoveSocket(string device)
    {
        if (File.Exists(SocketOf(device))) File.Delete(SocketOf(device));
    }

    private void StartGateway() => gateway = Open(hosts.Gateway, GatewayDevice, GatewayInner, $"""
        [Interface]
        PrivateKey = {gatewayKeys.Private}
        ListenPort = {Port}
        [Peer]
        PublicKey = {clientKeys.Public}
        AllowedIPs = {ClientInner}/32

        """);

    private LabProcess Open(LabNamespace space, string device, string address, string configuration)
    {
        RemoveSocket(device);
        LabProcess process = LabProcess.Start(device, space, "wireguard-go", ["-f", device], new Dictionary<string, string> { ["LOG_LEVEL"] = "error" });
        if (!LabClock.WaitUntil(() => File.Exists(SocketOf(device)) || process.HasExited, TimeSpan.FromSeconds(5)) || process.HasExited)
            throw new LabException($"wireguard-go did not start: {process.Output().Trim()}");
        space.Execute("wg", ["setconf", device, "/dev/stdin"], configuration);
        space.Ip($"addr add {address}/24 dev {device}", $"link set {device} mtu 1420 up");
        return process;
    }
}
