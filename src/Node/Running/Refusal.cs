using JumpingVpn.Node.Cli;
using JumpingVpn.Node.Hosting;

namespace JumpingVpn.Node.Running;

/// <summary>Why a node cannot be composed.</summary>
internal static class Refusal
{
    /// <summary>The command line, the configuration or a file that it names is wrong.</summary>
    public static NodeStartException Configuration(string message) => new(message, ExitCode.BadInput);

    /// <summary>The work failed.</summary>
    public static NodeStartException Work(string message) => new(message);
}
