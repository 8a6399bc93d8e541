using System.Buffers.Binary;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// The part of the gateway's policy that a client follows. Times are milliseconds, shares are permille. A field that a
/// later version adds takes the place of a zero and is ignored by older clients.
/// </summary>
/// <param name="ReportInterval">Between reports on the bound path while packets flow.</param>
/// <param name="IdleProbeInterval">Between probes of the bound path while nothing flows.</param>
/// <param name="StandbyProbeInterval">Between probes of a path that is not bound.</param>
/// <param name="SuspicionFloor">Shortest silence that is suspicious.</param>
/// <param name="SuspicionCeiling">Longest silence that is not yet suspicious on a path with a long round trip.</param>
/// <param name="LossFloor">Loss above which the bound path is bad.</param>
/// <param name="SwitchMargin">By how much loss must be lower elsewhere before a voluntary switch.</param>
/// <param name="QualityHold">How long quality must be bad before a voluntary switch.</param>
/// <param name="Cooldown">Between two voluntary switches.</param>
/// <param name="ReturnAfter">Health of the preferred uplink before the client returns to it; doubles after each relapse.</param>
/// <param name="SwitchesPerMinute">Budget of voluntary switches; also, separately, of switches away from dead paths.</param>
/// <param name="RekeyInterval">Between changes of keys.</param>
/// <param name="ActiveFor">How long reports go on after the last packet.</param>
public sealed record ClientPolicy(
    uint ReportInterval, uint IdleProbeInterval, uint StandbyProbeInterval, uint SuspicionFloor, uint SuspicionCeiling, uint LossFloor,
    uint SwitchMargin, uint QualityHold, uint Cooldown, uint ReturnAfter, uint SwitchesPerMinute, uint RekeyInterval, uint ActiveFor)
{
    /// <summary>24 fields of four bytes, the unused ones zero.</summary>
    public const int Size = 96;

    public void Write(Span<byte> bytes)
    {
        bytes[..Size].Clear();
        ReadOnlySpan<uint> fields =
        [
            ReportInterval, IdleProbeInterval, StandbyProbeInterval, SuspicionFloor, SuspicionCeiling, LossFloor, SwitchMargin,
            QualityHold, Cooldown, ReturnAfter, SwitchesPerMinute, RekeyInterval, ActiveFor,
        ];
        for (int i = 0; i < fields.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(4 * i)..], fields[i]);
    }

    /// <summary>False if a field that must not be zero is: a gateway that says so is broken, and following it would spin.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ClientPolicy policy)
    {
        policy = null!;
        if (bytes.Length != Size) return false;
        Span<uint> f = stackalloc uint[13];
        for (int i = 0; i < f.Length; i++)
            f[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 * i)..]);
        policy = new(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12]);
        return f[0] >= 5 && f[1] >= 100 && f[2] >= 100 && f[3] >= 10 && f[4] >= f[3] && f[10] > 0 && f[11] >= 1000;
    }
}
