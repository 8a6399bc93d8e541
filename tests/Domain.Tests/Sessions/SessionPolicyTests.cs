using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

public class SessionPolicyTests
{
    [Fact]
    public void The_default_policy_is_valid() => Assert.Empty(SessionPolicy.Default.Validate());

    [Fact]
    public void Every_knob_reads_what_it_writes_and_has_its_default_in_range()
    {
        Assert.Equal([.. PolicyKnobs.All.Select(knob => knob.Name).Order(StringComparer.Ordinal)], PolicyKnobs.All.Select(knob => knob.Name));
        foreach (PolicyKnob knob in PolicyKnobs.All)
        {
            Assert.Matches("^[a-z]+(_[a-z]+)*$", knob.Name);
            Assert.InRange(knob.Default, knob.Min, knob.Max);
            foreach (long value in new[] { knob.Min, knob.Max, knob.Default })
                Assert.Equal(value, knob.Get(knob.With(SessionPolicy.Default, value)));
            Assert.Same(knob, PolicyKnobs.Find(knob.Name));
        }

        Assert.Equal(typeof(SessionPolicy).GetProperties().Count(property => property.CanWrite), PolicyKnobs.All.Length);
    }

    [Fact]
    public void Every_problem_is_named_at_once()
    {
        IReadOnlyList<string> problems = (SessionPolicy.Default with
        {
            Cooldown = TimeSpan.Zero, MaxSwitchesPerMinute = 61, StableLossPpm = 60_000, SuspicionMin = TimeSpan.FromSeconds(1),
        }).Validate();
        Assert.Equal(
            [
                "cooldown: 0s is outside 100ms to 5m",
                "max_switches_per_minute: 61 is outside 1 to 60",
                "stable_loss_ppm: must be below volatile_loss_ppm",
                "suspicion_min: must be below suspicion_max",
            ], problems);
    }

    [Fact]
    public void Extreme_values_do_not_throw()
    {
        foreach (PolicyKnob knob in PolicyKnobs.All)
            foreach (long value in new[] { long.MinValue, -1, 0, long.MaxValue })
                Assert.NotNull(knob.With(SessionPolicy.Default, value).Validate());
    }

    [Fact]
    public void Quality_between_the_thresholds_is_neither_bad_nor_good()
    {
        QualityGauge gauge = QualityGauge.Unknown.Measure(At(1), 100_000, 0, Policy).Measure(At(2), 100_000, 0, Policy);
        Assert.Equal(new QualityGauge(At(1), Instant.Never), gauge);
        gauge = gauge.Measure(At(3), 30_000, 0, Policy);
        Assert.Equal(QualityGauge.Unknown, gauge);
        gauge = gauge.Measure(At(4), 10_000, 500_000, Policy).Measure(At(5), 0, 0, Policy);
        Assert.Equal(new QualityGauge(Instant.Never, At(4)), gauge);
        Assert.Equal(At(6), gauge.Measure(At(6), 0, 1_000_001, Policy).BelowFloorSince);
    }
}
