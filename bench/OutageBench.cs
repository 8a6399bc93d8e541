using System.Text.Json;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Cases;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <param name="Tunnels">Names of what to measure; empty: this program.</param>
/// <param name="Cases">Names of cases; empty: all.</param>
/// <param name="IPv6">The transports and the probes in the tunnel use IPv6 alone.</param>
internal sealed record OutageBenchOptions(int Rounds, IReadOnlyList<string> Tunnels, IReadOnlyList<string> Cases, TimeSpan GiveUp, bool IPv6, bool List, bool Json);

/// <summary>`bench/run outage`: every case, some rounds each, and the table of medians.</summary>
internal static class OutageBench
{
    private static readonly IReadOnlyList<string> Header =
        ["case", "tunnel", "outage ms", "TCP stall ms", "lost", "delivered %", "moves", "TCP alive", "same session", "limit", "held"];

    public static int Run(OutageBenchOptions options)
    {
        if (options.List)
        {
            foreach (OutageCase outageCase in OutageCases.All) Console.WriteLine($"{outageCase.Name,-22} {outageCase.Title} ({outageCase.Limits})");
            return 0;
        }

        OutageCase[] cases = options.Cases.Count == 0
            ? [.. OutageCases.All]
            : [.. options.Cases.Select(name => OutageCases.Find(name) ?? throw new LabException($"no case `{name}`; --list names them"))];
        string[] tunnels = options.Tunnels.Count == 0 ? ["jumping-vpn"] : [.. options.Tunnels];
        List<OutageRow> rows = [];
        foreach (OutageCase outageCase in cases)
            foreach (string tunnel in tunnels)
                if (!outageCase.NeedsSession || tunnel.StartsWith("jumping-vpn", StringComparison.Ordinal))
                    rows.Add(RunCase(outageCase, tunnel, options));
        return Report(rows, options.Json);
    }

    /// <summary>Some rounds of one case.</summary>
    public static OutageRow Repeat(OutageCase outageCase, string tunnel, int rounds, Func<OutageResult> measure)
    {
        var row = new OutageRow(outageCase, tunnel);
        for (int round = 1; round <= rounds; round++)
        {
            try
            {
                OutageResult result = measure();
                row.Results.Add(result);
                Console.Error.WriteLine($"{outageCase.Name} {tunnel} {round}/{rounds}: {OutageRow.Describe(result, outageCase.Limits)}");
            }
            catch (LabException exception)
            {
                row.Failures.Add(exception.Message);
                Console.Error.WriteLine($"{outageCase.Name} {tunnel} {round}/{rounds}: FAILED: {exception.Message}");
            }
        }

        return row;
    }

    /// <summary>Prints the table; the exit code.</summary>
    public static int Report(IReadOnlyList<OutageRow> rows, bool json)
    {
        if (json) Console.WriteLine(JsonSerializer.Serialize(rows.Select(row => row.ToJson()), JsonOptions));
        else Table.Write(Console.Out, Header, [.. rows.Select(row => row.Cells())]);
        return rows.All(row => row.Complete) ? 0 : 1;
    }

    private static readonly JsonSerializerOptions JsonOptions = new() { WriteIndented = true };

    private static OutageRow RunCase(OutageCase outageCase, string tunnel, OutageBenchOptions options) => Repeat(
        outageCase,
        tunnel,
        options.Rounds,
        () => OutageRound.Run(
            outageCase,
            topology => TunnelNames.Make(tunnel, topology, outageCase, options.IPv6),
            options.GiveUp,
            new LabOptions(IPv6: options.IPv6)));
}
