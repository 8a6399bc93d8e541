using System.Text.Json;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Operation;

public sealed class ControlTests
{
    [PrivilegedFact]
    public void The_socket_is_private_answers_and_goes_with_the_node()
    {
        using Tunnel tunnel = Tunnel.Start();
        string socket = tunnel.Nodes.Client.ControlPath;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        CliResult status = NodeCli.Run("status", "--json", "--control", socket);
        Assert.Equal(0, status.ExitCode);
        using JsonDocument document = JsonDocument.Parse(status.Output);
        JsonElement root = document.RootElement;
        Assert.Equal("client", root.GetProperty("role").GetString());
        JsonElement session = Assert.Single(root.GetProperty("sessions").EnumerateArray());
        Assert.Equal("Attached", session.GetProperty("state").GetString());
        Assert.Matches("^[0-9a-f]{32}$", session.GetProperty("id").GetString());
        Assert.Equal("wan1", session.GetProperty("transport").GetProperty("uplink").GetString());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("lease").ValueKind);

        Assert.True(tunnel.Nodes.Client.Stop(), tunnel.Nodes.Logs());
        Assert.False(File.Exists(socket));
        Assert.NotEqual(0, NodeCli.Run("status", "--control", socket).ExitCode);
    }

    [PrivilegedFact]
    public void Both_ends_tell_the_same_session()
    {
        using Tunnel tunnel = Tunnel.Start();
        CliResult list = NodeCli.Run("sessions", "list", "--json", "--control", tunnel.Nodes.Gateway.ControlPath);
        Assert.Equal(0, list.ExitCode);
        Assert.Contains(tunnel.Session().Id, list.Output, StringComparison.Ordinal);
        CliResult show = NodeCli.Run("sessions", "show", tunnel.Session().Id, "--control", tunnel.Nodes.Gateway.ControlPath);
        Assert.Equal(0, show.ExitCode);
        Assert.Contains("Attached", show.Output, StringComparison.Ordinal);
    }

    [PrivilegedFact]
    public void A_terminated_session_ends_on_the_client_which_then_makes_a_new_one()
    {
        using Tunnel tunnel = Tunnel.Start();
        LabSession before = tunnel.Session();
        CliResult result = NodeCli.Run("sessions", "terminate", before.Id, "--control", tunnel.Nodes.Gateway.ControlPath);
        Assert.True(result.ExitCode == 0, result.Error);
        tunnel.Await("a new session", () => tunnel.Nodes.Client.ReadSession() is { State: "Attached" } now && now.Id != before.Id, 20);

        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        Assert.Contains("EXPLICIT", tunnel.Nodes.Client.Output(), StringComparison.Ordinal);
        Assert.Equal(1, NodeCli.Run("sessions", "terminate", before.Id, "--control", tunnel.Nodes.Gateway.ControlPath).ExitCode);
    }

    [PrivilegedFact]
    public void A_transition_is_one_line_of_the_log()
    {
        using Tunnel tunnel = Tunnel.Start();
        string id = tunnel.Session().Id;
        string line = Assert.Single(tunnel.Nodes.Gateway.Output().Split('\n'), line => line.Contains("HANDSHAKE_OK", StringComparison.Ordinal));
        Assert.Contains(id, line, StringComparison.Ordinal);
        Assert.Contains("Birth", line, StringComparison.Ordinal);
        Assert.Contains("Attached", line, StringComparison.Ordinal);
    }
}
