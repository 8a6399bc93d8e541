using System.Diagnostics;
using System.Globalization;
using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>The throwaway server itself.</summary>
[NeedsPostgres]
public sealed class PostgresServerTests
{
    [StoreFact]
    public async Task A_killed_run_leaves_no_server_and_no_directory()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [typeof(PostgresServerTests).Assembly.Location, "postgres-victim"]) { RedirectStandardOutput = true };
        using Process victim = Process.Start(start)!;
        string[] parts = (await victim.StandardOutput.ReadLineAsync())!.Split(' ');
        int server = int.Parse(parts[0], CultureInfo.InvariantCulture);
        Assert.True(Directory.Exists($"/proc/{server}"));
        victim.Kill();
        await victim.WaitForExitAsync();
        for (int i = 0; i < 500 && (Directory.Exists($"/proc/{server}") || Directory.Exists(parts[1])); i++) await Task.Delay(20);
        Assert.False(Directory.Exists($"/proc/{server}"));
        Assert.False(Directory.Exists(parts[1]));
    }

    [StoreFact]
    public void A_server_that_was_killed_or_stopped_starts_again_with_what_it_had()
    {
        using PostgresServer server = PostgresServer.Start();
        server.Sql("postgres", "CREATE TABLE kept (n integer)");
        server.Sql("postgres", "INSERT INTO kept VALUES (7)");
        server.Kill();
        Assert.Null(server.ProcessId);
        server.StartAgain();
        Assert.Equal("7", server.Sql("postgres", "SELECT n FROM kept"));
        server.Stop();
        Assert.Null(server.ProcessId);
        server.StartAgain();
        Assert.Equal("7", server.Sql("postgres", "SELECT n FROM kept"));
    }
}
