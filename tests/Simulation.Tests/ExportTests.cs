using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

/// <summary>
/// Every run of a scenario ends with the export and the verification of all that was stored (<see cref="StoredHistory"/>); here it is shown
/// that this finds something.
/// </summary>
public class ExportTests
{
    [Fact]
    public void Stored_sessions_of_one_gateway_and_of_a_cluster_are_exported_and_verified()
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            foreach (Scenario scenario in new[] { Scenario.From(seed), Scenario.OfCluster(seed) })
            {
                RunResult result = SimulationRun.Execute(scenario);
                Assert.Null(result.Failure);
                Assert.True(result.Sessions >= 1 && result.Proven >= result.Sessions, $"seed {seed}: {result.Sessions} sessions, {result.Proven} events");
            }
        }
    }

    [Fact]
    public void Another_policy_than_the_one_that_decided_is_found()
    {
        Scenario scenario = Scenario.From(1);
        var world = new World(scenario, keepsTrace: false);
        world.Run();
        Assert.Null(StoredHistory.Fault(world.Store.State, scenario.Policy, out int sessions, out _));
        Assert.True(sessions > 0);
        Assert.NotNull(StoredHistory.Fault(world.Store.State, scenario.Policy with { SessionLifetime = scenario.Policy.SessionLifetime + TimeSpan.FromSeconds(1) }, out _, out _));
    }
}
