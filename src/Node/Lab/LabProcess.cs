using System.Diagnostics;
using System.Text;

namespace JumpingVpn.Node.Lab;

/// <summary>A long-running process inside a namespace. Its output is kept, the last lines of it.</summary>
public sealed class LabProcess : IDisposable
{
    private const int KeptLines = 400;

    private readonly Process process;
    private readonly Queue<string> lines = new();
    private readonly Lock gate = new();

    private LabProcess(string name, Process process, Action<string>? onLine)
    {
        Name = name;
        this.process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data, onLine);
        process.ErrorDataReceived += (_, line) => Keep(line.Data, onLine);
    }

    public string Name { get; }

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>The exit code; only once the process has ended.</summary>
    public int ExitCode => process.ExitCode;

    /// <param name="onLine">Told each line of output, from another thread.</param>
    public static LabProcess Start(
        string name,
        LabNamespace space,
        string tool,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        Action<string>? onLine = null)
    {
        ProcessStartInfo info = space.StartInfo(tool, arguments);
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>()) info.Environment[key] = value;
        var process = new LabProcess(name, Process.Start(info) ?? throw new LabException($"{name}: did not start"), onLine);
        process.process.BeginOutputReadLine();
        process.process.BeginErrorReadLine();
        process.process.StandardInput.Close();
        return process;
    }

    public void Signal(int signal) => LabNative.Signal(Id, signal);

    public bool WaitForExit(TimeSpan limit) => process.WaitForExit(limit);

    /// <summary>SIGKILL, and returns when the process is gone.</summary>
    public void Kill()
    {
        if (!process.HasExited) Signal(LabSignal.Kill);
        process.WaitForExit(TimeSpan.FromSeconds(5));
    }

    /// <summary>SIGTERM; true if the process ended by itself within the limit.</summary>
    public bool Stop(TimeSpan limit)
    {
        if (!process.HasExited) Signal(LabSignal.Terminate);
        if (process.WaitForExit(limit)) return true;
        Kill();
        return false;
    }

    /// <summary>The last lines of output, each with the process's name.</summary>
    public string Output()
    {
        var text = new StringBuilder();
        lock (gate)
            foreach (string line in lines)
                text.Append(Name).Append(": ").AppendLine(line);
        return text.ToString();
    }

    public void Dispose()
    {
        Kill();
        process.Dispose();
    }

    private void Keep(string? line, Action<string>? onLine)
    {
        if (line is null) return;
        lock (gate)
        {
            lines.Enqueue(line);
            if (lines.Count > KeptLines) lines.Dequeue();
        }

        onLine?.Invoke(line);
    }
}
