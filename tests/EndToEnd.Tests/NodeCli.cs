using System.Diagnostics;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>What one run of the program said.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error);

/// <summary>Runs the program as a process of its own, to its end.</summary>
internal static class NodeCli
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static CliResult Run(params string[] arguments) => RunIn(null, arguments);

    /// <summary>Inside a namespace, or on the host where it is null.</summary>
    public static CliResult RunIn(LabNamespace? space, params string[] arguments)
    {
        string[] all = [.. NodeProgram.LeadingArguments, .. arguments];
        using Process process = Process.Start(space is null ? LabCommand.StartInfo(NodeProgram.File, all) : space.StartInfo(NodeProgram.File, all))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"jumping-vpn {string.Join(' ', arguments)} has not ended after {Limit.TotalSeconds:0} s");
        }

        return new CliResult(process.ExitCode, output.Result, error.Result);
    }
}
