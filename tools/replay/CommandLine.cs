using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;

namespace JumpingVpn.Replay;

/// <summary>The tool's commands. It needs no network, no rights and no running node.</summary>
public static class CommandLine
{
    /// <summary>Parses, runs and gives the exit code.</summary>
    public static int Run(string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments is ["--version"])
        {
            Console.Out.WriteLine("replay " + Version());
            return ExitCode.Done;
        }
        var root = new RootCommand("Reads incident files (jumping-vpn sessions export): checks them, shows them, decides them again under another policy, joins them.")
        {
            VerifyCommand.Make(), ShowCommand.Make(), ReportCommand.Make(), WhatIfCommand.Make(), MergeCommand.Make(),
        };
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            string command = parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ";
            string problems = string.Join(" ", parsed.Errors.Select(static error => error.Message.TrimEnd('.') + ".").Distinct());
            return Complaint.Exit(ExitCode.BadInput, $"{problems} See ./replay {command}--help");
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (IOException) when (Console.IsOutputRedirected)
        {
            // Whoever read the output has had enough.
            return ExitCode.Failed;
        }
    }

    private static string Version() =>
        (typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];
}
