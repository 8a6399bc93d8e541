using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>One process of this program, started with `run` inside a namespace.</summary>
public sealed class LabNode : IDisposable
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(6);

    private readonly LabProcess process;

    private LabNode(string name, LabProcess process, string controlPath)
    {
        Name = name;
        this.process = process;
        ControlPath = controlPath;
    }

    public string Name { get; }

    public string ControlPath { get; }

    public int ProcessId => process.Id;

    public bool HasExited => process.HasExited;

    public int ExitCode => process.ExitCode;

    /// <summary>Starts the process and returns at once.</summary>
    /// <param name="program">What runs the node instead of the program itself; the program's own arguments follow.</param>
    public static LabNode Start(
        string name,
        LabNamespace space,
        string configuration,
        string controlPath,
        IReadOnlyDictionary<string, string>? environment = null,
        Action<string>? onLine = null,
        (string File, IReadOnlyList<string> Arguments)? program = null,
        string? outputTo = null)
    {
        (string file, IReadOnlyList<string> leading) = program ?? (NodeProgram.File, NodeProgram.LeadingArguments);
        string[] arguments = [.. leading, "run", "--config", configuration];
        LabProcess process = outputTo is null
            ? LabProcess.Start(name, space, file, arguments, environment, onLine)
            : LabProcess.Start(name, space, "/bin/sh", ["-c", "to=$1; shift; exec \"$@\" >\"$to\"", "sh", outputTo, file, .. arguments], environment, onLine);
        return new LabNode(name, process, controlPath);
    }

    /// <summary>Returns when the control socket answers; throws <see cref="LabException"/> with the node's last words otherwise.</summary>
    public void AwaitReady()
    {
        bool ready = LabClock.WaitUntil(() => process.HasExited || ReadStatus() is not null, ReadyLimit);
        if (process.HasExited) throw new LabException($"{Name} ended with exit code {process.ExitCode}:{Environment.NewLine}{Output()}");
        if (!ready) throw new LabException($"{Name} is not ready after {ReadyLimit.TotalSeconds:0} s:{Environment.NewLine}{Output()}");
    }

    /// <summary>Returns when the node has a session that carries traffic.</summary>
    public void AwaitAttached()
    {
        if (LabClock.WaitUntil(() => process.HasExited || ReadSession() is { State: "Attached" }, ReadyLimit) && !process.HasExited) return;
        throw new LabException($"{Name} has no attached session after {ReadyLimit.TotalSeconds:0} s:{Environment.NewLine}{Output()}");
    }

    /// <summary>The status, or null while the node does not answer.</summary>
    public NodeStatus? ReadStatus()
    {
        // Asked again and again while a node starts: a socket that is not there yet must not cost an exception each time.
        if (!File.Exists(ControlPath) || !ControlClient.TryConnect(ControlPath, out ControlClient? control, out _)) return null;
        using (control)
        {
            try
            {
                return control.Ask(new ControlRequest { Op = ControlNames.Status }).Status;
            }
            catch (IOException)
            {
                // The node went away between two lives.
                return null;
            }
        }
    }

    /// <summary>The only session of a client, the first one of a gateway; null if there is none or the node does not answer.</summary>
    public LabSession? ReadSession() => ReadStatus() is { Sessions: [SessionStatus session, ..] } ? LabSession.From(session) : null;

    public void Signal(int signal) => process.Signal(signal);

    public void Kill() => process.Kill();

    /// <summary>SIGTERM; true if the node ended by itself in the time that it has for that.</summary>
    public bool Stop() => process.Stop(StopLimit);

    public bool WaitForExit(TimeSpan limit) => process.WaitForExit(limit);

    public string Output() => process.Output();

    public void Dispose() => process.Dispose();
}
