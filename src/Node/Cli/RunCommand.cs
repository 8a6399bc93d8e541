using System.CommandLine;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Hosting;

namespace JumpingVpn.Node.Cli;

/// <summary>`run`: a node in the foreground.</summary>
internal static class RunCommand
{
    public static Command Make(Func<NodeConfiguration, NodeLog, INode> compose)
    {
        Option<string> config = CheckCommand.ConfigOption();
        var command = new Command("run", "Run a node in the foreground until SIGTERM or SIGINT, which end it within 5 s.") { config };
        command.SetAction(parsed =>
        {
            if (CheckCommand.Load(parsed.GetRequiredValue(config)) is not { } configuration) return ExitCode.BadInput;
            using var host = new NodeHost(configuration, compose);
            return host.Run();
        });
        return command;
    }
}
