using System.Globalization;
using System.Text;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

/// <summary>What a run came to.</summary>
/// <param name="Failure">The first thing that must not have been; null if all held.</param>
/// <param name="Checksum">Of everything that happened: two runs of one seed have the same.</param>
/// <param name="Steps">Things that happened.</param>
/// <param name="Events">Events stored.</param>
/// <param name="Sessions">Sessions whose stored history was exported and verified.</param>
/// <param name="Proven">Events of them, each decided again from its cause.</param>
internal sealed record RunResult(ulong Seed, string? Failure, ulong Checksum, long Steps, int Events, IReadOnlyDictionary<string, int> Reasons, int Sessions, long Proven);

/// <summary>Runs scenarios, and tells about those that fail so that a person can find out why.</summary>
internal static class SimulationRun
{
    /// <summary>Lines of the trace that a report shows; all of them where one seed was asked for.</summary>
    private static readonly int LinesShown = Environment.GetEnvironmentVariable("SEED") is null && Environment.GetEnvironmentVariable("CLUSTER_SEED") is null ? 300 : int.MaxValue;

    public static RunResult Execute(ulong seed, Mutation? mutation = null, bool isReal = false) => Execute(Scenario.From(seed), mutation, isReal);

    public static RunResult Execute(Scenario scenario, Mutation? mutation = null, bool isReal = false) => Execute(scenario, mutation, isReal, keepsTrace: false).Result;

    /// <summary>A report on a failing scenario: what it was, what happened last, what was wrong, and how to see it again.</summary>
    public static string Explain(Scenario scenario, Mutation? mutation = null, bool isReal = false)
    {
        (RunResult result, Trace trace) = Execute(scenario, mutation, isReal, keepsTrace: true);
        var text = new StringBuilder();
        string seed = (scenario.Cluster is null ? "seed " : "cluster seed ") + scenario.Seed;
        text.AppendLine(CultureInfo.InvariantCulture, $"{seed}: {scenario.Clients.Length} clients, {scenario.Endpoints} gateway endpoints, {scenario.Length.TotalSeconds} s");
        foreach (NodePlan node in scenario.Cluster?.Nodes ?? [])
            text.AppendLine(CultureInfo.InvariantCulture, $"  node with {node.Endpoints} endpoints, clock {node.ClockPpm} ppm, lease {scenario.Cluster!.Times.Lease.TotalSeconds} s");
        for (int i = 0; i < scenario.Clients.Length; i++)
        {
            ClientPlan client = scenario.Clients[i];
            text.AppendLine(CultureInfo.InvariantCulture,
                $"  client{i}: {client.Uplinks.Length} uplinks{(client.KeepsState ? ", keeps state" : "")}, a packet every {client.TrafficEvery.TotalMilliseconds:0} ms");
        }
        foreach (Scheduled scheduled in scenario.Events) text.AppendLine(CultureInfo.InvariantCulture, $"  {scheduled}");
        foreach (string line in trace.Lines.TakeLast(LinesShown)) text.AppendLine(line);
        text.AppendLine(CultureInfo.InvariantCulture, $"FAILED, {seed}: {result.Failure ?? "not this time: the run is not deterministic"}");
        return text.Append(CultureInfo.InvariantCulture, $"again by: ./test {(scenario.Cluster is null ? "--seed" : "--cluster-seed")} {scenario.Seed}").ToString();
    }

    private static (RunResult Result, Trace Trace) Execute(Scenario scenario, Mutation? mutation, bool isReal, bool keepsTrace)
    {
        var world = new World(scenario, keepsTrace, mutation, isReal);
        string? failure = null;
        int sessions = 0;
        long proven = 0;
        try
        {
            world.Run();
            // What is broken on purpose must be found by the checks of its own kind.
            if (mutation is null) failure = StoredHistory.Fault(world.Store.State, scenario.Policy, out sessions, out proven);
        }
        catch (SimulationException found)
        {
            failure = found.Message;
        }
        return (new(scenario.Seed, failure, world.Trace.Checksum, world.Agenda.Steps, world.Oracle.Events, world.Oracle.Reasons, sessions, proven), world.Trace);
    }
}
