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
    public static CliResult RunIn(LabNamespace? space, params string[] arguments) => RunTool(space, NodeProgram.File, [.. NodeProgram.LeadingArguments, .. arguments]);

    /// <summary>What may have at most <paramref name="files"/> files open.</summary>
    public static CliResult RunWithFiles(int files, string program, params string[] arguments) => RunTool(null, "prlimit", [$"--nofile={files}", program, .. arguments]);

    private static CliResult RunTool(LabNamespace? space, string tool, string[] arguments)
    {
        using Process process = Process.Start(space is null ? LabCommand.StartInfo(tool, arguments) : space.StartInfo(tool, arguments))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"{tool} {string.Join(' ', arguments)} has not ended after {Limit.TotalSeconds:0} s");
        }

        return new CliResult(process.ExitCode, output.Result, error.Result);
    }
}
