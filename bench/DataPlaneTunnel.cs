using System.Globalization;
using System.Net;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <summary>
/// Two data planes with static keys and nothing around them: what the packet path itself costs, apart from the node that steers it.
/// </summary>
internal sealed class DataPlaneTunnel(ILabHosts hosts, string cipher) : ILabTunnel
{
    /// <summary>Tunnels of this kind are named so, and then their cipher's implementation.</summary>
    public const string Prefix = "dataplane-";

    private const string ClientAddress = "192.0.2.2";
    private readonly List<LabProcess> ends = [];

    public string Name => Prefix + cipher;

    public IPAddress GatewayAddress { get; } = IPAddress.Parse(DataPlaneEnd.InnerAddress(1));

    public int? GatewayProcessId => ends[1].Id;

    public IReadOnlyList<int> ProcessIds => [.. ends.Select(end => end.Id)];

    public void Start()
    {
        StartEnd(hosts.ClientAt(0), 0, ClientAddress, LabNetwork.Gateway4);
        StartEnd(hosts.Gateway, 1, LabNetwork.Gateway4, ClientAddress);
        if (!LabClock.WaitUntil(() => ends.All(end => end.HasExited || end.Output().Contains(DataPlaneEnd.Ready, StringComparison.Ordinal)), TimeSpan.FromSeconds(10))
            || ends.Any(end => end.HasExited))
            throw new LabException($"{Name} did not start");
    }

    public void RestartGateway() => throw new LabException("static keys survive no restart");

    public LabSession? ReadSession() => null;

    public string Logs() => string.Concat(ends.Select(end => end.Output()));

    public void Dispose()
    {
        foreach (LabProcess end in ends) end.Dispose();
    }

    private void StartEnd(LabNamespace space, int number, string local, string remote) => ends.Add(LabProcess.Start(
        $"end {number}",
        space,
        "dotnet",
        [typeof(DataPlaneTunnel).Assembly.Location, DataPlaneEnd.CommandName, number.ToString(CultureInfo.InvariantCulture), local, remote, cipher]));
}
