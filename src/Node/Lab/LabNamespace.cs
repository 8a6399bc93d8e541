using System.Diagnostics;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Node.Lab;

/// <summary>One named network namespace of the lab: commands, processes and sockets inside it.</summary>
public sealed class LabNamespace(string name)
{
    public const string Directory = "/run/netns";

    public string Name => name;

    /// <summary>Runs lines of `ip` in this namespace as one batch.</summary>
    public void Ip(params string[] lines) =>
        LabCommand.Run("ip", ["-n", name, "-batch", "-"], string.Join('\n', lines) + "\n");

    /// <summary>The output of one `ip` command in this namespace.</summary>
    public string IpShow(params string[] arguments) => LabCommand.Run("ip", ["-n", name, .. arguments]);

    /// <summary>Applies an nft script in this namespace as one transaction.</summary>
    public void Nft(string script) => Execute("nft", ["-f", "-"], script);

    /// <summary>Runs a tool in this namespace to its end; its standard output.</summary>
    public string Execute(string tool, IReadOnlyList<string> arguments, string? input = null) =>
        LabCommand.Run("ip", ["netns", "exec", name, tool, .. arguments], input);

    /// <summary>What starts a long-running process in this namespace. `ip netns exec` becomes the tool, so the pid is the tool's own.</summary>
    public ProcessStartInfo StartInfo(string tool, IEnumerable<string> arguments) =>
        LabCommand.StartInfo("ip", ["netns", "exec", name, tool, .. arguments]);

    /// <summary>Sets entries below /proc/sys/net, which is that of the namespace of the thread that opens it.</summary>
    public void Sysctl(params (string Path, string Value)[] settings) => Run(() =>
    {
        foreach ((string path, string value) in settings) File.WriteAllText("/proc/sys/net/" + path, value);
        return true;
    });

    /// <summary>
    /// Runs <paramref name="work"/> on a thread of its own inside this namespace. Sockets made there stay in the namespace
    /// whoever uses them later.
    /// </summary>
    public T Run<T>(Func<T> work)
    {
        try
        {
            using NetworkNamespace space = NetworkNamespace.OpenExisting(name);
            return space.Run(work);
        }
        catch (LinuxException exception)
        {
            throw new LabException($"network namespace {name}: {exception.Message}", exception);
        }
    }

    /// <summary>The processes that live in this namespace.</summary>
    public IReadOnlyList<int> ProcessIds() =>
        [.. LabCommand.Run("ip", ["netns", "pids", name])
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => int.Parse(line, System.Globalization.CultureInfo.InvariantCulture))
            .Where(id => id != Environment.ProcessId)];

    public override string ToString() => name;
}
