using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Hosting;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Operation;

/// <summary>REQ-EXHAUST-1: a process may open only so many files, and whoever may open the node's sockets can take what is left.</summary>
public sealed class DescriptorTests
{
    private const int MetricsPort = 9477;

    /// <summary>Connections to the metrics at a time.</summary>
    private const int Collectors = 4;

    [PrivilegedFact]
    public void REQ_EXHAUST_1_whoever_may_open_a_gateways_sockets_does_not_take_its_last_descriptor()
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { GatewayLines = [$"metrics: {{ prometheus: \"127.0.0.1:{MetricsPort}\" }}"] });
        LabNode gateway = tunnel.Nodes.Gateway;
        LabSession before = tunnel.Session();
        Assert.Equal(("Attached", "wan1"), (before.State, before.Uplink));
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        Assert.True(Scrapes(tunnel, 5));

        // The fewest that a node starts with.
        int limit = NodeHost.Descriptors + ControlLimits.Connections + Collectors;
        LabCommand.Run("prlimit", [$"--pid={gateway.ProcessId}", $"--nofile={limit}:{limit}"]);
        using (new Flood(tunnel))
        {
            tunnel.Await("the last connection that is taken", () => gateway.ReadStatus() is null);
            TimeSpan used = Processor(gateway);
            long began = LabClock.Now;
            Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
            var fault = new LinkDownFault(tunnel.Topology);
            fault.Apply();
            fault.AssertTookHold();
            tunnel.Await("the jump", () => tunnel.Session() is { Uplink: "wan2", State: "Attached" });
            Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
            fault.Lift();
            // Long enough for what spins to show beside what the jump takes.
            Thread.Sleep(TimeSpan.FromSeconds(3));
            Assert.InRange(Open(gateway), ControlLimits.Connections, limit - 50);

            TimeSpan elapsed = TimeSpan.FromMicroseconds((LabClock.Now - began) / 1000.0);
            used = Processor(gateway) - used;
            Assert.True(used < elapsed / 2, $"{used.TotalSeconds:0.00} s of processor time in {elapsed.TotalSeconds:0.00} s");
        }

        tunnel.Await("an answer of the control socket", () => gateway.ReadStatus() is not null, 15);
        Assert.True(Scrapes(tunnel, 15), "the metrics are not served");
        Assert.Equal(before.Id, tunnel.Session().Id);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        Assert.False(gateway.HasExited);
        // What a node opens when it is asked for an incident file for the first time.
        string file = tunnel.Nodes.PathOf("incident.jvi");
        CliResult export = NodeCli.Run("sessions", "export", before.Id, "--out", file, "--control", gateway.ControlPath);
        Assert.True(export.ExitCode == 0, export.Error);
    }

    [PrivilegedFact]
    public void REQ_EXHAUST_1_too_few_files_to_start_with_are_one_line_of_error()
    {
        using LabTopology topology = LabTopology.Create();
        using var nodes = new NodeTunnel(topology);
        foreach (string file in new[] { "gateway.yaml", "client.yaml" })
        {
            CliResult node = NodeCli.RunWithFiles(NodeHost.Descriptors - 1, NodeProgram.File, [.. NodeProgram.LeadingArguments, "run", "--config", nodes.PathOf(file)]);
            Assert.Equal(1, node.ExitCode);
            string line = Assert.Single(node.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.Matches($"{file}: {NodeHost.Descriptors - 1} files may be open at a time and this node needs {NodeHost.Descriptors + 16}; raise the limit with ulimit -n", line);
        }

        // So few that the runtime itself would not start: the launcher says it.
        foreach (int files in new[] { 16, 127 })
        {
            CliResult launcher = NodeCli.RunWithFiles(files, Launcher(), "run", "--config", nodes.PathOf("gateway.yaml"));
            Assert.Equal(1, launcher.ExitCode);
            Assert.StartsWith($"jumping-vpn: {files} files may be open at a time and 128 are needed", Assert.Single(launcher.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }
    }

    private static string Launcher([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", "..", "jumping-vpn"));

    private static int Open(LabNode node) => Directory.GetFileSystemEntries($"/proc/{node.ProcessId}/fd").Length;

    /// <summary>Processor time of the process so far (proc_pid_stat(5): utime and stime, in hundredths of a second).</summary>
    private static TimeSpan Processor(LabNode node)
    {
        string[] fields = File.ReadAllText($"/proc/{node.ProcessId}/stat").Split(") ")[1].Split(' ');
        return TimeSpan.FromMilliseconds(10 * (long.Parse(fields[11]) + long.Parse(fields[12])));
    }

    /// <summary>A scrape of the metrics is answered within the time.</summary>
    private static bool Scrapes(Tunnel tunnel, double seconds) => LabClock.WaitUntil(() => tunnel.Topology.Gateway.Run(() =>
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 2000 };
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Loopback, MetricsPort));
            socket.Send("GET /metrics HTTP/1.1\r\n\r\n"u8);
            byte[] answer = new byte[12];
            return socket.Receive(answer) == answer.Length && Encoding.ASCII.GetString(answer) == "HTTP/1.1 200";
        }
        catch (SocketException)
        {
            return false;
        }
    }), TimeSpan.FromSeconds(seconds));

    /// <summary>Connections to the control socket and the metrics that ask nothing, more than the node may open files.</summary>
    private sealed class Flood : IDisposable
    {
        private readonly List<Socket> _sockets = [];
        private readonly Tunnel _tunnel;
        private readonly CancellationTokenSource _ending = new();
        private readonly Thread _thread;

        public Flood(Tunnel tunnel)
        {
            _tunnel = tunnel;
            _thread = new Thread(Press) { IsBackground = true };
            _thread.Start();
        }

        public void Dispose()
        {
            _ending.Cancel();
            _thread.Join();
            foreach (Socket socket in _sockets) socket.Dispose();
            _ending.Dispose();
        }

        private void Press()
        {
            for (int i = 0; i < 8; i++)
            {
                _sockets.Add(_tunnel.Topology.Gateway.Run(() =>
                {
                    var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                    socket.Connect(new IPEndPoint(IPAddress.Loopback, MetricsPort));
                    return socket;
                }));
            }

            // What the node lets go of is taken at once.
            while (!_ending.IsCancellationRequested && _sockets.Count < 400)
            {
                Socket socket = Control();
                if (TryConnect(socket)) _sockets.Add(socket);
                else
                {
                    socket.Dispose();
                    _ending.Token.WaitHandle.WaitOne(10);
                }
            }
        }

        private Socket Control() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };

        /// <summary>False where the queue of the listening socket is full.</summary>
        private bool TryConnect(Socket socket)
        {
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(_tunnel.Nodes.Gateway.ControlPath));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }
}
