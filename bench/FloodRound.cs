using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using JumpingVpn.Adversary;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Adversary.Lab;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench;

/// <summary>One kind of flood against a running gateway.</summary>
/// <param name="Rate">Datagrams a second that the attacker sent.</param>
/// <param name="Refused">Datagrams a second that the gateway refused, by its own count.</param>
/// <param name="Moves">How long each honest move took, in milliseconds; infinite for one that did not come.</param>
/// <param name="Goodput">Megabits a second of the honest client during the flood.</param>
/// <param name="SinkGoodput">The same during the same flood at a socket beside the gateway.</param>
/// <param name="Growth">Of the gateway's resident memory while the flood lasted, in megabytes, after it had lasted for a while.</param>
/// <param name="Answered">Bytes sent to the flood's sources for each byte that came from them, headers included.</param>
internal sealed record FloodResult(
    FloodKind Kind, double Rate, double Refused, IReadOnlyList<double> Moves, double Goodput, double SinkGoodput, double Growth, double Answered);

/// <summary>Measures what a flood from a process of its own costs an honest client.</summary>
internal sealed partial class FloodRound : IDisposable
{
    private const int SinkPort = 9;

    /// <summary>A first message takes a key exchange to make, and each source has its own.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private static readonly IPEndPoint First = new(IPAddress.Parse(LabNetwork.RouterOutside4(1)), 10_000);
    private static readonly IPEndPoint Sink = new(IPAddress.Parse(LabNetwork.Gateway4), SinkPort);

    /// <summary>Twice as many moves a minute as any client makes, so that the budget is not what is measured.</summary>
    private static readonly Dictionary<string, string> Policy = new() { ["max_recoveries_per_minute"] = "120", ["over_budget_spacing"] = "1s" };

    private readonly AttackLab _lab;
    private readonly HostileClient _seen;
    private readonly Socket _sink;
    private readonly FloodKind _kind;
    private readonly FloodBenchOptions _options;
    private long _lastMove;

    public FloodRound(FloodKind kind, FloodBenchOptions options)
    {
        (_kind, _options) = (kind, options);
        _lab = AttackLab.Start(new NodeTunnelOptions { Policy = Policy, OnLine = Note });
        _seen = _lab.Hostile();
        if (!_seen.Connect()) throw new LabException("the attacker's own client does not connect");
        _lab.Topology.Gateway.Nft("""
            table inet flood {
                counter asked { }
                counter answered { }
                chain in { type filter hook input priority filter; udp dport 51830 udp sport 10000-19999 counter name asked; }
                chain out { type filter hook output priority filter; udp sport 51830 udp dport 10000-19999 counter name answered; }
            }
            """);
        // Bound and never read: what the kernel alone spends on a datagram that nobody wants.
        _sink = _lab.Topology.Gateway.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Any, SinkPort));
            return socket;
        });
    }

    public FloodResult Run(int moves, int seconds)
    {
        double sink = Goodput(Sink, seconds, out _, out _);
        double goodput = Goodput(AttackLab.GatewayEndpoint, seconds, out double rate, out double refused);
        using LabProcess flood = Start(AttackLab.GatewayEndpoint, 600);
        Thread.Sleep(2000);
        double before = ProcessUsage.Memory(_lab.Nodes.Gateway.ProcessId).Resident;
        List<double> times = [];
        for (int move = 0; move < moves; move++) times.Add(Move(1 + move % 2));
        double growth = ProcessUsage.Memory(_lab.Nodes.Gateway.ProcessId).Resident - before;
        flood.Kill();
        (double asked, double answered) = (CounterBytes("asked"), CounterBytes("answered"));
        return new(_kind, rate, refused, times, goodput, sink, growth, answered / asked);
    }

    public void Dispose()
    {
        _sink.Dispose();
        _seen.Dispose();
        _lab.Dispose();
    }

    /// <summary>The uplink goes down; how long until the session is bound on the other one.</summary>
    private double Move(int uplink)
    {
        var fault = new LinkDownFault(_lab.Topology, uplink);
        Volatile.Write(ref _lastMove, 0);
        long start = LabClock.Now;
        fault.Apply();
        bool moved = LabClock.WaitUntil(() => Volatile.Read(ref _lastMove) != 0, TimeSpan.FromSeconds(5), 1);
        double time = moved ? LabClock.ToMilliseconds(Volatile.Read(ref _lastMove) - start) : double.PositiveInfinity;
        fault.Lift();
        Thread.Sleep(1100);
        return time;
    }

    private void Note(string node, string line)
    {
        if (node == "client" && line.Contains("TRANSPORT_SWITCHED", StringComparison.Ordinal)) Volatile.Write(ref _lastMove, LabClock.Now);
    }

    private double Goodput(IPEndPoint target, int seconds, out double rate, out double refused)
    {
        using var iperf = new Iperf(_lab.Topology.Client, _lab.Topology.Gateway, _lab.Nodes.GatewayAddress, seconds);
        using LabProcess flood = Start(target, seconds + 2);
        Thread.Sleep(500);
        long before = Refused();
        long start = LabClock.Now;
        double megabits = iperf.Tcp(1, down: false).Megabits;
        refused = (Refused() - before) / (LabClock.ToMilliseconds(LabClock.Now - start) / 1e3);
        if (!flood.WaitForExit(TimeSpan.FromSeconds(10))) throw new LabException($"the flood does not end:{Environment.NewLine}{flood.Output()}");
        Match sent = SentLine().Match(flood.Output());
        if (!sent.Success) throw new LabException($"the flood failed:{Environment.NewLine}{flood.Output()}");
        rate = double.Parse(sent.Groups[1].Value, CultureInfo.InvariantCulture) / double.Parse(sent.Groups[2].Value, CultureInfo.InvariantCulture);
        return megabits;
    }

    private LabProcess Start(IPEndPoint target, double seconds)
    {
        string session = _lab.HonestSession()!.Id;
        var started = new TaskCompletionSource();
        LabProcess process = LabProcess.Start("adversary", _lab.Topology.Switch, "dotnet",
            [typeof(AttackLab).Assembly.Location, .. _lab.FloodArguments(_kind, First, _options.Spread, _options.Sources, seconds, _options.Rate, target,
                "--session", session, "--index", $"{_seen.Epoch.RemoteIndex}")],
            onLine: line => { if (line == "ready") started.TrySetResult(); });
        if (!started.Task.Wait(StartLimit)) throw new LabException($"the flood does not begin:{Environment.NewLine}{process.Output()}");
        return process;
    }

    private long Refused() => _lab.Nodes.Gateway.ReadStatus()?.Rejections.Values.Sum() ?? throw new LabException("the gateway does not answer during the flood");

    private double CounterBytes(string counter) => double.Parse(
        Bytes().Match(_lab.Topology.Gateway.Execute("nft", ["list", "counter", "inet", "flood", counter])).Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"sent (\d+) bytes \d+ seconds ([0-9.]+)")]
    private static partial Regex SentLine();

    [GeneratedRegex(@"bytes (\d+)")]
    private static partial Regex Bytes();
}
