namespace JumpingVpn.Simulation.Tests.Oscillation;

/// <summary>Which uplinks an attacker cuts, and when.</summary>
internal enum CutPhase
{
    /// <summary>The preferred uplink only.</summary>
    One,

    /// <summary>Both at the same times.</summary>
    In,

    /// <summary>The second a quarter of a period after the first.</summary>
    Quarter,

    /// <summary>The second half a period after the first.</summary>
    Out,
}

/// <summary>An attacker who drops everything on an uplink for a share of each period, for ever.</summary>
/// <param name="PeriodMs">Length of a period.</param>
/// <param name="DutyPercent">Share of it in which everything is dropped, both ways.</param>
internal sealed record OscillationAttack(int PeriodMs, int DutyPercent, CutPhase Phase)
{
    /// <summary>From 50 ms to 30 s, each about 1.8 times the one before.</summary>
    private static readonly int[] Periods = [50, 90, 160, 290, 520, 930, 1_670, 2_990, 5_360, 9_600, 17_000, 30_000];

    private static readonly int[] Duties = [10, 30, 50, 70, 90];

    /// <summary>How long uplink <paramref name="uplink"/> is behind the first one; null if it is never cut.</summary>
    public TimeSpan? Shift(int uplink) => (uplink, Phase) switch
    {
        (0, _) => TimeSpan.Zero,
        (_, CutPhase.One) => null,
        (_, CutPhase.In) => TimeSpan.Zero,
        (_, CutPhase.Quarter) => Period / 4,
        _ => Period / 2,
    };

    public TimeSpan Period => TimeSpan.FromMilliseconds(PeriodMs);

    public TimeSpan Cut => Period * DutyPercent / 100;

    /// <summary>Every phase, period and duty.</summary>
    public static IEnumerable<OscillationAttack> Grid =>
        from phase in Enum.GetValues<CutPhase>() from period in Periods from duty in Duties select new OscillationAttack(period, duty, phase);
}
