using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Sessions;
using Xunit.Abstractions;

namespace JumpingVpn.Domain.Tests.Paths;

/// <summary>An attacker who switches loss on and off to make the session jump (REQ-OSCILLATION).</summary>
public class PathOscillation(ITestOutputHelper output)
{
    private static readonly SessionPolicy Policy = SessionPolicy.Default;

    /// <summary>Moves by choice, and moves from dead paths with what the spacing admits beyond their budget.</summary>
    private static readonly int MostRecoveries = Policy.MaxRecoveriesPerMinute + (int)(TimeSpan.FromMinutes(1) / Policy.OverBudgetSpacing);

    public static TheoryData<double, double> Attacks()
    {
        var attacks = new TheoryData<double, double>();
        foreach (double period in new[] { 50.0, 130, 300, 1000, 4000, 30_000 })
            foreach (double duty in new[] { 0.1, 0.5, 0.9 })
                attacks.Add(period, duty);
        return attacks;
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void REQ_OSCILLATION_2_no_attack_on_the_bound_path_exceeds_the_budgets(double period, double duty)
    {
        var lab = new PathLab((int)period);
        for (int i = 0; i < 2; i++)
        {
            uint path = (uint)i;
            lab.Wires[i].BothLoss = at => at > 2000 && at % period < period * duty && lab.Selection.Bound?.Value == path ? 1 : 0;
        }

        lab.Run(90_000);
        output.WriteLine($"{period} ms, {duty:0.0}: {Describe(lab)}, delivered {lab.Delivered(2000, 90_000):0.00}");
        AssertWithinBudgets(lab);
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void REQ_OSCILLATION_1_an_attack_on_one_path_is_left_and_stays_left(double period, double duty)
    {
        var lab = new PathLab((int)period);
        lab.Wires[0].BothLoss = at => at > 2000 && at % period < period * duty ? 1 : 0;
        lab.Run(90_000);
        output.WriteLine($"{period} ms, {duty:0.0}: {Describe(lab)}, delivered {lab.Delivered(2000, 90_000):0.00}");
        AssertWithinBudgets(lab);
        Assert.True(lab.Moves.Count <= 5, $"{lab.Moves.Count} moves");
        Assert.True(lab.Delivered(2000, 90_000) >= 0.95);
    }

    [Fact]
    public void REQ_OSCILLATION_4_the_return_to_the_preferred_path_takes_thirty_seconds_of_health_and_twice_that_after_a_relapse()
    {
        var lab = new PathLab(7);
        double[] downs = [10_000, 90_000, 250_000];
        lab.Wires[0].BothLoss = at => downs.Any(down => at >= down && at < down + 5000) ? 1 : 0;
        lab.Run(500_000);
        output.WriteLine(string.Join("; ", lab.Moves));
        double[] returns = [.. lab.Moves.Where(move => move.Cause == MoveCause.Return).Select(move => move.At)];
        double[] leaves = [.. lab.Moves.Where(move => move.Cause == MoveCause.Dead).Select(move => move.At)];
        Assert.Equal(3, leaves.Length);
        Assert.Equal(3, returns.Length);
        Assert.InRange(returns[0] - 15_000, 30_000, 45_000);
        Assert.InRange(returns[1] - 95_000, 60_000, 75_000);
        Assert.InRange(returns[2] - 255_000, 120_000, 135_000);
    }

    [Fact]
    public void A_move_by_choice_loses_nothing_and_happens_for_long_round_trips_too()
    {
        var lab = new PathLab(3);
        (lab.Wires[0].OneWay, lab.Wires[1].OneWay) = (90, 5);
        lab.Run(20_000);
        (double at, uint to, MoveCause cause) = Assert.Single(lab.Moves);
        Assert.Equal((1u, MoveCause.Quality), (to, cause));
        Assert.InRange(at, 2000, 6000);
    }

    [Fact]
    public void A_little_better_is_not_better()
    {
        var lab = new PathLab(3);
        (lab.Wires[0].OneWay, lab.Wires[1].OneWay) = (40, 5);
        lab.Run(60_000);
        Assert.Empty(lab.Moves);
    }

    [Fact]
    public void REQ_OSCILLATION_2_a_degraded_session_stays_put_on_a_lossy_path_and_leaves_a_dead_one()
    {
        var lab = new PathLab(5);
        lab.Tell(selection => selection with { IsDegraded = true });
        lab.Wires[0].BothLoss = at => at is > 5000 and < 15_000 ? 0.3 : at > 20_000 ? 1 : 0;
        lab.Run(25_000);
        (double at, uint _, MoveCause cause) = Assert.Single(lab.Moves, move => move.Cause == MoveCause.Dead && move.At > 20_000);
        Assert.InRange(at, 20_080, 20_300);
        Assert.DoesNotContain(lab.Moves, move => move.Cause == MoveCause.Quality);
        Assert.Equal(MoveCause.Dead, cause);
    }

    private static string Describe(PathLab lab) => string.Join(", ", lab.Moves.GroupBy(move => move.Cause).Select(group => $"{group.Count()} {group.Key}"));

    private static void AssertWithinBudgets(PathLab lab)
    {
        foreach ((double start, _, _) in lab.Moves)
        {
            var minute = lab.Moves.Where(move => move.At >= start && move.At < start + 60_000).ToList();
            Assert.True(minute.Count(move => move.Cause is MoveCause.Quality or MoveCause.Return) <= Policy.MaxSwitchesPerMinute);
            Assert.True(minute.Count(move => move.Cause is MoveCause.Dead or MoveCause.Rebound) <= MostRecoveries);
        }
    }
}
