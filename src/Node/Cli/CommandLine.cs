using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;

namespace JumpingVpn.Node.Cli;

/// <summary>
/// The program's commands. Only the one that was asked for is built, and help builds them all: a killed node must be back
/// within a second, so its start does nothing that it does not need.
/// </summary>
public static class CommandLine
{
    private static readonly (string Name, Func<Command> Make)[] Commands =
    [
        ("demo", DemoCommand.Make),
        ("keygen", KeygenCommand.Make),
        ("pubkey", PubkeyCommand.Make),
        ("check", CheckCommand.Make),
        ("run", () => RunCommand.Make(Running.Composition.Compose)),
        ("status", StatusCommand.Make),
        ("sessions", SessionsCommand.Make),
        ("auditkey", AuditkeyCommand.Make),
        ("clients", ClientsCommand.Make),
    ];

    /// <summary>Parses, runs and gives the exit code.</summary>
    public static int Run(string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments is ["--version"])
        {
            Console.Out.WriteLine("jumping-vpn " + Version());
            return ExitCode.Done;
        }
        var root = new RootCommand("A VPN whose session outlives its transports: when an uplink dies, changes its address or is rebound by a NAT, or when the\ngateway restarts, the connections inside the tunnel go on.");
        string first = arguments.Length > 0 ? arguments[0] : "";
        bool named = Array.Exists(Commands, c => c.Name == first);
        foreach ((string name, Func<Command> make) in Commands)
            if (!named || name == first) root.Add(make());
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0) return Complaint.Exit(ExitCode.BadInput, Usage(parsed, first));
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("JUMPING_VPN_TRACE") is null)
        {
            return Complaint.Exit(ExitCode.Failed, $"unexpected {e.GetType().Name}: {e.Message} (set JUMPING_VPN_TRACE=1 to see where)");
        }
    }

    /// <summary>The program's version, without the build's suffix.</summary>
    public static string Version()
    {
        string full = typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        return full.Split('+')[0];
    }

    private static string Usage(ParseResult parsed, string first)
    {
        if (parsed.CommandResult.Command is RootCommand)
        {
            if (first.Length == 0) return "a command is missing; see jumping-vpn --help";
            string? meant = Configuration.Spelling.Suggest(first, Commands.Select(c => c.Name));
            return $"unknown command {Printable.Quoted(first)}; " + (meant is null ? "see jumping-vpn --help" : $"did you mean {meant}?");
        }
        var names = new List<string>();
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand } command; at = at.Parent) names.Insert(0, command.Command.Name);
        string path = string.Join(' ', names);
        string problems = string.Join(" ", parsed.Errors.Select(e => e.Message.TrimEnd('.') + ".").Distinct());
        return $"{path}: {problems} See jumping-vpn {path} --help";
    }
}
