using System.CommandLine;
using JumpingVpn.Node.Lab.Demo;

namespace JumpingVpn.Node.Cli;

/// <summary>`demo`: the program against dying transports, in network namespaces of its own.</summary>
internal static class DemoCommand
{
    public static Command Make()
    {
        var command = new Command("demo", "Watch a real tunnel survive the death of its transport, in network namespaces of its own.");
        command.SetAction(_ => DemoRun.Execute());
        return command;
    }
}
