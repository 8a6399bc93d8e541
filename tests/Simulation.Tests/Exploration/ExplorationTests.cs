using System.Diagnostics;
using JumpingVpn.Simulation.Tests.Kernel;
using Xunit.Abstractions;

namespace JumpingVpn.Simulation.Tests.Exploration;

/// <summary>
/// All that can happen to two nodes, one session, one client and their store, in every order, to a stated depth: what chance might miss.
/// DEPTH goes deeper. See docs/SIMULATION.md.
/// </summary>
public sealed class ExplorationTests(ITestOutputHelper output)
{
    /// <summary>Actions in a row, time steps among them.</summary>
    private const int Depth = 16;
    private const int MaxCrashes = 1;

    [Fact]
    public void Whatever_happens_in_whatever_order_at_most_one_node_may_deliver_and_nothing_acknowledged_is_lost()
    {
        (string? problem, string report) = Explore(Mutation.None, int.TryParse(Environment.GetEnvironmentVariable("DEPTH"), out int depth) ? depth : Depth);
        output.WriteLine(report);
        Assert.True(problem is null, problem);
    }

    [Theory]
    [InlineData("a claim that compares no number")]
    [InlineData("a lease that counts from the answer")]
    [InlineData("a data plane without a deadline")]
    [InlineData("a plain write")]
    [InlineData("no fence")]
    public void A_rule_that_is_broken_is_found_out(string rule)
    {
        Mutation mutation = rule switch
        {
            "a claim that compares no number" => new() { ClaimsCompareNoNumber = true },
            "a lease that counts from the answer" => new() { LeaseCountsFromAnswer = true },
            "a data plane without a deadline" => new() { DeliversWithoutLease = true },
            "a plain write" => new() { StoreIgnoresVersions = true },
            _ => new() { StoreIgnoresFences = true },
        };
        (string? problem, string report) = Explore(mutation, Depth);
        output.WriteLine($"{report}\n{problem}");
        Assert.NotNull(problem);
    }

    private static (string? Problem, string Report) Explore(Mutation mutation, int depth)
    {
        var world = new ExploredWorld(mutation, MaxCrashes);
        ExploredState initial = ExploredWorld.Initial();
        var seen = new HashSet<UInt128> { StateKey.Of(initial) };
        List<(ExploredState State, ExploredPath Path)> frontier = [(initial, new(null, "two nodes, one session"))];
        long steps = 0, started = Stopwatch.GetTimestamp();
        int level = 0;
        for (; level < depth && frontier.Count > 0; level++)
        {
            List<(ExploredState State, ExploredPath Path)> next = [];
            foreach ((ExploredState state, ExploredPath path) in frontier)
            {
                try
                {
                    foreach ((string action, ExploredState after) in world.Next(state))
                    {
                        steps++;
                        if (!seen.Add(StateKey.Of(after))) continue;
                        var here = new ExploredPath(path, action);
                        if (world.WrongWith(after) is { } wrong) return ($"{here}\n{wrong}", Report());
                        next.Add((after, here));
                    }
                }
                catch (SimulationException broken)
                {
                    return ($"{path}\n{broken.Message}", Report());
                }
            }
            frontier = next;
        }
        return (null, Report());

        string Report() => $"depth {level}, {seen.Count} states, {steps} steps, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s{(frontier.Count == 0 ? ", nothing left" : "")}";
    }
}
