using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Postgres;
using Npgsql;

namespace JumpingVpn.EndToEnd.Tests.Lab;

public sealed class PostgresLinkTests(DatabaseServer server) : IClassFixture<DatabaseServer>
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(300);

    [ClusterFact]
    public async Task A_silent_way_to_the_database_tells_nobody_and_goes_on_when_it_is_mended()
    {
        using var ways = new Ways(server.Primary);
        await using NpgsqlConnection silent = await ways.OpenAsync(0), other = await ways.OpenAsync(1);
        ways.Links[0].Silence();
        Task<object?> question = new NpgsqlCommand("SELECT 7", silent).ExecuteScalarAsync();
        Assert.NotSame(question, await Task.WhenAny(question, Task.Delay(Moment)));
        Assert.True(ways.Links[0].Met > 0);
        Assert.Equal(8, await new NpgsqlCommand("SELECT 8", other).ExecuteScalarAsync());

        ways.Links[0].Mend();
        Assert.Equal(7, await question);
    }

    [ClusterFact]
    public async Task A_way_that_is_cut_ends_connections_takes_none_and_comes_back()
    {
        using var ways = new Ways(server.Primary);
        await using NpgsqlConnection cut = await ways.OpenAsync(0), other = await ways.OpenAsync(1);
        ways.Links[0].Cut();
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => new NpgsqlCommand("SELECT 7", cut).ExecuteScalarAsync());
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ways.OpenAsync(0));
        Assert.Equal(8, await new NpgsqlCommand("SELECT 8", other).ExecuteScalarAsync());

        ways.Links[0].Mend();
        await using NpgsqlConnection again = await ways.OpenAsync(0);
        Assert.Equal(9, await new NpgsqlCommand("SELECT 9", again).ExecuteScalarAsync());
    }

    /// <summary>Two ways to one server.</summary>
    private sealed class Ways : IDisposable
    {
        private readonly string directory = Path.Combine(Path.GetTempPath(), LabOwner.NextStem() + "-ways");

        public Ways(PostgresServer server) => Links = [.. Enumerable.Range(0, 2).Select(way => new PostgresLink(Path.Combine(directory, $"way{way}"), server))];

        public PostgresLink[] Links { get; }

        public async Task<NpgsqlConnection> OpenAsync(int way)
        {
            var connection = new NpgsqlConnection($"Host={Links[way].Directory};Database=postgres;Username={PostgresServer.Role};Pooling=false;Timeout=3");
            await connection.OpenAsync();
            return connection;
        }

        public void Dispose()
        {
            foreach (PostgresLink link in Links) link.Dispose();
            LabCleanup.RemoveDirectory(directory);
        }
    }
}
