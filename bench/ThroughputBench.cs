using System.Globalization;
using System.Text.Json;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <param name="Tunnels">Names of what to measure; empty: all.</param>
/// <param name="Seconds">Length of each transfer.</param>
internal sealed record ThroughputBenchOptions(int Rounds, IReadOnlyList<string> Tunnels, int Seconds, bool Json);

/// <summary>
/// `bench/run throughput`: the bare link, this program with each of its ciphers' implementations, and wireguard-go, in turn within
/// each round, because a virtual machine's speed drifts. Once with the link's UDP segmentation and once without.
/// </summary>
internal static class ThroughputBench
{
    private const int SmallPayload = 200;
    private static readonly IReadOnlyList<string> AllTunnels = ["raw", "openssl", "ipsec-mb", "wireguard-go"];
    private static readonly IReadOnlyList<string> Header =
        ["tunnel", "TCP up Mbit/s", "of raw", "down", "of raw", "4 streams", "CPU s/GB", "200-byte UDP kpps", "ping ms", "p99 ms", "RSS MB", "anonymous MB"];

    private static readonly JsonSerializerOptions JsonOptions = new() { WriteIndented = true };

    public static int Run(ThroughputBenchOptions options)
    {
        IReadOnlyList<string> tunnels = options.Tunnels.Count == 0 ? AllTunnels : options.Tunnels;
        bool complete = true;
        Dictionary<string, object> json = [];
        foreach (bool segmentation in (bool[])[true, false])
        {
            Dictionary<string, List<ThroughputResult>> results = tunnels.ToDictionary(tunnel => tunnel, _ => new List<ThroughputResult>());
            for (int round = 1; round <= options.Rounds; round++)
                foreach (string tunnel in tunnels)
                    complete &= TryRound(tunnel, segmentation, round, options, results[tunnel]);
            string title = segmentation ? "offloads on" : "UDP segmentation off";
            json[title] = results;
            if (!options.Json) WriteTable(title, results);
        }

        if (options.Json) Console.WriteLine(JsonSerializer.Serialize(json, JsonOptions));
        return complete ? 0 : 1;
    }

    private static bool TryRound(string tunnel, bool segmentation, int round, ThroughputBenchOptions options, List<ThroughputResult> results)
    {
        string title = $"{tunnel}{(segmentation ? "" : ", UDP segmentation off")}, {round}/{options.Rounds}";
        try
        {
            ThroughputResult result = Measure(tunnel, segmentation, options.Seconds);
            results.Add(result);
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{title}: up {result.UpMegabits:0}, down {result.DownMegabits:0}, 4 streams {result.FourStreamsMegabits:0} Mbit/s"));
            return true;
        }
        catch (LabException exception)
        {
            Console.Error.WriteLine($"{title}: FAILED: {exception.Message}");
            return false;
        }
    }

    private static ThroughputResult Measure(string name, bool segmentation, int seconds)
    {
        using LinkPair hosts = LinkPair.Create(segmentation);
        using ILabTunnel tunnel = Make(name, hosts);
        try
        {
            tunnel.Start();
            using var iperf = new Iperf(hosts.ClientAt(0), hosts.Gateway, tunnel.GatewayAddress, seconds);
            // Before the load: a tunnel that was just busy is not idle.
            (double mean, double high) = Ping.Run(hosts.ClientAt(0), tunnel.GatewayAddress);
            double before = tunnel.ProcessIds.Sum(ProcessUsage.CpuSeconds);
            (double up, double bytes) = iperf.Tcp(1, down: false);
            double cpu = tunnel.ProcessIds.Sum(ProcessUsage.CpuSeconds) - before;
            double down = iperf.Tcp(1, down: true).Megabits;
            double four = iperf.Tcp(4, down: false).Megabits;
            double small = iperf.UdpKilopackets(SmallPayload);
            (double Resident, double Anonymous)[] memory = [.. tunnel.ProcessIds.Select(ProcessUsage.Memory)];
            var bare = new ThroughputResult(up, down, four, null, small, mean, high, null, null);
            return memory.Length == 0 ? bare : bare with
            {
                CpuSecondsPerGigabyte = cpu / (bytes / 1e9),
                ResidentMegabytes = memory.Max(end => end.Resident),
                AnonymousMegabytes = memory.Max(end => end.Anonymous),
            };
        }
        catch (LabException exception)
        {
            throw new LabException($"{exception.Message}{Environment.NewLine}{tunnel.Logs()}", exception);
        }
    }

    private static ILabTunnel Make(string name, LinkPair hosts) => name switch
    {
        "raw" => new RawTunnel(),
        "wireguard-go" when WireGuardGoTunnel.IsAvailable => new WireGuardGoTunnel(hosts),
        "wireguard-go" => throw new LabException("wireguard-go and wg are not installed"),
        "jumping-vpn" => new NodeTunnel(hosts),
        "openssl" or "ipsec-mb" or "bcl" => new NodeTunnel(hosts, new NodeTunnelOptions { Cipher = name }),
        _ when name.StartsWith(DataPlaneTunnel.Prefix, StringComparison.Ordinal) => new DataPlaneTunnel(hosts, name[DataPlaneTunnel.Prefix.Length..]),
        _ => throw new LabException($"no tunnel `{name}`: raw, jumping-vpn, openssl, ipsec-mb, bcl, wireguard-go, or dataplane- and a cipher"),
    };

    private static void WriteTable(string title, Dictionary<string, List<ThroughputResult>> results)
    {
        Console.WriteLine($"{Environment.NewLine}{title}, medians (smallest..largest)");
        results.TryGetValue("raw", out List<ThroughputResult>? raw);
        Table.Write(Console.Out, Header, [.. results.Select(entry => Cells(entry.Key, entry.Value, raw))]);
    }

    private static IReadOnlyList<string> Cells(string tunnel, List<ThroughputResult> results, List<ThroughputResult>? raw)
    {
        string Of(Func<ThroughputResult, double?> figure, string format) =>
            Statistics.Of(results.Select(figure).OfType<double>())?.Format(format) ?? "-";
        string Ratio(Func<ThroughputResult, double> figure) =>
            raw is { Count: > 0 } && Statistics.Of(results.Select(figure)) is { } own
                ? (own.Median / Statistics.Of(raw.Select(figure))!.Median).ToString("0.00", CultureInfo.InvariantCulture)
                : "-";
        return
        [
            tunnel,
            Of(result => result.UpMegabits, "0"),
            Ratio(result => result.UpMegabits),
            Of(result => result.DownMegabits, "0"),
            Ratio(result => result.DownMegabits),
            Of(result => result.FourStreamsMegabits, "0"),
            Of(result => result.CpuSecondsPerGigabyte, "0.00"),
            Of(result => result.SmallKilopackets, "0"),
            Of(result => result.PingMean, "0.00"),
            Of(result => result.PingHigh, "0.00"),
            Of(result => result.ResidentMegabytes, "0.0"),
            Of(result => result.AnonymousMegabytes, "0.0"),
        ];
    }
}
