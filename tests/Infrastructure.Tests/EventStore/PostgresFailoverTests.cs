using System.Diagnostics;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Lab.Postgres;
using Xunit.Abstractions;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>A primary with a synchronous standby: what is acknowledged is on both, and the store follows the primary.</summary>
[NeedsPostgres]
public sealed class PostgresFailoverTests(ITestOutputHelper output)
{
    private const string Database = "postgres";

    private static PostgresStoreOptions Options(string hosts) => new(
        hosts, new NodeIdentity("gw-a", "place", "host"), StorePolicy.Default, new InMemoryAuditArchive(), static () => default)
    {
        Settings = PostgresSchemas.Settings(),
    };

    [StoreFact]
    public async Task A_commit_that_a_standby_has_not_confirmed_is_unknown_until_one_does()
    {
        using PostgresServer server = PostgresServer.Start();
        await using PostgresEventStore store = await PostgresSchemas.Enter(Options(server.ConnectionString(Database)));
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 0)));
        server.Sql(Database, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        server.Sql(Database, "SELECT pg_reload_conf()");
        await Task.Delay(200);

        // Nobody cancels it: the answer is given up, and the commit goes on waiting.
        var unanswered = Assert.IsType<AppendResult.Unknown>(await store.AppendAsync(One(1, 1)));
        Assert.Contains("no answer to a commit", unanswered.Reason, StringComparison.Ordinal);
        Assert.Equal("1", server.Sql(Database, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'jumping-vpn %'"));
        Assert.IsType<LoadResult.Unavailable>(await store.ResolveAsync(Id(1)));

        // A commit whose wait somebody else ends comes back with a warning, and is no more certain.
        Task<AppendResult> warned = store.AppendAsync(One(2, 0)).AsTask();
        await Task.Delay(500);
        server.Sql(Database, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'jumping-vpn %'");
        var cancelled = Assert.IsType<AppendResult.Unknown>(await warned);
        Assert.Contains("replication", cancelled.Reason, StringComparison.Ordinal);

        // The same for a renewal: a number that a failover would take back is no lease.
        foreach (string end in new[] { "pg_cancel_backend", "pg_terminate_backend" })
        {
            Task<Renewal> renewal = store.RenewAsync(Instant.Zero).AsTask();
            await Task.Delay(500);
            Assert.False(renewal.IsCompleted);
            server.Sql(Database, $"SELECT {end}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%service_time%'");
            string reason = Assert.IsType<Renewal.Failed>(await renewal).Reason;
            Assert.DoesNotContain("no answer to a renewal", reason, StringComparison.Ordinal);
        }

        server.Sql(Database, "ALTER SYSTEM SET synchronous_standby_names = ''");
        server.Sql(Database, "SELECT pg_reload_conf()");
        LoadResult resolved = await store.ResolveAsync(Id(1));
        for (int i = 0; i < 20 && resolved is LoadResult.Unavailable; i++)
        {
            await Task.Delay(200);
            resolved = await store.ResolveAsync(Id(1));
        }
        Assert.Equal(2, Assert.IsType<LoadResult.Found>(resolved).History.Head.Version);
        Assert.Equal(1, Assert.IsType<LoadResult.Found>(await store.ResolveAsync(Id(2))).History.Head.Version);
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 2)));
    }

    [StoreFact]
    public async Task A_killed_primary_loses_nothing_that_was_acknowledged_and_the_store_goes_on_with_its_standby()
    {
        using PostgresServer primary = PostgresServer.Start(new() { Settings = ["wal_level=replica", "hot_standby=on"] });
        using PostgresServer standby = primary.StartStandby("second", new());
        primary.Sql(Database, "ALTER SYSTEM SET synchronous_standby_names = 'second'");
        primary.Sql(Database, "SELECT pg_reload_conf()");
        for (int i = 0; i < 200 && primary.Sql(Database, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1"; i++) await Task.Delay(50);

        string hosts = $"Host={standby.SocketDirectory},{primary.SocketDirectory};Database={Database};Username={PostgresServer.Role}";
        await using PostgresEventStore store = await PostgresSchemas.Enter(Options(hosts));
        var acknowledged = new Dictionary<int, long>();
        for (int session = 1; session <= 20; session++)
            if (await store.AppendAsync(One(session, 0, 2)) is AppendResult.Committed) acknowledged[session] = 2;
        Assert.Equal(20, acknowledged.Count);
        Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero));

        primary.Kill();
        Assert.IsType<AppendResult.Unavailable>(await store.AppendAsync(One(1, 2)));
        Assert.IsType<Renewal.Failed>(await store.RenewAsync(Instant.Zero));
        standby.Promote();
        var clock = Stopwatch.StartNew();
        AppendResult after = await store.AppendAsync(One(1, 2));
        for (; after is AppendResult.Unavailable && clock.Elapsed < TimeSpan.FromSeconds(10); after = await store.AppendAsync(One(1, 2))) await Task.Delay(50);
        output.WriteLine($"the first append after the promotion was stored {clock.ElapsedMilliseconds} ms later");
        Assert.IsType<AppendResult.Committed>(after);
        acknowledged[1] = 3;
        Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero));
        foreach ((int session, long version) in acknowledged)
            Assert.Equal(version, Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(session))).History.Head.Version);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), clock.Elapsed.ToString());
    }
}
