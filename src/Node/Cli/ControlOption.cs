using System.CommandLine;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Cli;

/// <summary>What the commands share that speak with a running node.</summary>
internal static class ControlOption
{
    public static Option<string?> Make() => new("--control")
    {
        HelpName = "SOCKET",
        Description = $"The node's control socket. Default: the only one in {CommonReader.ControlDirectory}.",
    };

    public static Option<bool> MakeJson() => new("--json") { Description = "Print JSON." };

    /// <summary>Connects and runs <paramref name="ask"/>; gives its exit code, or complains.</summary>
    public static int With(string? control, Func<ControlClient, int> ask)
    {
        if (!ControlSockets.TryFind(control, out string? path, out string? problem)) return Complaint.Exit(ExitCode.BadInput, problem);
        if (!ControlClient.TryConnect(path, out ControlClient? client, out problem)) return Complaint.Exit(ExitCode.Failed, problem);
        using (client)
        {
            try
            {
                return ask(client);
            }
            catch (IOException e)
            {
                return Complaint.Exit(ExitCode.Failed, e.Message);
            }
        }
    }

    /// <summary>Asks for the status; null after a complaint.</summary>
    public static NodeStatus? AskStatus(ControlClient client)
    {
        ControlResponse response = client.Ask(new() { Op = ControlNames.Status });
        if (response.Status is { } status) return status;
        Complaint.Write(response.Error ?? "the node gave no status");
        return null;
    }
}
