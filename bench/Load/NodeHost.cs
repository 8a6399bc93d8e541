using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Bench.Load;

/// <summary>
/// A node in a process that tells, at a signal, how much of its managed heap is live: from outside only resident memory can be seen, of which
/// much is room that the collector keeps.
/// </summary>
internal static partial class NodeHost
{
    /// <summary>The (unlisted) command that runs it; the node's own arguments follow.</summary>
    public const string Command = "node-host";

    private const int UserSignal = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How to start it.</summary>
    public static (string File, IReadOnlyList<string> Arguments) Program { get; } = ("dotnet", [typeof(NodeHost).Assembly.Location, Command]);

    /// <summary>Runs the node to its end.</summary>
    public static int Run(string[] arguments)
    {
        using PosixSignalRegistration registration = PosixSignalRegistration.Create((PosixSignal)UserSignal, context =>
        {
            context.Cancel = true;
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"live heap {GC.GetTotalMemory(forceFullCollection: true)} bytes"));
        });
        return JumpingVpn.Node.Cli.CommandLine.Run(arguments);
    }

    /// <summary>Bytes of a node's managed heap that are live, after a full collection.</summary>
    public static long LiveHeap(LabNode node)
    {
        int before = LiveHeapLine().Count(node.Output());
        node.Signal(UserSignal);
        if (!LabClock.WaitUntil(() => LiveHeapLine().Count(node.Output()) > before, Patience)) throw new LabException($"{node.Name} does not tell its heap");
        return long.Parse(LiveHeapLine().Matches(node.Output())[^1].Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"live heap (\d+) bytes")]
    private static partial Regex LiveHeapLine();
}
