using System.Globalization;
using System.Net;
using System.Text.Json;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench;

/// <summary>iperf3 between two hosts: a server on the gateway for as long as this lives, one client at a time.</summary>
internal sealed class Iperf : IDisposable
{
    private readonly LabNamespace client;
    private readonly string address;
    private readonly int seconds;
    private readonly LabProcess server;

    public Iperf(LabNamespace client, LabNamespace gateway, IPAddress address, int seconds)
    {
        this.client = client;
        this.address = address.ToString();
        this.seconds = seconds;
        server = LabProcess.Start("iperf3", gateway, "iperf3", ["-s"]);
        if (!LabClock.WaitUntil(() => server.HasExited || IsListening(gateway), TimeSpan.FromSeconds(5)) || server.HasExited)
            throw new LabException($"iperf3 does not listen: {server.Output().Trim()}");
    }

    /// <summary>Megabits per second that arrived, and the bytes.</summary>
    public (double Megabits, double Bytes) Tcp(int streams, bool down)
    {
        JsonElement sum = Run(["-P", streams.ToString(CultureInfo.InvariantCulture), .. down ? (string[])["-R"] : []]).GetProperty("sum_received");
        return (sum.GetProperty("bits_per_second").GetDouble() / 1e6, sum.GetProperty("bytes").GetDouble());
    }

    /// <summary>Thousands of datagrams per second that arrived, when as many are sent as the sender can.</summary>
    public double UdpKilopackets(int payload)
    {
        JsonElement sum = Run(["-u", "-b", "0", "-l", payload.ToString(CultureInfo.InvariantCulture)]).GetProperty("sum");
        return (sum.GetProperty("packets").GetDouble() - sum.GetProperty("lost_packets").GetDouble()) / sum.GetProperty("seconds").GetDouble() / 1e3;
    }

    public void Dispose() => server.Dispose();

    private static bool IsListening(LabNamespace gateway) => gateway.Execute("ss", ["-Hltn", "sport = :5201"]).Length > 0;

    private JsonElement Run(IReadOnlyList<string> arguments)
    {
        string json = client.Execute("iperf3", ["-c", address, "-J", "-t", seconds.ToString(CultureInfo.InvariantCulture), .. arguments]);
        using JsonDocument document = JsonDocument.Parse(json);
        return document.RootElement.GetProperty("end").Clone();
    }
}
