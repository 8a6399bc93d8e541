using System.Diagnostics;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>
/// `jumping-vpn demo`: a real tunnel between real processes in network namespaces, whose transport dies in four ways while a ping
/// and a TCP transfer run through it. Everything is removed at the end, on errors and on signals too.
/// </summary>
public sealed class DemoRun
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(1500);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMilliseconds(100);

    private readonly DemoScreen screen = DemoScreen.Create();
    private readonly List<string> problems = [];
    private long since;

    /// <summary>0 only if the session and the connection held through every step.</summary>
    public static int Execute()
    {
        if (LabRequirements.Missing() is { } missing)
        {
            Console.Error.WriteLine($"jumping-vpn: demo: {missing}");
            return 1;
        }

        try
        {
            return new DemoRun().Run();
        }
        catch (LabException exception)
        {
            // While a signal ends the process everything fails that is still under way.
            if (!LabCleanup.IsEnding) Console.Error.WriteLine($"jumping-vpn: demo: {exception.Message}");
            return 1;
        }
    }

    private int Run()
    {
        var watch = Stopwatch.StartNew();
        screen.Network();
        using LabTopology topology = LabTopology.Create();
        // The preferred uplink is taken back after 30 s of health by default: too long to watch.
        using var tunnel = new NodeTunnel(topology, new NodeTunnelOptions { Policy = new Dictionary<string, string> { ["return_hold"] = "2s" } });
        try
        {
            tunnel.Start();
            return Show(topology, tunnel, watch);
        }
        catch (LabException exception)
        {
            throw new LabException($"{exception.Message}{Environment.NewLine}{tunnel.Logs()}", exception);
        }
    }

    private int Show(LabTopology topology, NodeTunnel tunnel, Stopwatch watch)
    {
        var options = new ProbeOptions(topology.Client, topology.Gateway, tunnel.GatewayAddress);
        using DemoTransfer transfer = DemoTransfer.Start(options, StartLimit);
        using DemoPing ping = DemoPing.Start(options);
        LabSession before = tunnel.ReadSession() ?? throw new LabException("the client has no session");
        screen.Ready(before, watch.Elapsed);
        since = LabClock.Now;
        long start = since;
        using var sessionWatch = new DemoWatch(tunnel, (old, now) => screen.Change(old, now, LabClock.ToMilliseconds(LabClock.Now - since)));
        ProbeStreams.RunFor(Calm);
        int number = 0;
        foreach (DemoStep step in DemoStep.All(topology, tunnel))
        {
            screen.Step(++number, step);
            RunStep(step, sessionWatch, ping, transfer);
        }

        long end = LabClock.Now;
        ProbeStreams.RunFor(AnswerLimit);
        (int sent, int lost) = ping.Count(start, end);
        var outcome = new DemoOutcome(
            before,
            tunnel.ReadSession(),
            ping.LongestGap(start, end),
            sent,
            lost,
            !transfer.Broken && LabClock.ToMilliseconds(LabClock.Now - transfer.LastArrival) < 1000,
            transfer.Received);
        screen.Summary(outcome);
        problems.AddRange(outcome.Problems());
        screen.Verdict(problems);
        if (problems.Count > 0) Console.Error.Write(tunnel.Logs());
        return problems.Count == 0 ? 0 : 1;
    }

    private void RunStep(DemoStep step, DemoWatch sessionWatch, DemoPing ping, DemoTransfer transfer)
    {
        LabSession before = sessionWatch.Session ?? throw new LabException("the client's session is gone");
        since = LabClock.Now;
        long from = since;
        step.Apply();
        long applied = LabClock.Now;
        bool over = LabClock.WaitUntil(() => sessionWatch.Session is { } now && step.IsOver(before, now) && ping.LastAnswer > applied, StepLimit);
        ProbeStreams.RunFor(Calm);
        if (!over) problems.Add($"step `{step.Title}`: {step.Expectation} did not come within {StepLimit.TotalSeconds:0} s");
        step.Check();
        long until = LabClock.Now - (long)(AnswerLimit.TotalMilliseconds * LabClock.Millisecond);
        (int sent, int lost) = ping.Count(from, until);
        screen.StepResult(new DemoStepResult(ping.LongestGap(from, until), sent, lost), transfer.Received);
    }
}
