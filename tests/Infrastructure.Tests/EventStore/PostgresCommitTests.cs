using System.Diagnostics;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Lab;
using Npgsql;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>REQ-SAFETY-1: what a commit without an answer did is found out, never assumed.</summary>
[NeedsPostgres]
public sealed class PostgresCommitTests
{
    private readonly PostgresSchemas _schema = new();

    [StoreFact]
    public async Task A_commit_whose_answer_was_lost_is_unknown_and_turns_out_to_be_stored()
    {
        using var thief = new CommitThief(PostgresSchemas.Server);
        await using PostgresEventStore store = await PostgresSchemas.Enter(Through(thief));
        thief.Arm(Theft.Answer);
        Assert.IsType<AppendResult.Unknown>(await store.AppendAsync(One(1, 0)));
        Assert.True(thief.HasStolen);
        Assert.False(store.Status.Healthy);
        Assert.Equal(1, Assert.IsType<LoadResult.Found>(await store.ResolveAsync(Id(1))).History.Head.Version);
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 1)));
        Assert.True(store.Status.Healthy);
    }

    [StoreFact]
    public async Task A_commit_that_never_arrived_is_unknown_and_turns_out_not_to_be_stored()
    {
        using var thief = new CommitThief(PostgresSchemas.Server);
        await using PostgresEventStore store = await PostgresSchemas.Enter(Through(thief));
        thief.Arm(Theft.Commit);
        Assert.IsType<AppendResult.Unknown>(await store.AppendAsync(One(1, 0)));
        Assert.True(thief.HasStolen);
        Assert.IsType<LoadResult.Missing>(await store.ResolveAsync(Id(1)));
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 0)));
    }

    [StoreFact]
    public async Task A_refusal_that_shares_an_unknown_commit_is_not_passed_on_as_the_truth()
    {
        using var thief = new CommitThief(PostgresSchemas.Server);
        await using PostgresEventStore store = await PostgresSchemas.Enter(Through(thief));
        thief.Arm(Theft.Commit);
        // All of them wait while the first connection is made, and share the first transaction or follow it.
        AppendResult[] results = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => store.AppendAsync(One(1, 0)).AsTask()));
        Assert.Contains(results, static result => result is AppendResult.Unknown);
        Assert.All(results, static result => Assert.True(result is not AppendResult.Conflict { ActualVersion: not 1 }, result.ToString()));
        // Whoever was refused by version saw one that is there.
        bool isThere = await store.ResolveAsync(Id(1)) is LoadResult.Found;
        Assert.Equal(isThere, results.Any(static result => result is AppendResult.Committed));
        if (!isThere) Assert.DoesNotContain(results, static result => result is AppendResult.Conflict);
    }

    [StoreFact]
    public async Task A_resolving_read_waits_for_every_transaction_of_this_incarnation_and_lets_renewals_pass()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.AppendAsync(One(1, 0));
        await using NpgsqlConnection lost = await Connect();
        await using NpgsqlTransaction transaction = await lost.BeginTransactionAsync();
        await Execute(lost, $"SELECT 1 FROM {_schema.Schema}.jv_nodes WHERE incarnation = '{store.Self.Incarnation}' FOR KEY SHARE");
        Task<LoadResult> resolve = store.ResolveAsync(Id(1)).AsTask();
        await Task.Delay(200);
        Assert.False(resolve.IsCompleted);
        Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero));
        await transaction.CommitAsync();
        Assert.IsType<LoadResult.Found>(await resolve);
    }

    [StoreFact]
    public async Task A_renewal_does_not_wait_behind_appends()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.AppendAsync(One(1, 0));
        await store.RenewAsync(Instant.Zero);
        await using NpgsqlConnection blocker = await Connect();
        await using NpgsqlTransaction transaction = await blocker.BeginTransactionAsync();
        await Execute(blocker, $"SELECT 1 FROM {_schema.Schema}.mt_streams FOR UPDATE");
        Task<AppendResult> append = store.AppendAsync(One(1, 1)).AsTask();
        for (int i = 0; i < 3; i++)
        {
            Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero));
            Assert.False(append.IsCompleted);
        }
        await transaction.RollbackAsync();
        Assert.IsType<AppendResult.Committed>(await append);
    }

    [StoreFact]
    public async Task A_renewal_on_a_connection_that_has_gone_silent_fails_and_the_next_one_takes_another()
    {
        PostgresStoreOptions options = _schema.Options() with { Settings = PostgresSchemas.Settings() with { Lease = LeaseTimes.Of(TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(1)) } };
        await using PostgresEventStore store = await PostgresSchemas.Enter(options);
        Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero));
        string backend = PostgresSchemas.Server.Sql(
            PostgresSchemas.Database, $"SELECT pid FROM pg_stat_activity WHERE application_name = 'jumping-vpn {store.Self.Incarnation}' AND query LIKE 'WITH own%'");
        LabCommand.Run("sh", ["-c", $"kill -STOP {backend}"]);
        try
        {
            Assert.IsType<Renewal.Failed>(await store.RenewAsync(Instant.Zero));
            Assert.IsType<Renewal.Renewed>(await store.RenewAsync(Instant.Zero));
        }
        finally
        {
            LabCommand.Run("sh", ["-c", $"kill -CONT {backend}"]);
        }
    }

    [StoreFact]
    public async Task A_claim_does_not_wait_for_what_the_dead_owner_left_open()
    {
        await using PostgresEventStore a = await PostgresSchemas.Enter(_schema.Options());
        await using PostgresEventStore b = await PostgresSchemas.Enter(_schema.Options("gw-b"));
        await a.AppendAsync(One(1, 0));
        var row = Assert.IsType<Renewal.Renewed>(await b.RenewAsync(Instant.Zero)).Others.Single();
        // A transaction of the owner that its frozen process will never end, with nothing that ends it by time.
        await using NpgsqlConnection frozen = await Connect("jumping-vpn " + a.Self.Incarnation);
        await Execute(frozen, $"BEGIN; SELECT 1 FROM {_schema.Schema}.jv_nodes WHERE incarnation = '{a.Self.Incarnation}' FOR KEY SHARE");
        await Execute(frozen, $"SELECT 1 FROM {_schema.Schema}.mt_streams FOR UPDATE");
        var clock = Stopwatch.StartNew();
        StreamAppend claim = Append(1, 1);
        var request = new AppendRequest(claim with { Summary = claim.Summary with { Owner = b.Self } }) { Fence = new(row.Owner, row.Number) };
        AppendResult result = await b.AppendAsync(request);
        Assert.True(result is AppendResult.Committed, result.ToString());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(3), clock.Elapsed.ToString());
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => Execute(frozen, "SELECT 1"));
    }

    [StoreFact]
    public async Task A_full_queue_refuses_and_what_it_holds_is_answered()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.AppendAsync(One(1, 0));
        Task<AppendResult>[] appends;
        await using (NpgsqlConnection blocker = await Connect())
        await using (NpgsqlTransaction transaction = await blocker.BeginTransactionAsync())
        {
            await Execute(blocker, $"SELECT 1 FROM {_schema.Schema}.mt_streams FOR UPDATE");
            Task<AppendResult> first = store.AppendAsync(One(1, 1)).AsTask();
            await Task.Delay(100);
            appends = [first, .. Enumerable.Range(2, PostgresWriter.QueueLength + 9).Select(session => store.AppendAsync(One(session, 0)).AsTask())];
            Assert.Equal(9, appends.Count(static append => append.IsCompletedSuccessfully && append.Result is AppendResult.Unavailable { Reason: "the store is overloaded" }));
            await transaction.RollbackAsync();
        }
        AppendResult[] results = await Task.WhenAll(appends);
        Assert.Equal(PostgresWriter.QueueLength + 1, results.OfType<AppendResult.Committed>().Count());
    }

    [StoreFact]
    public async Task A_request_that_breaks_an_invariant_or_that_the_server_refuses_harms_no_other()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        var tasks = new List<Task<AppendResult>>();
        for (int i = 1; i <= 100; i++) tasks.Add(store.AppendAsync(One(i, i % 5 == 0 ? 3 : 0)).AsTask());
        Task<AppendResult> malformed = store.AppendAsync(new AppendRequest(new StreamAppend(Id(500), 0, [Draft(1) with { Reason = "no" }], Summary(500)))).AsTask();
        // No text in the server holds U+0000: it refuses the whole batch, and only this one is to blame.
        Task<AppendResult> unfit = store.AppendAsync(new AppendRequest(new StreamAppend(Id(501), 0, [Draft(1)], Summary(501) with { State = "a\0b" }))).AsTask();
        for (int i = 101; i <= 200; i++) tasks.Add(store.AppendAsync(One(i, 0)).AsTask());
        AppendResult[] results = await Task.WhenAll(tasks);
        Assert.Equal(20, results.OfType<AppendResult.Missing>().Count());
        Assert.Equal(180, results.OfType<AppendResult.Committed>().Count());
        await Assert.ThrowsAsync<ArgumentException>(() => malformed);
        Assert.IsType<AppendResult.Unavailable>(await unfit);
        Assert.Equal(180, store.Status.LiveEvents);
    }

    [StoreFact]
    public async Task A_closed_store_refuses_and_says_so()
    {
        PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.DisposeAsync();
        Assert.Equal(new AppendResult.Unavailable("the store is closed"), await store.AppendAsync(One(1, 0)));
        Assert.Equal(new LoadResult.Unavailable("the store is closed"), await store.LoadAsync(Id(1)));
        Assert.False(await store.CheckpointAsync(Instant.Zero));
        Assert.IsType<Renewal.Failed>(await store.RenewAsync(Instant.Zero));
    }

    private PostgresStoreOptions Through(CommitThief thief)
    {
        PostgresStoreOptions options = _schema.Options();
        return options with { ConnectionString = options.ConnectionString.Replace(PostgresSchemas.Server.SocketDirectory, thief.Directory, StringComparison.Ordinal) };
    }

    private static async Task<NpgsqlConnection> Connect(string application = "test")
    {
        var connection = new NpgsqlConnection(PostgresSchemas.Server.ConnectionString(PostgresSchemas.Database) + ";Pooling=false;Application Name=" + application);
        await connection.OpenAsync();
        return connection;
    }

    private static async Task Execute(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
