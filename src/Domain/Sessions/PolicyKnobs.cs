using System.Collections.Immutable;
using System.Globalization;

namespace JumpingVpn.Domain.Sessions;

/// <summary>What a knob counts.</summary>
public enum PolicyUnit
{
    /// <summary>A length of time; its number is in microseconds.</summary>
    Duration,

    /// <summary>A number of things.</summary>
    Count,

    /// <summary>Millionths.</summary>
    Ppm,
}

/// <summary>
/// One setting of the policy as configuration, documentation, storage and the wire see it: a name and a number.
/// </summary>
/// <param name="Name">As in the configuration: snake_case. STORAGE FORMAT.</param>
/// <param name="Summary">One line for the documentation.</param>
/// <param name="Min">Smallest value allowed.</param>
/// <param name="Max">Largest value allowed.</param>
public sealed record PolicyKnob(
    string Name, PolicyUnit Unit, long Min, long Max, string Summary, Func<SessionPolicy, long> Get, Func<SessionPolicy, long, SessionPolicy> With)
{
    /// <summary>The default value.</summary>
    public long Default => Get(SessionPolicy.Default);

    /// <summary>A value as a person writes it: `250ms`, `30s`, `12h`, or a plain number.</summary>
    public string Format(long value)
    {
        if (Unit != PolicyUnit.Duration) return value.ToString(CultureInfo.InvariantCulture);
        (long size, string suffix) = value switch
        {
            0 => (1L, "s"),
            _ when value % 3_600_000_000 == 0 => (3_600_000_000L, "h"),
            _ when value % 60_000_000 == 0 => (60_000_000L, "m"),
            _ when value % 1_000_000 == 0 => (1_000_000L, "s"),
            _ when value % 1000 == 0 => (1000L, "ms"),
            _ => (1L, "us"),
        };
        return (value / size).ToString(CultureInfo.InvariantCulture) + suffix;
    }
}

/// <summary>Every knob, in alphabetical order. One table drives configuration, validation, canonical JSON and documentation.</summary>
public static class PolicyKnobs
{
    private const long Ms = 1000;
    private const long Second = 1000 * Ms;
    private const long Minute = 60 * Second;
    private const long Hour = 60 * Minute;
    private const long Day = 24 * Hour;

    public static ImmutableArray<PolicyKnob> All { get; } =
    [
        Duration("cooldown", 100 * Ms, 5 * Minute, "no move for quality sooner after any move", p => p.Cooldown, (p, v) => p with { Cooldown = v }),
        Duration("degraded_stability_window", Second, Hour, "good quality for that long ends Degraded", p => p.DegradedStabilityWindow, (p, v) => p with { DegradedStabilityWindow = v }),
        Duration("idle_probe_interval", Second, 5 * Minute, "probes on the bound path of an idle session", p => p.IdleProbeInterval, (p, v) => p with { IdleProbeInterval = v }),
        Count("max_recoveries_per_minute", 2, 120, "moves because a path is dead or rebound", p => p.MaxRecoveriesPerMinute, (p, v) => p with { MaxRecoveriesPerMinute = (int)v }),
        Count("max_switches_per_minute", 1, 60, "moves for quality", p => p.MaxSwitchesPerMinute, (p, v) => p with { MaxSwitchesPerMinute = (int)v }),
        Duration("over_budget_spacing", Second, Minute, "between moves from dead paths once their budget is spent", p => p.OverBudgetSpacing, (p, v) => p with { OverBudgetSpacing = v }),
        Duration("recovery_window", Second, Day, "how long a session without transport lives", p => p.RecoveryWindow, (p, v) => p with { RecoveryWindow = v }),
        Duration("rekey_interval", Minute, Day, "age at which traffic keys are changed", p => p.RekeyInterval, (p, v) => p with { RekeyInterval = v }),
        Count("rekey_packets", 1L << 16, 1L << 32, "packets after which traffic keys are changed", p => p.RekeyPackets, (p, v) => p with { RekeyPackets = v }),
        Duration("rekey_spacing", Second, 10 * Minute, "no rekey sooner after the last change of keys", p => p.RekeySpacing, (p, v) => p with { RekeySpacing = v }),
        Duration("report_interval", 10 * Ms, Second, "reports on the bound path while packets flow", p => p.ReportInterval, (p, v) => p with { ReportInterval = v }),
        Duration("report_linger", Second, 5 * Minute, "reports go on for that long after the last packet", p => p.ReportLinger, (p, v) => p with { ReportLinger = v }),
        Duration("return_hold", Second, Day, "health before the return to a preferred uplink; doubles after each relapse", p => p.ReturnHold, (p, v) => p with { ReturnHold = v }),
        Duration("return_hold_max", Second, Day, "bound of that doubling", p => p.ReturnHoldMax, (p, v) => p with { ReturnHoldMax = v }),
        Duration("session_lifetime", Minute, 30 * Day, "after that a session ends", p => p.SessionLifetime, (p, v) => p with { SessionLifetime = v }),
        Duration("stability_window", Second, 10 * Minute, "good quality for that long ends Volatile", p => p.StabilityWindow, (p, v) => p with { StabilityWindow = v }),
        Ppm("stable_loss_ppm", "loss up to that is good", p => p.StableLossPpm, (p, v) => p with { StableLossPpm = (int)v }),
        Duration("stable_rtt", Ms, Minute, "a round trip up to that is good", p => p.StableRtt, (p, v) => p with { StableRtt = v }),
        Duration("standby_probe_interval", 100 * Ms, 5 * Minute, "probes on each path that is not bound", p => p.StandbyProbeInterval, (p, v) => p with { StandbyProbeInterval = v }),
        Duration("suspicion_max", 40 * Ms, 10 * Second, "an answer that is overdue for that long is always suspicious", p => p.SuspicionMax, (p, v) => p with { SuspicionMax = v }),
        Duration("suspicion_min", 20 * Ms, 10 * Second, "an answer that is overdue for less is never suspicious", p => p.SuspicionMin, (p, v) => p with { SuspicionMin = v }),
        Duration("switch_hold", 50 * Ms, Minute, "how long another path must be better by the margin", p => p.SwitchHold, (p, v) => p with { SwitchHold = v }),
        Ppm("switch_margin_ppm", "by how much another path must be better, as loss; 10 ms of round trip count as 1 % of loss", p => p.SwitchMarginPpm, (p, v) => p with { SwitchMarginPpm = (int)v }),
        Duration("volatile_hold", 100 * Ms, Minute, "bad quality for that long makes a session Volatile", p => p.VolatileHold, (p, v) => p with { VolatileHold = v }),
        Duration("volatile_limit", Second, Hour, "Volatile for that long makes a session Degraded", p => p.VolatileLimit, (p, v) => p with { VolatileLimit = v }),
        Ppm("volatile_loss_ppm", "loss above that is bad", p => p.VolatileLossPpm, (p, v) => p with { VolatileLossPpm = (int)v }),
        Duration("volatile_rtt", Ms, Minute, "a round trip above that is bad", p => p.VolatileRtt, (p, v) => p with { VolatileRtt = v }),
    ];

    /// <summary>Finds a knob by its exact name.</summary>
    public static PolicyKnob? Find(string name) => All.FirstOrDefault(knob => knob.Name == name);

    private static PolicyKnob Duration(
        string name, long min, long max, string summary, Func<SessionPolicy, TimeSpan> get, Func<SessionPolicy, TimeSpan, SessionPolicy> with) =>
        new(name, PolicyUnit.Duration, min, max, summary,
            policy => get(policy).Ticks / TimeSpan.TicksPerMicrosecond,
            (policy, value) => with(policy, new TimeSpan(Math.Clamp(value, -Day * 366, Day * 366) * TimeSpan.TicksPerMicrosecond)));

    private static PolicyKnob Count(
        string name, long min, long max, string summary, Func<SessionPolicy, long> get, Func<SessionPolicy, long, SessionPolicy> with) =>
        new(name, PolicyUnit.Count, min, max, summary, get, (policy, value) => with(policy, Math.Clamp(value, int.MinValue, 1L << 40)));

    private static PolicyKnob Ppm(string name, string summary, Func<SessionPolicy, long> get, Func<SessionPolicy, long, SessionPolicy> with) =>
        new(name, PolicyUnit.Ppm, 100, 900_000, summary, get, (policy, value) => with(policy, Math.Clamp(value, 0, 1_000_000)));
}
