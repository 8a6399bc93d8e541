using System.Diagnostics;
using System.Globalization;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Hosting;
using JumpingVpn.Node.Tests.Configuration;
using JumpingVpn.Node.Tests.Control;

namespace JumpingVpn.Node.Tests.Hosting;

/// <summary>Signals reach the whole process: while they are sent no other test runs.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SignalTests
{
    public const string Name = "signals";
}

/// <summary>The phases of `run` around a node that does as it is told. One at a time: signals are the whole process's.</summary>
[Collection(SignalTests.Name)]
public sealed class NodeHostTests : IDisposable
{
    private readonly Example example = new();
    private readonly ClientConfiguration configuration;
    private readonly ScriptedNode node = new();

    public NodeHostTests()
    {
        string text = example.Client.Replace(", group: adm", "", StringComparison.Ordinal);
        ConfigurationFile.TryParse(example.Directory["node.yaml"], text, out NodeConfiguration? read, out _);
        configuration = (ClientConfiguration)read!;
    }

    public void Dispose() => example.Dispose();

    [Fact]
    public async Task A_node_serves_until_SIGTERM_and_ends_with_0()
    {
        Task<int> run = Run();
        await Ready();
        Signal("TERM");
        Assert.Equal(0, await run);
        Assert.Equal(["start", "stop", "dispose"], node.Calls);
        Assert.False(File.Exists(configuration.Control.Socket));
    }

    [Fact]
    public async Task The_socket_exists_only_once_the_node_has_started()
    {
        var start = new TaskCompletionSource();
        node.OnStart = _ => start.Task;
        Task<int> run = Run();
        Assert.True(SpinWait.SpinUntil(() => node.Calls.Contains("start"), 10_000));
        Assert.False(File.Exists(configuration.Control.Socket));
        start.SetResult();
        await Ready();
        Signal("INT");
        Assert.Equal(0, await run);
    }

    [Fact]
    public async Task A_signal_during_the_start_ends_the_start()
    {
        node.OnStart = cancellation => Task.Delay(Timeout.Infinite, cancellation);
        Task<int> run = Run();
        Assert.True(SpinWait.SpinUntil(() => node.Calls.Contains("start"), 10_000));
        Signal("TERM");
        Assert.Equal(0, await run);
        Assert.Equal(["start", "dispose"], node.Calls);
    }

    [Fact]
    public async Task A_stop_that_hangs_is_left_within_5_seconds()
    {
        node.OnStop = _ => new TaskCompletionSource().Task;
        Task<int> run = Run();
        await Ready();
        var watch = Stopwatch.StartNew();
        Signal("TERM");
        Assert.Equal(0, await run);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(6));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_start_that_fails_gives_its_exit_code(int exitCode)
    {
        node.OnStart = _ => throw new NodeStartException("jump0: busy", exitCode);
        Assert.Equal(exitCode, await Run());
        Assert.Equal(["start", "dispose"], node.Calls);
    }

    [Fact]
    public async Task A_node_that_fails_later_is_stopped_and_exits_1()
    {
        Task<int> run = Run();
        await Ready();
        node.Fail(LinuxException.Refused("tun: gone"));
        Assert.Equal(1, await run);
        Assert.Equal(["start", "stop", "dispose"], node.Calls);
    }

    [Fact]
    public async Task A_second_run_of_the_same_configuration_exits_1_and_disturbs_nothing()
    {
        Task<int> run = Run();
        await Ready();
        using var second = new NodeHost(configuration, (_, _) => throw new InvalidOperationException("must not get this far"));
        Assert.Equal(1, second.Run());
        Assert.True(ControlClient.TryConnect(configuration.Control.Socket, out ControlClient? client, out _));
        client.Dispose();
        Signal("TERM");
        Assert.Equal(0, await run);
    }

    private Task<int> Run() => Task.Factory.StartNew(
        () =>
        {
            using var host = new NodeHost(configuration, (_, _) => node);
            return host.Run();
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private async Task Ready()
    {
        for (int i = 0; i < 1000 && !File.Exists(configuration.Control.Socket); i++) await Task.Delay(10);
        Assert.True(File.Exists(configuration.Control.Socket));
    }

    private static void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private sealed class ScriptedNode : INode
    {
        private readonly TaskCompletionSource failure = new();

        public List<string> Calls { get; } = [];

        public Func<CancellationToken, Task>? OnStart { get; set; }

        public Func<CancellationToken, Task>? OnStop { get; set; }

        public INodeControl Control { get; } = new FakeNode();

        public Task Failure => failure.Task;

        public void Fail(Exception e) => failure.SetException(e);

        public Task StartAsync(CancellationToken cancellation)
        {
            Calls.Add("start");
            return OnStart?.Invoke(cancellation) ?? Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellation)
        {
            Calls.Add("stop");
            return OnStop?.Invoke(cancellation) ?? Task.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            Calls.Add("dispose");
            return ValueTask.CompletedTask;
        }
    }
}
