using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench;

/// <summary>Round trips of an idle tunnel.</summary>
internal static partial class Ping
{
    private const int Count = 200;

    /// <summary>Mean and 99th percentile in milliseconds.</summary>
    public static (double Mean, double High) Run(LabNamespace client, IPAddress address)
    {
        string output = client.Execute("ping", ["-c", Count.ToString(CultureInfo.InvariantCulture), "-i", "0.01", address.ToString()]);
        double[] times = [.. Time().Matches(output).Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).Order()];
        if (times.Length == 0) throw new LabException("no ping was answered");
        return (times.Average(), times[(int)((times.Length - 1) * 0.99)]);
    }

    [GeneratedRegex("time=([0-9.]+) ms")]
    private static partial Regex Time();
}
