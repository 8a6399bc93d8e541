using System.Globalization;
using System.Text.Json;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench;

/// <param name="Kinds">Names of kinds; empty: those that an attacker off the path can send.</param>
/// <param name="Rate">Datagrams a second; 0: as many as the attacker's core can.</param>
/// <param name="Spread">How the flood's sources differ.</param>
/// <param name="Sources">How many there are.</param>
/// <param name="InProcess">Only the checks themselves, without sockets.</param>
internal sealed record FloodBenchOptions(IReadOnlyList<string> Kinds, int Rounds, int Moves, int Seconds, double Rate, SourceSpread Spread, int Sources, bool InProcess, bool Json);

/// <summary>`bench/run flood`: how fast messages are refused, and what a flood of them costs an honest client.</summary>
internal static class FloodBench
{
    private static readonly FloodKind[] Usual =
    [
        FloodKind.Initiation, FloodKind.InitiationBadMac, FloodKind.ReattachRandomId, FloodKind.ReattachWrongProof, FloodKind.ProbeWrongMac, FloodKind.Confirm,
        FloodKind.DataRandomIndex, FloodKind.DataGarbage,
    ];

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = true,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static int Run(FloodBenchOptions options)
    {
        Console.Error.WriteLine($"load {File.ReadAllText("/proc/loadavg").Trim()}, {Environment.ProcessorCount} cores");
        using var filter = new FloodFilter();
        FilterRow[] rows = [.. filter.Measure(TimeSpan.FromSeconds(0.5), Math.Max(3, options.Rounds))];
        if (options.Json) Console.WriteLine(JsonSerializer.Serialize(rows, JsonOptions));
        else Table.Write(Console.Out, ["kind", "refused as", "checked/s", "refused/s", "bytes allocated"], [.. rows.Select(Cells)]);
        if (options.InProcess) return 0;

        FloodKind[] kinds = options.Kinds.Count == 0
            ? Usual
            : [.. options.Kinds.Select(name => Enum.TryParse(name, ignoreCase: true, out FloodKind kind) ? kind : throw new LabException($"no kind `{name}`"))];
        List<FloodResult> results = [];
        foreach (FloodKind kind in kinds)
        {
            for (int round = 1; round <= options.Rounds; round++)
            {
                using var measured = new FloodRound(kind, options);
                FloodResult result = measured.Run(options.Moves, options.Seconds);
                results.Add(result);
                Console.Error.WriteLine($"{kind} {round}/{options.Rounds}: {string.Join(", ", Cells([result]))}");
            }
        }

        if (options.Json) Console.WriteLine(JsonSerializer.Serialize(results, JsonOptions));
        else
            Table.Write(
                Console.Out,
                ["kind", "sent/s", "refused/s", "moves", "median ms", "p99 ms", "Mbit/s", "of sink", "growth MB", "answered"],
                [.. results.GroupBy(result => result.Kind).Select(group => Cells([.. group]))]);
        return 0;
    }

    private static string[] Cells(FilterRow row) => [row.Kind, row.Reason, Number(row.Checked, "0"), Number(row.PerSecond, "0"), Number(row.Bytes, "0.###")];

    /// <summary>Medians of the rounds; the moves of all rounds together.</summary>
    private static string[] Cells(FloodResult[] rounds)
    {
        double[] moves = [.. rounds.SelectMany(round => round.Moves).Order()];
        return
        [
            $"{rounds[0].Kind}", Median(round => round.Rate, "0"), Median(round => round.Refused, "0"),
            $"{moves.Count(double.IsFinite)}/{moves.Length}", Number(moves[moves.Length / 2], "0"), Number(moves[(int)Math.Ceiling(0.99 * moves.Length) - 1], "0"),
            Median(round => round.Goodput, "0"), Median(round => round.Goodput / round.SinkGoodput, "0.00"), Median(round => round.Growth, "0.0"),
            Median(round => round.Answered, "0.000"),
        ];

        string Median(Func<FloodResult, double> figure, string format) => Number(Statistics.Of(rounds.Select(figure))!.Median, format);
    }

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "never";
}
