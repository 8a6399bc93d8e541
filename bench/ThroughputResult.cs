namespace JumpingVpn.Bench;

/// <summary>One round of one tunnel.</summary>
/// <param name="CpuSecondsPerGigabyte">Both ends together, while one stream goes up; null without processes.</param>
/// <param name="ResidentMegabytes">The larger end, right after the load.</param>
internal sealed record ThroughputResult(
    double UpMegabits,
    double DownMegabits,
    double FourStreamsMegabits,
    double? CpuSecondsPerGigabyte,
    double SmallKilopackets,
    double PingMean,
    double PingHigh,
    double? ResidentMegabytes,
    double? AnonymousMegabytes);
