using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.DataPlane;

namespace JumpingVpn.Node.Running;

/// <summary>What the packet threads refused, under the reason codes of everything else that is refused.</summary>
internal static class DataPlaneRejections
{
    private static readonly (DropReason Drop, ReasonCode Reason)[] Reasons =
    [
        (DropReason.TooShort, ReasonCode.BadLength),
        (DropReason.ControlTooLong, ReasonCode.BadLength),
        (DropReason.Shed, ReasonCode.RateLimited),
        (DropReason.Truncated, ReasonCode.BadLength),
        (DropReason.ReservedBits, ReasonCode.Malformed),
        (DropReason.UnknownIndex, ReasonCode.UnknownReceiver),
        (DropReason.EpochOver, ReasonCode.StaleEpoch),
        // Those that were reported are counted by the core.
        (DropReason.UnboundSourceFlood, ReasonCode.UnboundSource),
        (DropReason.Forged, ReasonCode.BadTag),
        (DropReason.Replayed, ReasonCode.ReplayDetected),
        (DropReason.InnerMalformed, ReasonCode.Malformed),
        (DropReason.InnerChecksum, ReasonCode.Malformed),
        (DropReason.InnerSource, ReasonCode.SpoofedSource),
    ];

    /// <summary>The counts of <paramref name="core"/> with those of the data plane added, by reason name.</summary>
    public static IReadOnlyDictionary<string, long> With(this IReadOnlyDictionary<string, long> core, DataPlane dataPlane)
    {
        var all = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach ((string reason, long count) in core) all[reason] = count;
        foreach ((DropReason drop, ReasonCode reason) in Reasons)
        {
            if (dataPlane.Drops(drop) is not (> 0 and var count)) continue;
            string name = reason.Name();
            all[name] = all.GetValueOrDefault(name) + count;
        }
        return all;
    }
}
