using System.Text.Json;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Cases;
using JumpingVpn.Node.Lab.Tunnels;
using Xunit.Abstractions;

namespace JumpingVpn.EndToEnd.Tests.Operation;

/// <summary>REQ-TELEMETRY-3: whatever becomes of log, metrics and flight recorder, a jump takes no longer; `status` says what is wrong.</summary>
public sealed class TelemetryTests(ITestOutputHelper output)
{
    private const int Rounds = 2;

    /// <summary>What a busy machine adds to one round and not to the other.</summary>
    private const double Noise = 150;

    private const string Metrics = "metrics: { prometheus: \"127.0.0.1:9477\" }";
    private static readonly OutageCase Blackhole = OutageCases.Find("blackhole")!;
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(5);

    [PrivilegedFact]
    public void A_full_disk_a_pipe_that_nobody_reads_a_collector_that_hangs_and_a_recorder_that_cannot_write_delay_no_jump()
    {
        double healthy = Enumerable.Range(0, Rounds).Min(_ => Outage(new NodeTunnelOptions { ClientLines = [Metrics], GatewayLines = [Metrics] }, _ => { }, AssertQuiet));

        using var stuck = new StuckPipe();
        using var audit = new AuditWithoutRecorder();
        string[] lines = [Metrics, "log: { level: debug, file: /dev/full }"];
        var options = new NodeTunnelOptions { ClientLines = [.. lines, audit.Line("client")], GatewayLines = [.. lines, audit.Line("gateway")], OutputTo = stuck.Path };
        double broken = Enumerable.Range(0, Rounds).Min(_ => Outage(options, Hang, AssertWarned));

        output.WriteLine($"outage {broken:0} ms with broken telemetry, {healthy:0} ms without");
        Assert.True(broken <= healthy + Noise, $"{broken:0} ms with broken telemetry, {healthy:0} ms without");
    }

    [PrivilegedFact]
    public void A_log_directory_that_is_gone_delays_no_jump_and_shows_in_status()
    {
        string directory = Directory.CreateTempSubdirectory("jvpn-log-").FullName, file = Path.Combine(directory, "node.log");
        double outage = Outage(new NodeTunnelOptions { ClientLines = [$"log: {{ file: {file} }}"] }, _ => Directory.Delete(directory, recursive: true), tunnel =>
        {
            CliResult status = NodeCli.Run("status", "--json", "--control", tunnel.Nodes.Client.ControlPath);
            using JsonDocument document = JsonDocument.Parse(status.Output);
            string warning = Assert.Single(document.RootElement.GetProperty("telemetry").GetProperty("warnings").EnumerateArray()).GetString()!;
            Assert.StartsWith(file + " is gone", warning, StringComparison.Ordinal);
            Assert.Contains("is gone", NodeCli.Run("status", "--control", tunnel.Nodes.Client.ControlPath).Output, StringComparison.Ordinal);
        });
        Assert.InRange(outage, 0, Blackhole.Limits.OutageMilliseconds!.Value * 2.5);
    }

    /// <summary>A jump off a silent blackhole, in a network and processes of their own; its outage in milliseconds.</summary>
    private static double Outage(NodeTunnelOptions options, Action<Tunnel> spoil, Action<Tunnel> check)
    {
        using Tunnel tunnel = Tunnel.Start(options);
        // A recorder that cannot write has nothing to export, and a configuration that names a directory which is gone does not load.
        tunnel.Nodes.IsAudited = false;
        spoil(tunnel);
        OutageResult result = OutageRound.Measure(Blackhole, tunnel.Topology, tunnel.Nodes, GiveUp);
        Assert.True(result.SameSession && result.OutageMilliseconds is not null, string.Join("; ", result.Violations(Blackhole.Limits)) + Environment.NewLine + tunnel.Nodes.Logs());
        check(tunnel);
        return result.OutageMilliseconds!.Value;
    }

    private static void AssertQuiet(Tunnel tunnel)
    {
        foreach (LabNode node in new[] { tunnel.Nodes.Client, tunnel.Nodes.Gateway })
        {
            TelemetryStatus telemetry = node.ReadStatus()!.Telemetry;
            Assert.Equal(0, telemetry.Dropped);
            Assert.Empty(telemetry.Warnings);
        }
    }

    private static void AssertWarned(Tunnel tunnel)
    {
        foreach (LabNode node in new[] { tunnel.Nodes.Client, tunnel.Nodes.Gateway })
        {
            TelemetryStatus telemetry = node.ReadStatus()!.Telemetry;
            Assert.True(telemetry.Dropped > 0, "no line is counted as dropped");
            Assert.Contains(telemetry.Warnings, warning => warning.Contains("/dev/full", StringComparison.Ordinal));
            Assert.Contains(telemetry.Warnings, warning => warning.StartsWith("standard output", StringComparison.Ordinal));
            Assert.True(telemetry.RecorderDropped > 0, "no record is counted as dropped");
            Assert.Contains(telemetry.Warnings, warning => warning.StartsWith("the flight recorder cannot write", StringComparison.Ordinal));
        }
        tunnel.Await("a warning about the collector", () => tunnel.Nodes.Client.ReadStatus()!.Telemetry.Warnings.Any(warning => warning.Contains("metrics collector", StringComparison.Ordinal)), 15);
    }

    /// <summary>Collectors that connect, ask for everything at most, and never read.</summary>
    private static void Hang(Tunnel tunnel)
    {
        foreach (LabNamespace space in new[] { tunnel.Topology.Client, tunnel.Topology.Gateway })
            for (int i = 0; i < 6; i++)
                space.Execute("bash", ["-c", "(exec 3<>/dev/tcp/127.0.0.1/9477; sleep 25) >/dev/null 2>&1 </dev/null &"]);
    }

    /// <summary>Audit directories in which a file lies where the recorder's directory belongs.</summary>
    private sealed class AuditWithoutRecorder : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("jvpn-audit-").FullName;

        public string Line(string node)
        {
            string directory = Path.Combine(_directory, node);
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            File.WriteAllText(Path.Combine(directory, "recorder"), "");
            return $"audit: {{ directory: {directory} }}";
        }

        public void Dispose() => Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A full pipe that nobody reads.</summary>
    private sealed class StuckPipe : IDisposable
    {
        private const int Capacity = 65_536;

        private readonly string _directory = Directory.CreateTempSubdirectory("jvpn-pipe-").FullName;
        private readonly FileStream _held;

        public StuckPipe()
        {
            Path = System.IO.Path.Combine(_directory, "output");
            LabCommand.Run("mkfifo", [Path]);
            // Both ends: so that neither this open nor the node's waits for the other.
            _held = new FileStream(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            _held.Write(new byte[Capacity]);
        }

        public string Path { get; }

        public void Dispose()
        {
            _held.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }
}
