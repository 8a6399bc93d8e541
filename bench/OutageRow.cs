using System.Globalization;
using JumpingVpn.Node.Lab.Cases;

namespace JumpingVpn.Bench;

/// <summary>The rounds of one case with one tunnel.</summary>
internal sealed class OutageRow(OutageCase outageCase, string tunnel)
{
    public List<OutageResult> Results { get; } = [];

    public List<string> Failures { get; } = [];

    /// <summary>Every round could be measured.</summary>
    public bool Complete => Failures.Count == 0 && Results.Count > 0;

    private Statistics? Outage => Statistics.Of(Results.Select(result => result.OutageMilliseconds ?? double.PositiveInfinity));

    private Statistics? Stall => Statistics.Of(Results.Where(result => result.Probes.TcpStall is not null || !result.Probes.TcpAlive)
        .Select(result => result.TcpStallMilliseconds ?? double.PositiveInfinity));

    private Statistics? Lost => Statistics.Of(Results.Select(result => (double)result.Probes.Lost));

    private Statistics? Delivered => Statistics.Of(Results.Select(result => result.Probes.Delivered * 100));

    private Statistics? Moves => Statistics.Of(Results.Where(result => result.Moves is not null).Select(result => (double)result.Moves!));

    private int Alive => Results.Count(result => result.Probes.TcpAlive);

    private int Same => Results.Count(result => result.SameSession);

    /// <summary>The requirement's figures by the median, its absolutes (session, connection) in every round.</summary>
    private bool Held
    {
        get
        {
            OutageLimits limits = outageCase.Limits;
            return Complete
                && Alive == Results.Count
                && Same == Results.Count
                && (limits.OutageMilliseconds is null || Outage!.Median <= limits.OutageMilliseconds)
                && (limits.Delivered is null || Delivered!.Median >= limits.Delivered * 100)
                && (limits.TcpStallMilliseconds is null || Stall!.Median <= limits.TcpStallMilliseconds)
                && (limits.Moves is null || Moves is null || Moves.Median <= limits.Moves)
                && (!limits.NothingLost || Lost!.Largest == 0);
        }
    }

    /// <summary>One round in one line, and what it lacks.</summary>
    public static string Describe(OutageResult result, OutageLimits limits)
    {
        string stall = result.Probes.TcpStall is null ? "-" : Milliseconds(result.TcpStallMilliseconds);
        string violations = string.Join("; ", result.Violations(limits));
        FormattableString text = $"outage {Milliseconds(result.OutageMilliseconds)}, stall {stall}, lost {result.Probes.Lost}, ";
        FormattableString more = $"delivered {result.Probes.Delivered * 100:0.00} %, moves {result.Moves}";
        return text.ToString(CultureInfo.InvariantCulture) + more.ToString(CultureInfo.InvariantCulture) + (violations.Length > 0 ? " !! " + violations : "");
    }

    private static string Milliseconds(double? value) => value is { } known ? known.ToString("0.0", CultureInfo.InvariantCulture) + " ms" : "never";

    public IReadOnlyList<string> Cells() =>
    [
        outageCase.Title,
        tunnel,
        Outage?.Format("0.0") ?? "-",
        Stall?.Format("0") ?? "-",
        Lost?.Format("0") ?? "-",
        Delivered?.Format("0.00") ?? "-",
        Moves?.Format("0") ?? "-",
        $"{Alive}/{Results.Count}",
        $"{Same}/{Results.Count}",
        outageCase.Limits.ToString(),
        Failures.Count > 0 ? $"{Failures.Count} rounds failed" : Held ? "yes" : "NO",
    ];

    public object ToJson() => new
    {
        @case = outageCase.Name,
        title = outageCase.Title,
        tunnel,
        limits = outageCase.Limits.ToString(),
        held = Held,
        failures = Failures,
        rounds = Results.Select(result => new
        {
            outage_ms = result.OutageMilliseconds,
            tcp_stall_ms = result.TcpStallMilliseconds,
            tcp_alive = result.Probes.TcpAlive,
            lost = result.Probes.Lost,
            delivered = result.Probes.Delivered,
            duplicates = (result.Probes.Up?.Duplicates ?? 0) + (result.Probes.Down?.Duplicates ?? 0),
            reordered = (result.Probes.Up?.Reordered ?? 0) + (result.Probes.Down?.Reordered ?? 0),
            moves = result.Moves,
            session_before = result.Before?.Id,
            session_after = result.After?.Id,
        }),
    };
}
