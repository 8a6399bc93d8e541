using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// Loss on the bound transport, measured over real traffic: upwards by the gateway's own counters, downwards by those that
/// the client reports. Two overlapping windows of half the length each, so that a figure is never older than one window.
/// </summary>
/// <param name="Epoch">The epoch that the figures belong to.</param>
/// <param name="Since">When the window began.</param>
/// <param name="Start">The counters at that time.</param>
/// <param name="LossPpm">Loss of the worse direction over the last full window, millionths.</param>
public sealed record PathQuality(uint Epoch, Instant Since, PathQuality.Sample Start, int LossPpm, QualityGauge Gauge)
{
    /// <summary>Counters of both directions at one moment.</summary>
    public readonly record struct Sample(ulong UpHighest, ulong UpReceived, ulong DownHighest, ulong DownReceived);

    /// <summary>The client's smoothed round trip of its last report, microseconds; 0 while it is not known.</summary>
    public long RttMicros { get; init; }

    public static readonly PathQuality Unknown = new(0, Instant.Zero, default, 0, QualityGauge.Unknown);

    /// <summary>Long enough for twenty packets at 100 a second, short enough to see half a second of loss.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(250);

    /// <summary>Fewer packets than this in a window say nothing about loss.</summary>
    private const ulong MinPackets = 8;

    /// <summary>Takes one report from the bound transport; the second result is true when a window has ended and the gauge moved.</summary>
    public (PathQuality Quality, bool Measured) Take(Instant now, uint epoch, TrafficCounters counters, Probe probe, SessionPolicy policy)
    {
        var sample = new Sample(counters.HighestReceived, counters.Received, probe.HighestReceived, probe.Received);
        if (epoch != Epoch) return (Unknown with { Epoch = epoch, Since = now, Start = sample, Gauge = Gauge }, false);
        if (now - Since < Window) return (this, false);
        int loss = Math.Max(
            Loss(sample.UpHighest - Start.UpHighest, sample.UpReceived - Start.UpReceived),
            Loss(sample.DownHighest - Start.DownHighest, sample.DownReceived - Start.DownReceived));
        return (this with { Since = now, Start = sample, LossPpm = loss, RttMicros = probe.RttMicroseconds, Gauge = Gauge.Measure(now, loss, probe.RttMicroseconds, policy) }, true);
    }

    private static int Loss(ulong expected, ulong received) =>
        expected < MinPackets || received >= expected || expected > uint.MaxValue ? 0 : (int)((expected - received) * 1_000_000 / expected);
}
