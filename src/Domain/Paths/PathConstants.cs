namespace JumpingVpn.Domain.Paths;

/// <summary>Numbers of path health and selection that no policy changes.</summary>
public static class PathConstants
{
    // Protocol.

    /// <summary>Paths that a client keeps: uplinks times gateway endpoints (bounded state).</summary>
    public const int MaxPaths = 8;

    // Implementation: estimators.

    /// <summary>Gain of the smoothed round trip: 1/8 (RFC 6298, 2.3).</summary>
    public const int RttShift = 3;

    /// <summary>Gain of the round trip's variation: 1/4 (RFC 6298, 2.3).</summary>
    public const int RttVarShift = 2;

    /// <summary>Round trip assumed before the first answer.</summary>
    public static readonly TimeSpan InitialRtt = TimeSpan.FromMilliseconds(200);

    /// <summary>A round trip's minimum is taken over the last one to two of these.</summary>
    public static readonly TimeSpan MinRttWindow = TimeSpan.FromSeconds(1);

    /// <summary>Length of one slice of a loss window.</summary>
    public static readonly TimeSpan LossSlice = TimeSpan.FromMilliseconds(100);

    /// <summary>Slices of a loss window: two seconds.</summary>
    public const int LossSlices = 20;

    /// <summary>
    /// Loss is judged over the last 300 ms (a sudden fault), 1 s and 2 s (a moderate one), each with its own confidence.
    /// </summary>
    public static ReadOnlySpan<int> JudgedSlices => [3, 10, LossSlices];

    /// <summary>Standard deviations of the lower confidence bound: 2.58 is 99.5 % one-sided.</summary>
    public const double Confidence = 2.58;

    /// <summary>Probes that are remembered until they are answered or given up.</summary>
    public const int MaxOutstanding = 64;

    /// <summary>Beyond the expected round trip, an answer may come that much later before its probe counts as lost.</summary>
    public static readonly TimeSpan ProbeGrace = TimeSpan.FromMilliseconds(50);

    /// <summary>The same once a later probe has been answered.</summary>
    public static readonly TimeSpan ReorderGrace = TimeSpan.FromMilliseconds(10);

    /// <summary>Losses in a row that end a standby's life.</summary>
    public const int StandbyLosses = 3;

    /// <summary>Losses among the last 16 probes that end a path's record of health.</summary>
    public const int UnhealthyLosses = 3;

    // Implementation: death.

    /// <summary>Probes are repeated that often while the bound path is under suspicion.</summary>
    public static readonly TimeSpan SuspicionProbeInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>After the first second of silence they are spaced.</summary>
    public static readonly TimeSpan SilenceProbeInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>When the spacing begins.</summary>
    public static readonly TimeSpan SilenceIsLong = TimeSpan.FromSeconds(1);

    /// <summary>Shortest time that a suspected path has to answer.</summary>
    public static readonly TimeSpan ConfirmMin = TimeSpan.FromMilliseconds(25);

    /// <summary>Longest time that it has, on paths with long round trips.</summary>
    public static readonly TimeSpan ConfirmMax = TimeSpan.FromMilliseconds(500);

    /// <summary>Added to the round trip for the work at both ends.</summary>
    public static readonly TimeSpan ConfirmSlack = TimeSpan.FromMilliseconds(20);

    /// <summary>Probes lost within the last second, at the beginning of a silence, that make loss the likelier cause than death.</summary>
    public const int LossyProbes = 5;

    /// <summary>A path that loses so many gets that much more time to answer one of the probes under suspicion.</summary>
    public static readonly TimeSpan ConfirmLossy = TimeSpan.FromMilliseconds(75);

    /// <summary>Shortest time after which silence everywhere is taken as such.</summary>
    public static readonly TimeSpan AllSilentMin = TimeSpan.FromMilliseconds(60);

    /// <summary>A timer that fires that late proves nothing about the network: under load they oversleep by tens of milliseconds.</summary>
    public static readonly TimeSpan LateTimer = TimeSpan.FromMilliseconds(20);

    /// <summary>So often in a row a late timer starts the clock of silence again; a host that is always late must still notice.</summary>
    public const int MaxLateRestarts = 3;

    /// <summary>A move that has not bound after that, and three round trips, is decided again.</summary>
    public static readonly TimeSpan MoveTimeout = TimeSpan.FromMilliseconds(400);

    // Implementation: quality.

    /// <summary>Probe interval on standbys while the bound path's quality is in doubt.</summary>
    public static readonly TimeSpan AlertProbeInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Answers on a standby, within the last second, that allow a judgement.</summary>
    public const int MinStandbyAnswers = 6;

    /// <summary>Before a return the preferred path is probed closely for that long: sparse probes may beat in time with a flapping path.</summary>
    public static readonly TimeSpan ReturnCheck = TimeSpan.FromSeconds(2);

    /// <summary>Interval of those probes.</summary>
    public static readonly TimeSpan ReturnProbeInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Losses among them that call the return off.</summary>
    public const int ReturnCheckLosses = 2;

    /// <summary>Doublings of the hold after relapses.</summary>
    public const int MaxRelapses = 10;

    /// <summary>A path that was bound for that long without fault has its relapses forgiven.</summary>
    public static readonly TimeSpan Forgiveness = TimeSpan.FromMinutes(30);

    /// <summary>Loss goes on if the last one is no older: at 100 packets a second and 30 % loss a longer gap is one in 200.</summary>
    public static readonly TimeSpan LossGoesOn = TimeSpan.FromMilliseconds(150);

    /// <summary>Or if that many of the last 20 slices show some: more than one burst of half a second.</summary>
    public const int LossSpread = 6;

    /// <summary>REQ-OSCILLATION-5: or if there were that many bursts in these two seconds: short ones that come again cost as much as loss that goes on.</summary>
    public const int LossRepeats = 3;
}
