using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Incidents;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <summary>
/// `bench/run examples`: lets three things happen to real nodes in the lab, and keeps what all of them export as one incident file each,
/// with the public audit keys beside it. `docs/examples/make` makes the pages of them.
/// </summary>
internal static class ExampleIncidents
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(8);

    /// <summary>Longer than a flight recorder keeps anything in memory.</summary>
    private static readonly TimeSpan Recorded = TimeSpan.FromSeconds(1.5);

    private static readonly IReadOnlyDictionary<string, Action<string, string>> All = new Dictionary<string, Action<string, string>>
    {
        ["blackhole"] = static (directory, name) => OneGateway(directory, name, Blackhole),
        ["flapping"] = static (directory, name) => OneGateway(directory, name, Flapping),
        ["takeover"] = Takeover,
    };

    /// <param name="only">Which ones; empty: all.</param>
    public static int Run(string directory, IReadOnlyList<string> only)
    {
        if (only.FirstOrDefault(static name => !All.ContainsKey(name)) is { } unknown) throw new LabException($"no example `{unknown}`: there are {string.Join(", ", All.Keys)}");
        Directory.CreateDirectory(directory);
        foreach (string name in only.Count == 0 ? All.Keys : only) All[name](directory, name);
        return 0;
    }

    /// <summary>Router 1 swallows every packet for 12 s. The session returns to path 1 once that was healthy for 30 s.</summary>
    private static void Blackhole(LabTopology topology, NodeTunnel tunnel)
    {
        var fault = new BlackholeFault(topology);
        fault.Apply();
        ProbeStreams.RunFor(TimeSpan.FromSeconds(12));
        fault.AssertTookHold();
        fault.Lift();
        Await("the return to wan1", () => tunnel.ReadSession() is { State: "Attached", Uplink: "wan1" }, TimeSpan.FromSeconds(60), tunnel);
    }

    /// <summary>Path 1 swallows everything for a second, works for a second, and so on, twelve times.</summary>
    private static void Flapping(LabTopology topology, NodeTunnel tunnel)
    {
        var fault = new FlapFault(topology, new BlackholeFault(topology), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(24));
        fault.Apply();
        fault.AssertTookHold();
    }

    private static void OneGateway(string directory, string name, Action<LabTopology, NodeTunnel> happens)
    {
        using LabTopology topology = LabTopology.Create();
        using var tunnel = new NodeTunnel(topology);
        tunnel.Start();
        using ProbeStreams probes = Stream(topology, tunnel);
        SessionId session = SessionOf(tunnel);
        ProbeStreams.RunFor(Calm);
        happens(topology, tunnel);
        ProbeStreams.RunFor(Calm);
        End(tunnel.Client);
        Keep(directory, name, session, tunnel.PathOf, ["gateway.yaml", "client.yaml"],
        [
            file => LabExport.FromNode(tunnel.Gateway, session, file), file => LabExport.FromFiles(tunnel.PathOf("client.yaml"), session, file),
        ]);
    }

    /// <summary>The node that serves the session is killed; the other one takes it over, and the dead one comes back beside it.</summary>
    private static void Takeover(string directory, string name)
    {
        using PostgresServer database = PostgresServer.Start();
        using LabTopology topology = LabTopology.Create(new LabOptions(Cluster: true));
        using var tunnel = new ClusterTunnel(topology, new ClusterOptions([database]));
        tunnel.Start();
        using ProbeStreams probes = Stream(topology, tunnel);
        SessionId session = SessionOf(tunnel);
        ProbeStreams.RunFor(Calm);
        int owner = tunnel.Owner() ?? throw new LabException("no node serves the session");
        tunnel.NodeAt(owner).Kill();
        Await("the takeover", () => tunnel.ReadSession() is { State: "Attached" } now && ClusterTunnel.OwnerOf(now) == 3 - owner, Limit, tunnel);
        ProbeStreams.RunFor(Calm);
        tunnel.StartNode(owner);
        tunnel.NodeAt(owner).AwaitReady();
        ProbeStreams.RunFor(Calm);
        End(tunnel.Client);
        Keep(directory, name, session, tunnel.PathOf, ["gw1.yaml", "gw2.yaml", "client.yaml"],
        [
            file => LabExport.FromNode(tunnel.NodeAt(1), session, file), file => LabExport.FromNode(tunnel.NodeAt(2), session, file),
            file => LabExport.FromFiles(tunnel.PathOf("client.yaml"), session, file),
        ]);
    }

    private static ProbeStreams Stream(LabTopology topology, ILabTunnel tunnel) => ProbeStreams.Start(
        new ProbeOptions(topology.Client, topology.FarEnd, tunnel.GatewayAddress, Longest: TimeSpan.FromMinutes(3)), Limit);

    private static SessionId SessionOf(ILabTunnel tunnel) =>
        SessionId.TryParse(tunnel.ReadSession()?.Id, out SessionId session) ? session : throw new LabException("the client has no session");

    /// <summary>A client without a state file ends its session.</summary>
    private static void End(LabNode client)
    {
        Thread.Sleep(Recorded);
        if (!client.Stop()) throw new LabException("the client does not end: " + client.Output());
        Thread.Sleep(Recorded);
    }

    private static void Keep(
        string directory, string name, SessionId session, Func<string, string> pathOf, IReadOnlyList<string> configurations, IReadOnlyList<Func<Stream, string?>> parts)
    {
        List<string> files = [];
        foreach (Func<Stream, string?> part in parts)
        {
            string path = pathOf($"part{files.Count}.jvi");
            using FileStream file = File.Create(path);
            if (part(file) is { } problem) throw new LabException($"{name}: {problem}");
            files.Add(path);
        }
        string target = Path.Combine(directory, name);
        File.WriteAllLines(target + ".keys", configurations.Select(configuration => LabExport.KeyLine(pathOf(configuration)) ?? throw new LabException($"{configuration}: no audit key")));
        using (FileStream joined = File.Create(target + ".jvi"))
            IncidentJoining.Join(files, joined).IfLeft(problem => throw new LabException(problem));
        Console.WriteLine($"{target}.jvi: session {session}, {new FileInfo(target + ".jvi").Length} bytes");
    }

    private static void Await(string what, Func<bool> condition, TimeSpan limit, ILabTunnel tunnel)
    {
        if (!LabClock.WaitUntil(condition, limit, 50)) throw new LabException($"{what} did not come within {limit.TotalSeconds:0} s{Environment.NewLine}{tunnel.Logs()}");
    }
}
