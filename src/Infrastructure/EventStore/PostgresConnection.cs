using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What became of a commit.</summary>
internal abstract record CommitFate
{
    private CommitFate()
    {
    }

    /// <summary>It is durable, on the synchronous standbys too.</summary>
    public sealed record Stored : CommitFate;

    /// <summary>The server has rolled it back.</summary>
    public sealed record Refused(Exception Cause) : CommitFate;

    /// <summary>No answer, or one that does not vouch for the standbys.</summary>
    public sealed record Unknown(string Reason) : CommitFate;
}

/// <summary>
/// A connection for transactions that write. Whatever happens before the commit is sent leaves nothing behind; once it is sent,
/// nobody cancels it: it ends by itself, and who has waited long enough goes without its answer. For one thread at a time.
/// </summary>
internal sealed class PostgresConnection : IAsyncDisposable
{
    /// <summary>How long a commit's answer is waited for.</summary>
    public static readonly TimeSpan CommitPatience = TimeSpan.FromSeconds(2);

    /// <summary>Commits of this process whose answers may be outstanding. With more of them nothing new is begun.</summary>
    private const int MaxOutstanding = 4;

    private static readonly CommitFate Stored = new CommitFate.Stored();

    private readonly PostgresDatabase _database;
    private readonly NpgsqlConnection _connection;
    private volatile string? _warning;
    private bool _isAbandoned;

    private PostgresConnection(PostgresDatabase database, NpgsqlConnection connection)
    {
        _database = database;
        _connection = connection;
        connection.Notice += (_, arguments) =>
        {
            if (arguments.Notice.InvariantSeverity == "WARNING") _warning = arguments.Notice.MessageText;
        };
    }

    /// <summary>False once the connection is of no use any more; it must be disposed then.</summary>
    public bool IsUsable => !_isAbandoned && _connection.FullState == System.Data.ConnectionState.Open;

    /// <summary>The server's major version.</summary>
    public int ServerVersion => _connection.PostgreSqlVersion.Major;

    public static async Task<PostgresConnection> OpenAsync(PostgresDatabase database)
    {
        if (database.OutstandingCommits >= MaxOutstanding) throw new IOException("the server does not acknowledge commits");
        return new(database, await database.OpenAloneAsync().ConfigureAwait(false));
    }

    /// <summary>A batch that opens a transaction with its first statement.</summary>
    public NpgsqlBatch Begin() => Batch().With("BEGIN ISOLATION LEVEL READ COMMITTED");

    public NpgsqlBatch Batch() => new(_connection);

    /// <summary>Runs a batch for the number of rows that each of its statements changed.</summary>
    public static async Task<int[]> RunAsync(NpgsqlBatch batch)
    {
        await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        return [.. ((IList<NpgsqlBatchCommand>)batch.BatchCommands).Select(static command => command.RecordsAffected)];
    }

    /// <summary>Commits, at once or together with last statements, which then hold no lock while this process stands still.</summary>
    /// <param name="read">Reads what the last statements return.</param>
    public async Task<CommitFate> CommitAsync(NpgsqlBatch? last = null, Func<NpgsqlDataReader, Task>? read = null)
    {
        _warning = null;
        Task<CommitFate> commit = CommitWithoutLimitAsync(last ?? Batch(), read);
        if (await Task.WhenAny(commit, Task.Delay(CommitPatience)).ConfigureAwait(false) == commit) return await commit.ConfigureAwait(false);
        _isAbandoned = true;
        _ = CloseAfterAsync(commit);
        return new CommitFate.Unknown($"{_database.Name}: no answer to a commit within {CommitPatience.TotalSeconds:0} s");
    }

    /// <summary>Ends the transaction without a trace. Never throws: a connection on which that fails is not usable any more.</summary>
    public async Task RollbackAsync()
    {
        if (!IsUsable) return;
        try
        {
            await _connection.ExecuteAsync("ROLLBACK").ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            // The server does the same when the connection closes.
            await _connection.CloseAsync().ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => _isAbandoned ? ValueTask.CompletedTask : _connection.DisposeAsync();

    private async Task<CommitFate> CommitWithoutLimitAsync(NpgsqlBatch last, Func<NpgsqlDataReader, Task>? read)
    {
        try
        {
            await using NpgsqlBatch batch = last.With("COMMIT");
            batch.Timeout = 0;
            await using (NpgsqlDataReader reader = await batch.ExecuteReaderAsync().ConfigureAwait(false))
            {
                if (read is not null) await read(reader).ConfigureAwait(false);
                while (await reader.NextResultAsync().ConfigureAwait(false))
                {
                    // An error of a later statement shows only when its turn comes.
                }
            }
            return _warning is { } warning ? new CommitFate.Unknown($"{_database.Name}: {warning}") : Stored;
        }
        catch (PostgresException e) when (e.InvariantSeverity == "ERROR" && _warning is null)
        {
            return new CommitFate.Refused(e);
        }
        catch (Exception e)
        {
            // Whatever it is, the commit may have been sent.
            return new CommitFate.Unknown(_database.Describe(e));
        }
    }

    private async Task CloseAfterAsync(Task commit)
    {
        await _database.OutlastAsync(commit).ConfigureAwait(false);
        try
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            // It was of no use already.
        }
    }
}
