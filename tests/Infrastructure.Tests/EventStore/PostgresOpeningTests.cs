using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Lab;
using LanguageExt;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>What a node says that cannot use its database, or does not fit into its cluster: one line, and nothing is changed.</summary>
[NeedsPostgres]
public sealed class PostgresOpeningTests
{
    private readonly PostgresSchemas _schema = new();

    private static async Task<string> Refusal(PostgresStoreOptions options)
    {
        Either<string, PostgresEventStore> opened = await PostgresEventStore.OpenAsync(options);
        string line = opened.Match(Right: static _ => "it was opened", Left: static reason => reason);
        Assert.DoesNotContain('\n', line);
        return line;
    }

    private static void Says(string line, params string[] parts) => Assert.All(parts, part => Assert.Contains(part, line, StringComparison.Ordinal));

    [StoreFact]
    public async Task Eight_nodes_that_start_at_once_make_one_schema()
    {
        PostgresEventStore[] stores = await Task.WhenAll(Enumerable.Range(1, 8).Select(node => Task.Run(() => PostgresSchemas.Enter(_schema.Options($"gw-{node}")))));
        Assert.Equal("2|8|8", _schema.Sql("SELECT schema_version, openings, (SELECT count(*) FROM jv_nodes) FROM jv_store"));
        Assert.Equal(Enumerable.Range(1, 8).Select(static n => (long)n), stores.Select(static store => store.Opening.Number).Order());
        foreach (PostgresEventStore store in stores) await store.DisposeAsync();
    }

    [StoreFact]
    public async Task A_schema_that_a_newer_program_made_is_left_alone()
    {
        await (await PostgresSchemas.Open(_schema.Options())).DisposeAsync();
        _schema.Sql("UPDATE jv_store SET schema_version = 99");
        Says(await Refusal(_schema.Options()), PostgresSchemas.Database, _schema.Schema, "version 99", "newer program");
        Assert.Equal("99", _schema.Sql("SELECT schema_version FROM jv_store"));
    }

    [StoreFact]
    public async Task Another_programs_event_tables_are_left_alone()
    {
        PostgresSchemas.Server.Sql(PostgresSchemas.Database, $"CREATE SCHEMA {_schema.Schema}; CREATE TABLE {_schema.Schema}.mt_streams (id uuid)");
        Says(await Refusal(_schema.Options()), _schema.Schema, "another program");
        Assert.Equal("1", _schema.Sql($"SELECT count(*) FROM pg_tables WHERE schemaname = '{_schema.Schema}'"));
    }

    [StoreFact]
    public async Task A_cluster_key_that_does_not_fit_is_refused_and_one_that_opens_the_clusters_is_promoted()
    {
        PostgresStoreOptions Keys(params string[] keys) => _schema.Options() with { Settings = PostgresSchemas.Settings(keys) };
        await (await PostgresSchemas.Open(Keys("old"))).DisposeAsync();
        Says(await Refusal(Keys("other")), "cluster key", "old", "other");
        await (await PostgresSchemas.Open(Keys("old", "new"))).DisposeAsync();
        Assert.Equal("old", _schema.Sql("SELECT cluster_key FROM jv_store"));
        await (await PostgresSchemas.Open(Keys("new", "old"))).DisposeAsync();
        Assert.Equal("new", _schema.Sql("SELECT cluster_key FROM jv_store"));
        Says(await Refusal(Keys("old")), "cluster key", "new", "old");
    }

    [StoreFact]
    public async Task Lease_times_that_differ_are_refused_while_another_node_is_in()
    {
        PostgresStoreOptions slow = _schema.Options("gw-b") with { Settings = PostgresSchemas.Settings() with { Lease = LeaseTimes.Of(TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(1)) } };
        await using PostgresEventStore a = await PostgresSchemas.Enter(_schema.Options());
        Says(await Refusal(slow), "lease 16000 ms", "lease 9000 ms");
        Assert.True(await a.LeaveAsync());
        await using PostgresEventStore b = await PostgresSchemas.Enter(slow);
        // The first node was open all the while; it may not come back with other times than the cluster's.
        Says(Assert.IsType<EnterResult.Failed>(await a.EnterAsync(null)).Reason, "lease 9000 ms");
    }

    [StoreFact]
    public async Task Several_hosts_without_a_synchronous_standby_are_refused()
    {
        string directory = PostgresSchemas.Server.SocketDirectory;
        PostgresStoreOptions options = _schema.Options();
        Says(await Refusal(options with { ConnectionString = options.ConnectionString.Replace(directory, $"{directory},{directory}", StringComparison.Ordinal) }), "several hosts", "synchronous_standby_names");
    }

    [StoreFact]
    public async Task What_is_wrong_with_the_connection_is_said_without_the_password()
    {
        PostgresStoreOptions options = _schema.Options();
        string directory = PostgresSchemas.Server.SocketDirectory;
        PostgresSchemas.Server.Sql("postgres", "DO $$ BEGIN CREATE ROLE locked LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        string bad = await Refusal(options with { ConnectionString = PostgresSchemas.Server.ConnectionString(PostgresSchemas.Database, "locked") + ";Password=open-sesame" });
        Says(bad, PostgresSchemas.Database, "locked", "password authentication failed");
        Assert.DoesNotContain("sesame", bad, StringComparison.Ordinal);
        Says(await Refusal(options with { ConnectionString = PostgresSchemas.Server.ConnectionString("nowhere") }), "nowhere", "does not exist");
        Says(await Refusal(options with { ConnectionString = "Host=/nonexistent;Database=d;Username=u;Password=open-sesame" }), "database d", "/nonexistent");
        string malformed = await Refusal(options with { ConnectionString = "Host=a;Password=x;sesame=y" });
        Says(malformed, "connection string");
        Assert.DoesNotContain("sesame", malformed, StringComparison.Ordinal);
        Says(await Refusal(options with { ConnectionString = "Database=d" }), "Host");
        Says(await Refusal(options with { Schema = "a; DROP TABLE b" }), "schema");
        Assert.True(Directory.Exists(directory));
    }

    [StoreFact]
    public async Task A_node_that_loses_its_privileges_says_so_and_goes_on_when_it_has_them_again()
    {
        string role = "role_of_" + _schema.Schema;
        PostgresSchemas.Server.Sql(PostgresSchemas.Database, $"CREATE ROLE {role} LOGIN; CREATE SCHEMA {_schema.Schema} AUTHORIZATION {role}");
        PostgresStoreOptions options = _schema.Options() with { ConnectionString = PostgresSchemas.Server.ConnectionString(PostgresSchemas.Database, role) };
        await using PostgresEventStore store = await PostgresSchemas.Enter(options);
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 0)));
        _schema.Sql($"REVOKE ALL ON ALL TABLES IN SCHEMA {_schema.Schema} FROM {role}");
        Says(Assert.IsType<AppendResult.Unavailable>(await store.AppendAsync(One(1, 1))).Reason, PostgresSchemas.Database, "permission denied");
        Assert.IsType<Renewal.Failed>(await store.RenewAsync(Instant.Zero));
        Assert.IsType<LoadResult.Unavailable>(await store.LoadAsync(Id(1)));
        Assert.False(await store.CheckpointAsync(Instant.Zero));
        Assert.False(store.Status.Healthy);
        Says(await Refusal(options), "permission denied");
        _schema.Sql($"GRANT ALL ON ALL TABLES IN SCHEMA {_schema.Schema} TO {role}");
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 1)));
        Assert.True(store.Status.Healthy);
        PostgresSchemas.Server.Sql(PostgresSchemas.Database, $"REVOKE USAGE ON SCHEMA {_schema.Schema} FROM {role}");
        Says(await Refusal(options), "permission denied", _schema.Schema);
    }

    [StoreFact]
    public async Task A_full_disk_refuses_appends_loses_nothing_and_is_over_when_there_is_room_again()
    {
        string mount = Path.Combine(PostgresSchemas.Server.SocketDirectory, "small");
        Directory.CreateDirectory(mount);
        try
        {
            LabCommand.Run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", mount]);
            LabCommand.Run("chown", ["postgres:postgres", mount]);
        }
        catch (LabException)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "mounting a file system needs privilege");
            return;
        }
        try
        {
            await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
            PostgresSchemas.Server.Sql(PostgresSchemas.Database, $"CREATE TABLESPACE small LOCATION '{mount}'");
            _schema.Sql("ALTER TABLE mt_events SET TABLESPACE small");
            var acknowledged = new List<int>();
            AppendResult? refused = null;
            for (int session = 1; refused is null && session < 1_000; session++)
                if (await store.AppendAsync(One(session, 0, 10)) is var result and not AppendResult.Committed) refused = result;
                else acknowledged.Add(session);
            Says(Assert.IsType<AppendResult.Unavailable>(refused).Reason, PostgresSchemas.Database, "No space left on device");
            Assert.False(store.Status.Healthy);
            Assert.NotEmpty(acknowledged);
            foreach (int session in acknowledged) Assert.Equal(10, Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(session))).History.Head.Version);
            LabCommand.Run("mount", ["-o", "remount,size=16m", mount]);
            Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 10)));
            Assert.True(store.Status.Healthy);
            _schema.Sql($"DROP SCHEMA {_schema.Schema} CASCADE");
            PostgresSchemas.Server.Sql(PostgresSchemas.Database, "DROP TABLESPACE small");
        }
        finally
        {
            LabCommand.RunQuietly("umount", ["-l", mount]);
        }
    }
}
