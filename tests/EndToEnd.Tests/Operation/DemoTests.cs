using System.Diagnostics;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Operation;

public sealed class DemoTests
{
    [PrivilegedFact]
    public void It_holds_and_says_so()
    {
        using Process demo = Start();
        string output = demo.StandardOutput.ReadToEnd();
        Assert.True(demo.WaitForExit(TimeSpan.FromSeconds(60)));
        string error = demo.StandardError.ReadToEnd();

        Assert.True(demo.ExitCode == 0, output + error);
        Assert.Contains("session id before", output, StringComparison.Ordinal);
        Assert.Contains("alive", output, StringComparison.Ordinal);
        Assert.Empty(Left(demo.Id));
    }

    [PrivilegedTheory]
    [InlineData(LabSignal.Interrupt)]
    [InlineData(LabSignal.Terminate)]
    public void A_signal_in_its_midst_leaves_nothing_behind(int signal)
    {
        using Process demo = Start();
        Assert.True(LabClock.WaitUntil(() => Left(demo.Id).Length > 2, TimeSpan.FromSeconds(10)));
        Thread.Sleep(2000);
        LabCommand.Run("kill", [$"-{signal}", $"{demo.Id}"]);

        Assert.True(demo.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.NotEqual(0, demo.ExitCode);
        Assert.Empty(Left(demo.Id));
    }

    private static Process Start() => Process.Start(LabCommand.StartInfo(NodeProgram.File, [.. NodeProgram.LeadingArguments, "demo"]))!;

    /// <summary>Namespaces and directories that bear the process's pid.</summary>
    private static string[] Left(int processId) =>
    [
        .. Directory.Exists(LabNamespace.Directory) ? Directory.GetFiles(LabNamespace.Directory, $"{LabOwner.Prefix}{processId}-*") : [],
        .. Directory.GetDirectories(Path.GetTempPath(), $"{LabOwner.Prefix}{processId}-*"),
    ];
}
