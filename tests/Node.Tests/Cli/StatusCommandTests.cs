using System.Text.Json;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Tests.Control;

namespace JumpingVpn.Node.Tests.Cli;

/// <summary>The command line against a served control socket.</summary>
public sealed class StatusCommandTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly FakeNode node = new();
    private ControlServer server = null!;

    private string Socket => directory["node.sock"];

    public Task InitializeAsync()
    {
        server = ControlServer.Start(new(Socket, null), node);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Status_as_json_is_the_documented_document()
    {
        Program.Result said = Program.Run("status", "--control", Socket, "--json");
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        using JsonDocument document = JsonDocument.Parse(said.Output);
        Assert.Equal(["role", "node", "version", "sessions", "rejections", "store", "lease", "telemetry"], document.RootElement.EnumerateObject().Select(p => p.Name));
        JsonElement session = document.RootElement.GetProperty("sessions")[0];
        Assert.Equal(
            ["id", "client", "state", "version", "binding_version", "owner", "ownership_epoch", "key_epoch", "established_at", "addresses", "transport", "paths",
                "switches", "last_reason", "rx_bytes", "tx_bytes", "rx_packets", "tx_packets"],
            session.EnumerateObject().Select(p => p.Name));
        Assert.Equal(["id", "uplink", "local", "remote", "bound_at"], session.GetProperty("transport").EnumerateObject().Select(p => p.Name));
        Assert.Equal(["uplink", "endpoint", "state", "rtt_ms", "loss", "mtu"], session.GetProperty("paths")[0].EnumerateObject().Select(p => p.Name));
        Assert.Equal(["kind", "healthy", "live_events"], document.RootElement.GetProperty("store").EnumerateObject().Select(p => p.Name));
        Assert.Equal(JsonValueKind.Null, document.RootElement.GetProperty("lease").ValueKind);
        Assert.Equal("2026-01-02T03:04:05Z", session.GetProperty("established_at").GetString());
        Assert.Equal(3, document.RootElement.GetProperty("rejections").GetProperty("REPLAY_DETECTED").GetInt64());
    }

    [Theory]
    [InlineData("gateway")]
    [InlineData("client")]
    public void Status_for_people_names_session_state_and_remote(string role)
    {
        node.OnSnapshot = _ => Task.FromResult(FakeNode.Gateway() with { Role = role });
        Program.Result said = Program.Run("status", "--control", Socket);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        Assert.Contains(FakeNode.Known.ToString(), said.Output, StringComparison.Ordinal);
        Assert.Contains("Attached", said.Output, StringComparison.Ordinal);
        Assert.Contains("198.51.100.7:40000", said.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', said.Output);
    }

    [Fact]
    public void What_a_socket_sends_cannot_drive_the_terminal()
    {
        node.OnSnapshot = _ => Task.FromResult(FakeNode.Gateway() with { Node = "a\e[2Jb[red]c" });
        Program.Result said = Program.Run("status", "--control", Socket);
        Assert.Contains("a?[2Jb[red]c", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Sessions_are_listed_shown_and_ended()
    {
        Assert.Contains(FakeNode.Known.ToString(), Program.Run("sessions", "list", "--control", Socket).Output, StringComparison.Ordinal);
        Assert.Contains("TRANSPORT_SWITCHED", Program.Run("sessions", "show", FakeNode.Known.ToString(), "--control", Socket).Output, StringComparison.Ordinal);
        using JsonDocument shown = JsonDocument.Parse(Program.Run("sessions", "show", FakeNode.Known.ToString(), "--control", Socket, "--json").Output);
        Assert.Equal("laptop", shown.RootElement.GetProperty("client").GetString());
        Program.Result ended = Program.Run("sessions", "terminate", FakeNode.Known.ToString(), "--control", Socket);
        Assert.Equal((0, $"{FakeNode.Known}: terminated\n"), (ended.ExitCode, ended.Output));
        Assert.Equal([FakeNode.Known], node.Terminated);
    }

    [Fact]
    public void A_session_that_nobody_knows_exits_1()
    {
        string unknown = new('0', 32);
        foreach (string verb in new[] { "show", "terminate" })
        {
            Program.Result refused = Program.Run("sessions", verb, unknown, "--control", Socket);
            Assert.Equal((1, $"jumping-vpn: {unknown}: no such session on this node\n"), (refused.ExitCode, refused.Error));
        }
    }

    [Theory]
    [InlineData("sessions", "show", "12")]
    [InlineData("sessions", "terminate", "xyz")]
    [InlineData("sessions", "export", "00000000000000000000000000000000", "--out", "x")]
    [InlineData("sessions")]
    public void What_cannot_be_asked_exits_2(params string[] arguments)
    {
        Program.Result refused = Program.Run(arguments);
        Assert.Equal(2, refused.ExitCode);
        Assert.Single(refused.ErrorLines);
    }

    [Fact]
    public async Task A_node_that_is_gone_exits_1()
    {
        await server.DisposeAsync();
        Program.Result refused = Program.Run("status", "--control", Socket);
        Assert.Equal((1, $"jumping-vpn: {Socket}: no such control socket; is the node running?\n"), (refused.ExitCode, refused.Error));
    }
}
