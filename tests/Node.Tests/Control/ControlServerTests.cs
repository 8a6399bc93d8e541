using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Tests.Control;

public sealed class ControlServerTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly FakeNode node = new();
    private readonly List<ControlServer> servers = [];

    private string Path => directory["node.sock"];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (ControlServer server in servers) await server.DisposeAsync();
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task The_socket_is_the_owners_alone_and_goes_with_the_server()
    {
        ControlServer server = Start();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path) & (UnixFileMode)0x1ff);
        await server.DisposeAsync();
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void A_group_gets_mode_0660()
    {
        Start("root");
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(Path) & (UnixFileMode)0x1ff);
    }

    [Fact]
    public void A_group_that_does_not_exist_is_named()
    {
        Assert.Contains("nobodys-group", Assert.Throws<LinuxException>(() => Start("nobodys-group")).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void A_dead_nodes_socket_is_replaced()
    {
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(directory["other"]));
            File.Move(directory["other"], Path);
        }
        Assert.True(File.Exists(Path));
        Start();
        Assert.True(Ask("""{"op":"status"}""").Ok);
    }

    [Fact]
    public void A_living_nodes_socket_is_left_alone_and_its_process_is_named()
    {
        Start();
        var refused = Assert.Throws<LinuxException>(() => Start());
        Assert.Equal($"control: {Path}: process {Environment.ProcessId} listens here; give each node a control socket of its own", refused.Message);
        Assert.True(Ask("""{"op":"status"}""").Ok);
    }

    [Fact]
    public void A_file_that_is_no_socket_is_never_replaced()
    {
        File.WriteAllText(Path, "precious");
        Assert.Throws<LinuxException>(() => Start());
        Assert.Equal("precious", File.ReadAllText(Path));
    }

    [Fact]
    public void A_status_comes_whole()
    {
        Start();
        NodeStatus status = Ask("""{"op":"status"}""").Status!;
        Assert.Equal(("gateway", "gw-a"), (status.Role, status.Node));
        Assert.Equal(FakeNode.Known.ToString(), Assert.Single(status.Sessions).Id);
    }

    [Fact]
    public void One_connection_may_ask_many_times_even_at_once()
    {
        Start();
        using Socket socket = Connect();
        socket.Send(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"op\":\"status\"}\n", 50))));
        using var reader = new StreamReader(new NetworkStream(socket));
        for (int i = 0; i < 50; i++) Assert.StartsWith("{\"ok\":true", reader.ReadLine(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TerminationOutcome.Terminated, true, null)]
    [InlineData(TerminationOutcome.AlreadyEnded, false, "already_ended")]
    [InlineData(TerminationOutcome.NotStored, false, "not_stored")]
    public void A_termination_says_how_it_ended(TerminationOutcome outcome, bool ok, string? code)
    {
        node.Outcome = outcome;
        Start();
        ControlResponse response = Ask($$"""{"op":"terminate","session":"{{FakeNode.Known}}"}""");
        Assert.Equal((ok, code), (response.Ok, response.Code));
        Assert.Equal([FakeNode.Known], node.Terminated);
    }

    [Theory]
    [InlineData("", "bad_request")]
    [InlineData("hello", "bad_request")]
    [InlineData("null", "bad_request")]
    [InlineData("[]", "bad_request")]
    [InlineData("{}", "bad_request")]
    [InlineData("""{"op":1}""", "bad_request")]
    [InlineData("""{"op":"status","op":"terminate"}""", "bad_request")]
    [InlineData("""{"op":"reboot"}""", "unknown_operation")]
    [InlineData("""{"op":"terminate"}""", "bad_request")]
    [InlineData("""{"op":"terminate","session":"xyz"}""", "bad_request")]
    [InlineData("""{"op":"terminate","session":"00000000000000000000000000000000"}""", "unknown_session")]
    public void A_wrong_request_is_answered_and_the_connection_goes_on(string request, string code)
    {
        Start();
        using Socket socket = Connect();
        using var reader = new StreamReader(new NetworkStream(socket));
        socket.Send(Encoding.UTF8.GetBytes(request + "\n"));
        Assert.Contains($"\"code\":\"{code}\"", reader.ReadLine(), StringComparison.Ordinal);
        socket.Send("{\"op\":\"status\"}\n"u8);
        Assert.StartsWith("{\"ok\":true", reader.ReadLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_without_end_is_cut_off()
    {
        Start();
        using Socket socket = Connect();
        try
        {
            for (int i = 0; i < 100; i++) socket.Send(new byte[ControlLimits.RequestSize]);
        }
        catch (SocketException)
        {
            // Closed while more was still on its way.
        }
        Assert.True(Ask("""{"op":"status"}""").Ok);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Random_bytes_hurt_nobody(int seed)
    {
        Start();
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            using Socket socket = Connect();
            byte[] bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0) "{\"op\":\"sta"u8.ToArray().Take(bytes.Length).ToArray().CopyTo(bytes, 0);
            try
            {
                socket.Send(bytes);
                if (random.Next(3) == 0) socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // Turned away already: the others of this loop were too many.
            }
        }
        Assert.True(SpinWait.SpinUntil(() => Ask("""{"op":"status"}""").Ok, 5000), $"seed {seed}");
    }

    [Theory]
    [InlineData(ControlLimits.Connections)]
    [InlineData(3)]
    [InlineData(40)]
    public void REQ_EXHAUST_1_too_many_connections_are_turned_away_and_the_others_live(int most)
    {
        servers.Add(ControlServer.Start(new ControlConfiguration(Path, null), node, most));
        List<Socket> open = [.. Enumerable.Range(0, most).Select(_ => Served())];
        // Each of them is answered still.
        open.ForEach(socket =>
        {
            socket.Send("{}\n"u8);
            Assert.NotEqual(0, socket.Receive(new byte[4096]));
        });
        Assert.Equal(ControlNames.TooManyConnections, Ask("").Code);
        open[0].Dispose();
        Assert.True(SpinWait.SpinUntil(() => Ask("""{"op":"status"}""").Ok, 5000));
        open.ForEach(s => s.Dispose());
    }

    [Fact]
    public void A_caller_that_does_not_read_delays_nobody()
    {
        node.OnSnapshot = _ => Task.FromResult(FakeNode.Gateway(5000));
        Start();
        using Socket deaf = Connect();
        deaf.Send(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"op\":\"status\"}\n", 20))));
        var watch = Stopwatch.StartNew();
        Assert.Equal(5000, Ask("""{"op":"status"}""").Status!.Sessions.Count);
        Assert.True(watch.Elapsed < ControlLimits.Write, watch.Elapsed.ToString());
    }

    [Fact]
    public void A_core_that_fails_is_reported()
    {
        node.OnSnapshot = _ => throw new InvalidOperationException("two\nlines");
        Start();
        ControlResponse response = Ask("""{"op":"status"}""");
        Assert.Equal(("failed", "InvalidOperationException: two?lines"), (response.Code, response.Error));
    }

    [Fact]
    public async Task A_core_that_hangs_does_not_keep_the_server_from_ending()
    {
        var asked = new TaskCompletionSource();
        node.OnSnapshot = _ =>
        {
            asked.SetResult();
            return new TaskCompletionSource<NodeStatus>().Task;
        };
        ControlServer server = Start();
        using Socket socket = Connect();
        socket.Send("{\"op\":\"status\"}\n"u8);
        await asked.Task;
        var watch = Stopwatch.StartNew();
        await server.DisposeAsync();
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(3), watch.Elapsed.ToString());
    }

    [Fact]
    public void The_only_living_socket_is_found()
    {
        Assert.False(ControlSockets.TryFind(null, out _, out string? none, directory.Path));
        Assert.Equal($"no node has a control socket in {directory.Path}; name one with --control SOCKET", none);
        Start();
        File.WriteAllText(directory["notes.sock"], "no socket");
        Assert.True(ControlSockets.TryFind(null, out string? found, out _, directory.Path));
        Assert.Equal(Path, found);
        servers.Add(ControlServer.Start(new(directory["a.sock"], null), node));
        Assert.False(ControlSockets.TryFind(null, out _, out string? several, directory.Path));
        Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $"{directory["a.sock"]}, {Path}"), several, StringComparison.Ordinal);
    }

    private ControlServer Start(string? group = null)
    {
        var server = ControlServer.Start(new ControlConfiguration(Path, group), node);
        servers.Add(server);
        return server;
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 15_000, SendTimeout = 15_000 };
        socket.Connect(new UnixDomainSocketEndPoint(Path));
        return socket;
    }

    /// <summary>A connection that the server has surely taken in.</summary>
    private Socket Served()
    {
        Socket socket = Connect();
        socket.Send("{}\n"u8);
        socket.Receive(new byte[4096]);
        return socket;
    }

    private ControlResponse Ask(string line)
    {
        using Socket socket = Connect();
        using var reader = new StreamReader(new NetworkStream(socket));
        try
        {
            socket.Send(Encoding.UTF8.GetBytes(line + "\n"));
        }
        catch (SocketException)
        {
            // Turned away before it could ask; the answer is there all the same.
        }
        string answer = reader.ReadLine() ?? "";
        return System.Text.Json.JsonSerializer.Deserialize(answer, ControlJson.Default.ControlResponse)!;
    }
}
