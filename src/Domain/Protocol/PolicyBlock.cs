using System.Buffers.Binary;
using System.Collections.Immutable;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// The gateway's policy on the wire: one u32 per knob in an order that never changes (durations in milliseconds, packets in
/// units of 65,536). New knobs are added at the end; a zero, or what lies outside a knob's range, leaves the default.
/// </summary>
public static class PolicyBlock
{
    /// <summary>32 fields of four bytes, the unused ones zero.</summary>
    public const int Size = 128;

    private const long PacketUnit = 1 << 16;

    private static readonly ImmutableArray<PolicyKnob> Order =
    [
        .. new[]
        {
            "report_interval", "report_linger", "idle_probe_interval", "standby_probe_interval", "suspicion_min", "suspicion_max",
            "volatile_loss_ppm", "stable_loss_ppm", "volatile_rtt", "stable_rtt", "volatile_hold", "stability_window",
            "degraded_stability_window", "volatile_limit", "switch_margin_ppm", "switch_hold", "cooldown", "return_hold", "return_hold_max",
            "max_switches_per_minute", "max_recoveries_per_minute", "over_budget_spacing", "rekey_interval", "rekey_packets", "rekey_spacing",
            "recovery_window", "session_lifetime",
        }.Select(name => PolicyKnobs.Find(name) ?? throw new InvalidOperationException("no knob is called " + name)),
    ];

    public static void Write(Span<byte> bytes, SessionPolicy policy)
    {
        bytes[..Size].Clear();
        for (int i = 0; i < Order.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(4 * i)..], (uint)Math.Clamp(Order[i].Get(policy) / UnitOf(Order[i]), 0, uint.MaxValue));
    }

    /// <summary>Total: any 128 bytes give a valid policy.</summary>
    public static SessionPolicy Read(ReadOnlySpan<byte> bytes)
    {
        SessionPolicy policy = SessionPolicy.Default;
        for (int i = 0; i < Order.Length; i++)
        {
            long value = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 * i)..]) * UnitOf(Order[i]);
            if (value >= Order[i].Min && value <= Order[i].Max) policy = Order[i].With(policy, value);
        }
        return policy.Validate().Count == 0 ? policy : SessionPolicy.Default;
    }

    private static long UnitOf(PolicyKnob knob) => knob switch
    {
        { Unit: PolicyUnit.Duration } => 1000,
        { Name: "rekey_packets" } => PacketUnit,
        _ => 1,
    };
}
