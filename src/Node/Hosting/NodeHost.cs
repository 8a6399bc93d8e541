using System.Globalization;
using System.Runtime.InteropServices;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Cli;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using Serilog.Events;

namespace JumpingVpn.Node.Hosting;

/// <summary>
/// Runs a node in the foreground, phase by phase: lock, log, start, serve, stop. Each phase undoes what it did, in reverse
/// order, however the next one ends. SIGTERM and SIGINT end it; a second one ends it at once.
/// </summary>
public sealed class NodeHost(NodeConfiguration configuration, Func<NodeConfiguration, NodeLog, INode> compose) : IDisposable
{
    /// <summary>What a node may take to end in order.</summary>
    public static readonly TimeSpan StopTime = TimeSpan.FromSeconds(4.5);

    /// <summary>
    /// Files, sockets and devices that a node may need open, the connections to its control socket and metrics aside. An idle gateway was
    /// measured to have 104, most of them libraries; paths, database connections and libraries that are first used later come on top.
    /// </summary>
    public const int Descriptors = 256;

    private readonly CancellationTokenSource ending = new();
    private int signals;

    /// <summary>Runs until a signal or a failure; gives the exit code. Every error is one line on standard error.</summary>
    public int Run()
    {
        if (!HasDescriptors()) return ExitCode.Failed;
        using FileLock? single = Lock();
        if (single is null) return ExitCode.Failed;
        using NodeLog? log = OpenLog();
        if (log is null) return ExitCode.Failed;
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        try
        {
            return RunAsync(log).GetAwaiter().GetResult();
        }
        catch (Exception e) when (Explain(e) is (int exitCode, string problem))
        {
            log.Logger.Fatal("{Problem}", problem);
            return Complaint.Exit(exitCode, problem);
        }
    }

    public void Dispose() => ending.Dispose();

    private async Task<int> RunAsync(NodeLog log)
    {
        await using INode node = compose(configuration, log);
        try
        {
            await node.StartAsync(ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            log.Logger.Information("ended by a signal before it was ready");
            return ExitCode.Done;
        }
        Exception? failure;
        await using (NodeMetrics? metrics = NodeMetrics.Start(configuration.Metrics, node.Control))
        await using (ControlServer control = ControlServer.Start(configuration.Control, node.Control, configuration.Limits.ControlConnections))
        {
            if (metrics is not null) log.Watch(() => metrics.Warning);
            log.Logger.Information(
                "{Role} {Node} ready, jumping-vpn {Version}, process {Process}, control {Control}", configuration.Role, configuration.Node, CommandLine.Version(),
                Environment.ProcessId, configuration.Control.Socket);
            ServiceManager.Notify("READY=1");
            failure = await WaitAsync(node).ConfigureAwait(false);
            ServiceManager.Notify("STOPPING=1");
        }
        await StopAsync(node, log).ConfigureAwait(false);
        if (failure is null) return ExitCode.Done;
        (int exitCode, string problem) = Explain(failure) ?? (ExitCode.Failed, $"unexpected {failure.GetType().Name}: {failure.Message}");
        log.Logger.Fatal(failure, "the node cannot go on");
        return Complaint.Exit(exitCode, problem);
    }

    /// <summary>Waits for a signal (null) or the node's failure.</summary>
    private async Task<Exception?> WaitAsync(INode node)
    {
        try
        {
            await node.Failure.WaitAsync(ending.Token).ConfigureAwait(false);
            return new InvalidOperationException("the node ended by itself and did not say why");
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private static async Task StopAsync(INode node, NodeLog log)
    {
        using var limit = new CancellationTokenSource(StopTime);
        try
        {
            await node.StopAsync(limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            log.Logger.Information("ended");
        }
        catch (OperationCanceledException)
        {
            log.Logger.Warning("ended, with work left undone after {Seconds} s", StopTime.TotalSeconds.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>REQ-EXHAUST-1: as many descriptors as whoever may open the control socket and the metrics can take, and enough beside them.</summary>
    private bool HasDescriptors()
    {
        int needed = Descriptors + configuration.Limits.ControlConnections + (configuration.Metrics.Prometheus is null ? 0 : MetricsEndpoint.Connections);
        long limit = FileDescriptors.Limit;
        if (limit >= needed) return true;
        Complaint.Write(string.Create(CultureInfo.InvariantCulture,
            $"{configuration.File}: {limit} files may be open at a time and this node needs {needed}; raise the limit with ulimit -n, or with LimitNOFILE= in its unit"));
        return false;
    }

    private FileLock? Lock()
    {
        string path = configuration.Control.Socket + ".lock";
        try
        {
            string directory = Path.GetDirectoryName(path) ?? "/";
            if (directory == CommonReader.ControlDirectory) Directory.CreateDirectory(directory);
            if (FileLock.TryAcquire(path, out int? holder) is { } taken) return taken;
            string who = holder is { } process ? "process " + process.ToString(CultureInfo.InvariantCulture) : "another process";
            Complaint.Write($"{configuration.File}: {who} runs this configuration already (it holds {path})");
        }
        catch (LinuxException e)
        {
            Complaint.Write(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Complaint.Write(FileProblem.Of(path, e));
        }
        return null;
    }

    private NodeLog? OpenLog()
    {
        try
        {
            return NodeLog.Open((LogEventLevel)configuration.Log.Level, configuration.Log.File);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Complaint.Write("log.file: " + FileProblem.Of(configuration.Log.File?.Path ?? "", e));
            return null;
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref signals) > 1) Environment.Exit(ExitCode.Failed);
        // Not on the signal's own thread: what is cancelled may run there.
        _ = ending.CancelAsync();
    }

    private static (int ExitCode, string Problem)? Explain(Exception e) => e switch
    {
        NodeStartException start => (start.ExitCode, start.Message),
        LinuxException refused => (ExitCode.Failed, refused.Message),
        _ => null,
    };
}
