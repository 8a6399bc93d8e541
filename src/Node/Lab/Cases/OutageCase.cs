using System.Globalization;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Cases;

/// <summary>What a case may cost at most. Null: not part of its requirement.</summary>
public sealed record OutageLimits(
    double? OutageMilliseconds = null,
    double? Delivered = null,
    double? TcpStallMilliseconds = null,
    int? Moves = null,
    bool NothingLost = false)
{
    public override string ToString()
    {
        List<string> parts = [];
        if (OutageMilliseconds is { } outage) parts.Add(Invariant($"outage <= {outage:0} ms"));
        if (Delivered is { } delivered) parts.Add(Invariant($"delivered >= {delivered * 100:0.#} %"));
        if (TcpStallMilliseconds is { } stall) parts.Add(Invariant($"stall <= {stall:0} ms"));
        if (Moves is { } moves) parts.Add(Invariant($"moves <= {moves}"));
        if (NothingLost) parts.Add("0 lost");
        return string.Join(", ", parts);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>One row of the outage table: a fault, how long to look, and what it may cost.</summary>
/// <param name="Name">For the command line.</param>
/// <param name="Title">For people.</param>
/// <param name="MakeFault">The fault, in a topology with a tunnel.</param>
/// <param name="Lasting">
/// How long the fault stays before it is lifted; losses are counted over this time. Null: it stays, and losses are counted to the end.
/// </param>
public sealed record OutageCase(
    string Name,
    string Title,
    OutageLimits Limits,
    Func<LabTopology, ILabTunnel, LabFault> MakeFault,
    TimeSpan? Lasting = null,
    bool OnlyGatewaySends = false,
    bool NeedsSession = false)
{
    /// <summary>The fault itself takes many seconds.</summary>
    public bool IsLong => Lasting is not null;

    /// <summary>What this program's nodes are configured with for the case.</summary>
    public NodeTunnelOptions NodeOptions { get; init; } = new();
}
