using System.Globalization;
using System.Text.Json;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench.Load;

/// <param name="Parts">Names of parts; empty: all.</param>
/// <param name="Clients">Clients of the herd.</param>
/// <param name="Transitions">How many the store takes in.</param>
internal sealed record ReattachBenchOptions(IReadOnlyList<string> Parts, int Clients, int Transitions, bool Json);

/// <summary>One figure, and what it must not exceed; null where it only explains another.</summary>
internal sealed record ReattachFigure(string Part, string Title, double Value, string Unit, double? Limit = null)
{
    public bool Held => !(Value > Limit);

    public IReadOnlyList<string> Cells() =>
        [Part, Title, string.Create(CultureInfo.InvariantCulture, $"{Value:0.##} {Unit}"), Limit is { } limit ? string.Create(CultureInfo.InvariantCulture, $"<= {limit:0.##} {Unit}") : "", Limit is null ? "" : Held ? "yes" : "NO"];
}

/// <summary>`bench/run reattach`: what many clients and many transitions cost two nodes on a real database.</summary>
internal static class ReattachBench
{
    private static readonly (string Name, Func<ReattachBenchOptions, IEnumerable<ReattachFigure>> Measure)[] Parts =
    [
        ("crowd", _ => Crowd()),
        ("herd", options => Herd(options.Clients)),
        ("rows", options => Rows(options.Transitions)),
    ];

    private static readonly JsonSerializerOptions JsonOptions = new() { WriteIndented = true };

    public static int Run(ReattachBenchOptions options)
    {
        if (options.Parts.FirstOrDefault(name => Parts.All(part => part.Name != name)) is { } unknown)
            throw new LabException($"no part `{unknown}`: {string.Join(", ", Parts.Select(part => part.Name))}");
        List<ReattachFigure> figures = [];
        foreach ((string name, Func<ReattachBenchOptions, IEnumerable<ReattachFigure>> measure) in Parts)
        {
            if (options.Parts.Count > 0 && !options.Parts.Contains(name)) continue;
            foreach (ReattachFigure figure in measure(options))
            {
                figures.Add(figure);
                Console.Error.WriteLine(string.Join("  ", figure.Cells()));
            }
        }

        if (options.Json) Console.WriteLine(JsonSerializer.Serialize(figures, JsonOptions));
        else Table.Write(Console.Out, ["part", "figure", "measured", "limit", "held"], [.. figures.Select(figure => figure.Cells())]);
        return 0;
    }

    /// <summary>100 sessions whose transports die at the same moment, again and again.</summary>
    private static IEnumerable<ReattachFigure> Crowd()
    {
        const int clients = 100, rounds = 20;
        const double limit = 100;
        using var cluster = new LoadCluster(clients);
        cluster.Connect(perSecond: 100);
        List<double> took = [];
        for (int round = 0; round < rounds; round++)
        {
            cluster.Rig.Replace(cluster.Rig.Clients);
            foreach (LoadClient client in cluster.Rig.Clients)
            {
                client.Jump(LabClock.Now, 1);
                cluster.Rig.Schedule(client);
            }

            if (!cluster.Rig.RunUntil(() => cluster.Rig.AreSettled, TimeSpan.FromSeconds(10))) throw new LabException("a jump is not answered" + Describe(cluster));
            took.AddRange(cluster.Rig.Clients.Select(client => LabClock.ToMilliseconds(client.Took)));
            cluster.Rig.RunUntil(() => false, TimeSpan.FromSeconds(1));
        }

        yield return new("crowd", "reattach committed, 100 sessions at once: median", Percentile(took, 0.5), "ms");
        yield return new("crowd", "p99", Percentile(took, 0.99), "ms", limit);
        yield return new("crowd", "longest", took.Max(), "ms");
    }

    /// <summary>The node that serves all sessions dies.</summary>
    private static IEnumerable<ReattachFigure> Herd(int clients)
    {
        const double limitSeconds = 15, limitKibibytes = 8, spreadMilliseconds = 250;
        using var cluster = new LoadCluster(clients, watchHeap: true);
        cluster.Rig.RunUntil(() => false, TimeSpan.FromSeconds(3));
        long heapEmpty = NodeHost.LiveHeap(cluster.Nodes.NodeAt(1));
        double residentEmpty = Resident(cluster, 1), otherEmpty = Resident(cluster, 2);
        cluster.Connect(perSecond: 1000);
        cluster.Rig.RunUntil(() => false, TimeSpan.FromSeconds(12));
        double resident = Resident(cluster, 1);
        double heap = NodeHost.LiveHeap(cluster.Nodes.NodeAt(1)) - heapEmpty;
        double cpu = ProcessUsage.CpuSeconds(cluster.Nodes.NodeAt(2).ProcessId);

        long killed = LabClock.Now;
        cluster.Nodes.NodeAt(1).Kill();
        int begun = 0;
        bool attached = cluster.Rig.RunUntil(
            () =>
            {
                double share = LabClock.ToMilliseconds(LabClock.Now - killed) / spreadMilliseconds;
                for (; begun < clients && begun <= share * clients; begun++)
                {
                    cluster.Rig.Clients[begun].Jump(LabClock.Now, 2, 1);
                    cluster.Rig.Schedule(cluster.Rig.Clients[begun]);
                }

                return begun == clients && cluster.Rig.AreSettled;
            },
            TimeSpan.FromSeconds(90));
        double seconds = LabClock.ToMilliseconds(LabClock.Now - killed) / 1000;
        if (!attached || cluster.Rig.Clients.Any(client => client.Node != 2)) throw new LabException("not all sessions are attached" + Describe(cluster));
        cpu = ProcessUsage.CpuSeconds(cluster.Nodes.NodeAt(2).ProcessId) - cpu;
        double[] took = [.. cluster.Rig.Clients.Select(client => LabClock.ToMilliseconds(client.Took) / 1000)];
        double peak = Resident(cluster, 2);
        cluster.Rig.RunUntil(() => false, TimeSpan.FromSeconds(15));

        yield return new("herd", $"{clients} sessions after their node's death: all attached again", seconds, "s", limitSeconds);
        yield return new("herd", "median of one", Percentile(took, 0.5), "s");
        yield return new("herd", "processor time of the node that took them", cpu, "s");
        yield return new("herd", "live heap for each idle session", heap / 1024 / clients, "KiB", limitKibibytes);
        yield return new("herd", "resident memory for each, node that made them", (resident - residentEmpty) / clients, "KiB", limitKibibytes);
        yield return new("herd", "resident memory for each, node that took them, right after", (peak - otherEmpty) / clients, "KiB");
        yield return new("herd", "the same 15 s later", (Resident(cluster, 2) - otherEmpty) / clients, "KiB", limitKibibytes);
        Console.Error.WriteLine(Describe(cluster));
    }

    /// <summary>Many transitions; then what is left of them in the store.</summary>
    private static IEnumerable<ReattachFigure> Rows(int transitions)
    {
        const int clients = 400;
        const int limit = 64 + 1;
        const string most = "SELECT max(n) FROM (SELECT count(*) AS n FROM mt_events GROUP BY stream_id) AS counted";
        using var cluster = new LoadCluster(clients);
        cluster.Connect(perSecond: 200);
        long start = LabClock.Now, lookAt = start;
        double done = 0, peak = 0;
        bool reached = cluster.Rig.RunUntil(
            () =>
            {
                long now = LabClock.Now;
                foreach (LoadClient client in cluster.Rig.Clients)
                {
                    if (!client.IsSettled) continue;
                    client.Jump(now, 1);
                    cluster.Rig.Schedule(client);
                }

                if (now < lookAt) return false;
                lookAt = now + 2 * LabClock.Second;
                peak = Math.Max(peak, Number(cluster.Query(most)));
                return (done = Number(cluster.Query("SELECT sum(version) FROM mt_streams"))) >= transitions;
            },
            TimeSpan.FromMinutes(15));
        if (!reached) throw new LabException($"only {done} transitions" + Describe(cluster));
        double seconds = LabClock.ToMilliseconds(LabClock.Now - start) / 1000;
        cluster.Rig.RunUntil(() => cluster.Rig.AreSettled, TimeSpan.FromSeconds(10));
        // Compaction comes with the housekeeping.
        cluster.Rig.RunUntil(() => false, TimeSpan.FromSeconds(15));

        yield return new("rows", $"transitions of {clients} sessions", done, "");
        yield return new("rows", "transitions a second, by the sessions' budgets", done / seconds, "");
        yield return new("rows", "most live rows of one session meanwhile", peak, "");
        yield return new("rows", "most live rows of one session afterwards", Number(cluster.Query(most)), "", limit);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static double Resident(LoadCluster cluster, int node) => ProcessUsage.Memory(cluster.Nodes.NodeAt(node).ProcessId).Resident * 1e6 / 1024;

    private static double Percentile(IReadOnlyList<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }

    private static string Describe(LoadCluster cluster)
    {
        IEnumerable<string> refusals = cluster.Rig.Clients.SelectMany(client => client.Refusals).GroupBy(pair => pair.Key, pair => pair.Value)
            .Select(group => $"{group.Key} {group.Sum()}");
        ReasonCode?[] ended = [.. cluster.Rig.Clients.Select(client => client.Ended).Where(reason => reason is not null)];
        int waiting = cluster.Rig.Clients.Count(client => !client.IsSettled);
        return $": {waiting} wait, {ended.Length} ended ({string.Join(", ", ended.Distinct())}); refusals: {string.Join(", ", refusals)}";
    }
}
