using JumpingVpn.Domain.Admission;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// Every bound, threshold and interval that decides about sessions and paths. The gateway's policy rules; its client gets
/// it with the handshake. Defaults, ranges and units: <see cref="PolicyKnobs"/>.
/// </summary>
public sealed record SessionPolicy
{
    /// <summary>The policy of a node whose configuration says nothing.</summary>
    public static readonly SessionPolicy Default = new();

    // Sessions.

    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(24);

    public TimeSpan RecoveryWindow { get; init; } = TimeSpan.FromSeconds(60);

    public int MaxSwitchesPerMinute { get; init; } = 12;

    public int MaxRecoveriesPerMinute { get; init; } = 30;

    public TimeSpan OverBudgetSpacing { get; init; } = TimeSpan.FromSeconds(3);

    public TimeSpan Cooldown { get; init; } = TimeSpan.FromSeconds(2);

    public int VolatileLossPpm { get; init; } = 50_000;

    public int StableLossPpm { get; init; } = 10_000;

    public TimeSpan VolatileRtt { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan StableRtt { get; init; } = TimeSpan.FromMilliseconds(500);

    public TimeSpan VolatileHold { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan StabilityWindow { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan DegradedStabilityWindow { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan VolatileLimit { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan RekeyInterval { get; init; } = TimeSpan.FromHours(1);

    public long RekeyPackets { get; init; } = 1L << 28;

    public TimeSpan RekeySpacing { get; init; } = TimeSpan.FromSeconds(10);

    // Paths.

    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromMilliseconds(25);

    public TimeSpan ReportLinger { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan IdleProbeInterval { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan StandbyProbeInterval { get; init; } = TimeSpan.FromSeconds(3);

    public TimeSpan SuspicionMin { get; init; } = TimeSpan.FromMilliseconds(80);

    public TimeSpan SuspicionMax { get; init; } = TimeSpan.FromMilliseconds(120);

    public int SwitchMarginPpm { get; init; } = 100_000;

    public TimeSpan SwitchHold { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan ReturnHold { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan ReturnHoldMax { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Moves for quality.</summary>
    public TokenRate QualityRate => TokenRate.PerMinute(MaxSwitchesPerMinute);

    /// <summary>Moves because a path is dead or rebound.</summary>
    public TokenRate RecoveryRate => TokenRate.PerMinute(MaxRecoveriesPerMinute);

    /// <summary>Every problem of the policy, each in one line that begins with the knob's name; empty if it is valid.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        foreach (PolicyKnob knob in PolicyKnobs.All)
        {
            long value = knob.Get(this);
            if (value < knob.Min || value > knob.Max)
                problems.Add($"{knob.Name}: {knob.Format(value)} is outside {knob.Format(knob.Min)} to {knob.Format(knob.Max)}");
        }

        Ordered(problems, "stable_loss_ppm", StableLossPpm, "volatile_loss_ppm", VolatileLossPpm);
        Ordered(problems, "stable_rtt", StableRtt.Ticks, "volatile_rtt", VolatileRtt.Ticks);
        Ordered(problems, "suspicion_min", SuspicionMin.Ticks - 1, "suspicion_max", SuspicionMax.Ticks);
        Ordered(problems, "return_hold", ReturnHold.Ticks - 1, "return_hold_max", ReturnHoldMax.Ticks);
        Ordered(problems, "recovery_window", RecoveryWindow.Ticks - 1, "session_lifetime", SessionLifetime.Ticks);
        Ordered(problems, "rekey_spacing", RekeySpacing.Ticks, "rekey_interval", RekeyInterval.Ticks);
        return problems;
    }

    private static void Ordered(List<string> problems, string low, long lowValue, string high, long highValue)
    {
        if (lowValue >= highValue) problems.Add($"{low}: must be below {high}");
    }
}
