using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Cases;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <param name="Cases">Names of cases; empty: all.</param>
internal sealed record ClusterBenchOptions(int Rounds, IReadOnlyList<string> Cases, TimeSpan GiveUp, bool List, bool Json);

/// <summary>`bench/run cluster`: what happens to a node that serves a session, some rounds each, and the table of medians.</summary>
internal static class ClusterBench
{
    private const string Tunnel = "jumping-vpn";

    public static int Run(ClusterBenchOptions options)
    {
        if (options.List)
        {
            foreach (OutageCase outageCase in ClusterCases.All) Console.WriteLine($"{outageCase.Name,-22} {outageCase.Title} ({outageCase.Limits})");
            return 0;
        }

        OutageCase[] cases = options.Cases.Count == 0
            ? [.. ClusterCases.All]
            : [.. options.Cases.Select(name => ClusterCases.Find(name) ?? throw new LabException($"no case `{name}`; --list names them"))];
        using PostgresServer database = PostgresServer.Start(new(IsDurable: true));
        OutageResult Round(OutageCase outageCase) =>
            OutageRound.Run(outageCase, topology => new ClusterTunnel(topology, new ClusterOptions([database])), options.GiveUp, new LabOptions(Cluster: true));
        return OutageBench.Report([.. cases.Select(outageCase => OutageBench.Repeat(outageCase, Tunnel, options.Rounds, () => Round(outageCase)))], options.Json);
    }
}
