using System.Globalization;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Cases;

/// <summary>What one round of a case measured.</summary>
/// <param name="Before">The session before the fault; null where the tunnel knows none.</param>
/// <param name="After">The session after it.</param>
public sealed record OutageResult(ProbeReport Probes, LabSession? Before, LabSession? After)
{
    /// <summary>Null: a direction never came back.</summary>
    public double? OutageMilliseconds => Probes.Outage?.TotalMilliseconds;

    public double? TcpStallMilliseconds => Probes.TcpAlive ? Probes.TcpStall?.TotalMilliseconds : null;

    /// <summary>Moves of the session from one transport to another; null where the tunnel knows no session.</summary>
    public long? Moves => After is { } after && Before is { } before ? (long)(after.Switches - before.Switches) : null;

    /// <summary>The session is the one that it was; true where the tunnel knows none.</summary>
    public bool SameSession => Before?.Id == After?.Id;

    /// <summary>What a requirement of the case lacks, each in a few words; nothing if all hold.</summary>
    public IEnumerable<string> Violations(OutageLimits limits)
    {
        if (!SameSession) yield return $"session {Before?.Id} became {After?.Id ?? "none"}";
        if (!Probes.TcpAlive) yield return "the inner TCP connection is dead";
        if (limits.OutageMilliseconds is { } outage && !(OutageMilliseconds <= outage))
            yield return Text($"outage {OutageMilliseconds?.ToString("0.0", CultureInfo.InvariantCulture) ?? "endless"} ms > {outage:0} ms");
        if (limits.Delivered is { } delivered && Probes.Delivered < delivered) yield return Text($"delivered {Probes.Delivered:P2} < {delivered:P1}");
        if (limits.TcpStallMilliseconds is { } stall && !(TcpStallMilliseconds <= stall))
            yield return Text($"TCP stall {TcpStallMilliseconds:0} ms > {stall:0} ms");
        if (limits.Moves is { } moves && Before is not null && !(Moves <= moves)) yield return Text($"{Moves} moves > {moves}");
        if (limits.NothingLost && Probes.Lost > 0) yield return Text($"{Probes.Lost} packets lost");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
