using JumpingVpn.Domain.Paths;
using Xunit.Abstractions;

namespace JumpingVpn.Domain.Tests.Paths;

/// <summary>Faults under virtual time, over many seeds: how long the application waits, and how often the session moves.</summary>
public class PathFaults(ITestOutputHelper output)
{
    private const int Seeds = 25;
    private const double Fault = 5000;

    private static Func<double, double> Between(double from, double to, double loss) => at => at >= from && at < to ? loss : 0;

    private List<T> Over<T>(string name, Func<int, T> run, Func<T, double> figure)
    {
        List<T> results = [.. Enumerable.Range(1, Seeds).Select(run)];
        double[] sorted = [.. results.Select(figure).Order()];
        output.WriteLine($"{name}: median {sorted[Seeds / 2]:0.000}, best {sorted[0]:0.000}, worst {sorted[^1]:0.000}");
        return results;
    }

    private static PathLab Faulty(int seed, Action<PathLab> prepare, double until = 12_000)
    {
        var lab = new PathLab(seed);
        prepare(lab);
        lab.Run(until);
        return lab;
    }

    /// <summary>The fault begins at another phase of all timers with each seed.</summary>
    private static double Onset(int seed) => Fault + (seed * 37.7 % 1000);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_silent_blackhole_is_left_within_a_quarter_of_a_second(bool up, bool down)
    {
        List<(PathLab Lab, double Outage)> runs = Over<(PathLab Lab, double Outage)>($"blackhole up {up} down {down}", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                if (up) lab.Wires[0].UpLoss = Between(from, 1e9, 1);
                if (down) lab.Wires[0].DownLoss = Between(from, 1e9, 1);
            });
            return (lab, lab.Outage(from - 1000, from + 3000));
        }, run => run.Item2);
        Assert.All(runs, run => Assert.Equal([(1u, MoveCause.Dead)], run.Lab.Moves.Select(move => (move.To, move.Cause))));
        Assert.All(runs, run => Assert.InRange(run.Outage, 100, 230));
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(10, 0)]
    public void A_blackhole_is_noticed_when_only_one_side_sends(double upEvery, double downEvery)
    {
        List<double> times = Over($"blackhole, packets up every {upEvery}, down every {downEvery}", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                (lab.UpEvery, lab.DownEvery) = (upEvery, downEvery);
                lab.Wires[0].BothLoss = Between(from, 1e9, 1);
            });
            return Assert.Single(lab.Moves).At - from;
        }, time => time);
        Assert.All(times, time => Assert.InRange(time, 80, 230));
    }

    [Fact]
    public void A_link_event_moves_at_once()
    {
        List<double> times = Over("link event", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                lab.Wires[0].BothLoss = Between(from, 1e9, 1);
                lab.At(from, () => lab.Client(() => lab.Tell(selection => selection.LinkLost(new PathId(0)))));
            });
            return Assert.Single(lab.Moves).At - from;
        }, time => time);
        Assert.All(times, time => Assert.InRange(time, 0, 10));
    }

    [Fact]
    public void Thirty_percent_of_loss_is_left_within_little_more_than_half_a_second()
    {
        List<(PathLab Lab, double Delivered)> runs = Over<(PathLab Lab, double Delivered)>("30 % loss, delivered", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab => lab.Wires[0].BothLoss = Between(from, from + 5000, 0.3));
            return (lab, lab.Delivered(from, from + 5000));
        }, run => run.Item2);
        List<double> times = [.. runs.Select((run, index) => run.Lab.Moves[0].At - Onset(index + 1)).Order()];
        output.WriteLine($"moved after: median {times[Seeds / 2]:0}, worst {times[^1]:0}");
        Assert.All(runs, run => Assert.Single(run.Lab.Moves));
        Assert.All(runs, run => Assert.True(run.Delivered >= 0.95));
        Assert.InRange(times[Seeds / 2], 100, 600);
        Assert.InRange(times[^1], 100, 900);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Loss_in_one_direction_is_seen_too(bool up)
    {
        List<PathLab> runs = Over($"30 % loss, up only: {up}, delivered", seed =>
        {
            double from = Onset(seed);
            return Faulty(seed, lab =>
            {
                if (up) lab.Wires[0].UpLoss = Between(from, from + 5000, 0.3);
                else lab.Wires[0].DownLoss = Between(from, from + 5000, 0.3);
            });
        }, lab => lab.Delivered(Fault, Fault + 6000));
        Assert.All(runs, lab => Assert.Single(lab.Moves));
        Assert.All(runs.Select((lab, index) => lab.Moves[0].At - Onset(index + 1)), time => Assert.InRange(time, 100, 1500));
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.03)]
    public void A_little_random_loss_moves_nothing(double loss)
    {
        int moves = 0, probes = 0;
        for (int seed = 1; seed <= 20; seed++)
        {
            PathLab lab = Faulty(seed, lab =>
            {
                lab.Wires[0].BothLoss = _ => loss;
                lab.Wires[1].BothLoss = _ => loss;
            }, 60_000);
            moves += lab.Moves.Count;
            probes += lab.Probes;
        }

        output.WriteLine($"{loss:0.00}: {moves} moves and {probes / 20} probes a minute in 20 minutes");
        Assert.True(moves <= (loss > 0.02 ? 1 : 0), $"{moves} moves in 20 minutes");
    }

    [Fact]
    public void A_silently_flapping_path_is_left_once_and_not_returned_to()
    {
        List<(PathLab Lab, double Delivered)> runs = Over<(PathLab Lab, double Delivered)>("silent flap, delivered", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab => lab.Wires[0].BothLoss = at => at >= from && at < from + 15_000 && (at - from) % 1000 < 500 ? 1 : 0, from + 20_000);
            return (lab, lab.Delivered(from, from + 15_000));
        }, run => run.Item2);
        Assert.All(runs, run => Assert.Single(run.Lab.Moves));
        Assert.All(runs, run => Assert.True(run.Delivered >= 0.97));
    }

    [Fact]
    public void A_path_that_flaps_with_link_events_is_left_once()
    {
        List<(PathLab Lab, double Delivered)> runs = Over<(PathLab Lab, double Delivered)>("flap with link events, delivered", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                lab.Wires[0].BothLoss = at => at >= from && at < from + 15_000 && (at - from) % 1000 < 500 ? 1 : 0;
                for (int i = 0; i < 15; i++)
                {
                    lab.At(from + (i * 1000), () => lab.Client(() => lab.Tell(selection => selection.LinkLost(new PathId(0)))));
                    lab.At(from + (i * 1000) + 500, () => lab.Client(() => lab.Tell(selection => selection.LinkFound(new PathId(0)))));
                }
            }, from + 20_000);
            return (lab, lab.Delivered(from, from + 15_000));
        }, run => run.Item2);
        Assert.All(runs, run => Assert.Single(run.Lab.Moves));
        Assert.All(runs, run => Assert.True(run.Delivered >= 0.998));
    }

    [Fact]
    public void A_path_with_long_round_trips_is_left_soon_and_never_by_mistake()
    {
        List<double> times = Over("blackhole, 100 ms round trips", seed =>
        {
            double from = Onset(seed) + 20_000;
            PathLab lab = Faulty(seed, lab =>
            {
                foreach (Wire wire in lab.Wires) (wire.OneWay, wire.Jitter) = (45, 10);
                lab.Wires[0].BothLoss = Between(from, 1e9, 1);
            }, from + 3000);
            return Assert.Single(lab.Moves).At - from;
        }, time => time);
        Assert.All(times, time => Assert.InRange(time, 100, 700));
    }

    [Fact]
    public void Timers_that_fire_late_are_no_death()
    {
        int moves = 0;
        for (int seed = 1; seed <= 20; seed++)
        {
            var random = new Random(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                for (double at = 1000; at < 60_000; at += random.Next(200, 1500))
                {
                    double stall = random.Next(20, 250);
                    lab.At(at, () => lab.Stall(stall));
                }

                lab.Lateness = () => random.Next(10) == 0 ? random.Next(60) : random.NextDouble();
            }, 60_000);
            moves += lab.Moves.Count;
        }

        Assert.Equal(0, moves);
    }

    [Fact]
    public void A_blackhole_is_left_even_by_a_host_whose_timers_are_always_late()
    {
        List<double> times = Over("blackhole, timers 30 to 60 ms late", seed =>
        {
            var random = new Random(seed);
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                lab.Lateness = () => random.Next(30, 60);
                lab.Wires[0].BothLoss = Between(from, 1e9, 1);
            });
            return Assert.Single(lab.Moves).At - from;
        }, time => time);
        Assert.All(times, time => Assert.InRange(time, 80, 1200));
    }

    [Fact]
    public void When_nothing_answers_the_client_says_so_and_goes_on_when_something_does()
    {
        List<(PathLab Lab, double Outage)> runs = Over<(PathLab Lab, double Outage)>("gateway away for a second, outage", seed =>
        {
            double from = Onset(seed);
            PathLab lab = Faulty(seed, lab =>
            {
                foreach (Wire wire in lab.Wires) wire.BothLoss = Between(from, from + 1000, 1);
            });
            return (lab, lab.Outage(from - 1000, from + 4000));
        }, run => run.Item2);
        Assert.All(runs, run => Assert.Contains(run.Lab.Decisions, decision => decision.Decision is PathDecision.AllSilent));
        Assert.All(runs, run => Assert.InRange(run.Outage, 1000, 1250));
        Assert.All(runs, run => Assert.DoesNotContain(run.Lab.Decisions, decision => decision.Decision is PathDecision.AllSilent && decision.At < 5060));
    }

    [Fact]
    public void One_uplink_alone_is_never_dead_but_silent()
    {
        var lab = new PathLab(1, paths: 1);
        lab.Wires[0].BothLoss = Between(5000, 7000, 1);
        lab.Run(10_000);
        Assert.Contains(lab.Decisions, decision => decision.Decision is PathDecision.AllSilent);
        Assert.DoesNotContain(lab.Decisions, decision => decision.Decision is PathDecision.Switch);
        Assert.All(lab.Moves, move => Assert.Equal(0u, move.To));
    }
}
