using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Database;
using Npgsql;

namespace JumpingVpn.EndToEnd.Tests.Lab;

public sealed class LabDatabaseTests(DatabaseServer server) : IClassFixture<DatabaseServer>
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(300);

    [PrivilegedFact]
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

    [PrivilegedFact]
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

    [PrivilegedFact]
    public void A_standby_has_what_was_acknowledged_when_its_primary_is_killed()
    {
        using LabDatabase primary = LabDatabase.Start();
        string database = primary.CreateDatabase();
        primary.Execute(database, "CREATE TABLE kept (number integer)");
        using LabDatabase standby = primary.StartStandby();
        primary.Execute(database, "INSERT INTO kept VALUES (42)");
        primary.Kill();
        Assert.True(primary.HasExited);
        standby.Promote();

        Assert.Equal(42, standby.Query<int>(database, "SELECT number FROM kept"));
        standby.Execute(database, "INSERT INTO kept VALUES (43)");
    }

    /// <summary>Two ways to one server.</summary>
    private sealed class Ways : IDisposable
    {
        private readonly string directory = Path.Combine(Path.GetTempPath(), LabOwner.NextStem() + "-ways");
        private readonly string database;

        public Ways(LabDatabase server)
        {
            database = server.CreateDatabase();
            Links = [.. Enumerable.Range(0, 2).Select(way => new DatabaseLink(Path.Combine(directory, $"way{way}"), server.SocketPath))];
        }

        public DatabaseLink[] Links { get; }

        public async Task<NpgsqlConnection> OpenAsync(int way)
        {
            var connection = new NpgsqlConnection(LabDatabase.ConnectionString(database, Links[way].Directory) + ";Pooling=false;Timeout=3");
            await connection.OpenAsync();
            return connection;
        }

        public void Dispose()
        {
            foreach (DatabaseLink link in Links) link.Dispose();
            LabCleanup.RemoveDirectory(directory);
        }
    }
}
