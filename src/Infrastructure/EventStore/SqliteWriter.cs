using System.Collections.Concurrent;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The one thread that uses the connection. It takes what is queued in order, runs neighbouring writes in one transaction
/// with a savepoint each (group commit: one fsync for all of them, and one that fails harms no other), and lets reads see
/// only what is committed.
/// </summary>
internal sealed class SqliteWriter : IAsyncDisposable
{
    /// <summary>Operations that may wait; further ones are refused.</summary>
    public const int QueueLength = 4096;

    /// <summary>Operations that may share a transaction.</summary>
    private const int MaxBatch = 256;

    private readonly BlockingCollection<SqliteOperation> _queue = new(QueueLength);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _path;
    private readonly SqliteDatabase _database;
    private readonly SqliteTables _tables;
    private readonly SqliteStatement _begin, _commit, _rollback, _savepoint, _release, _rollbackTo;
    private long _liveEvents;
    private volatile string? _failure;
    private bool _poisoned;

    public SqliteWriter(string path, SqliteDatabase database, long liveEvents)
    {
        _path = path;
        _database = database;
        _liveEvents = liveEvents;
        _tables = new(database);
        _begin = new(database, "BEGIN IMMEDIATE");
        _commit = new(database, "COMMIT");
        _rollback = new(database, "ROLLBACK");
        _savepoint = new(database, "SAVEPOINT request");
        _release = new(database, "RELEASE request");
        _rollbackTo = new(database, "ROLLBACK TO request");
        new Thread(Run) { IsBackground = true, Name = "event store" }.Start();
    }

    public long LiveEvents => Interlocked.Read(ref _liveEvents);

    /// <summary>Why the store cannot write, or null.</summary>
    public string? Failure => _failure;

    /// <summary>Hands an operation to the thread; it completes in any case.</summary>
    public void Enqueue(SqliteOperation operation)
    {
        try
        {
            if (!_queue.TryAdd(operation)) operation.Fail(new StoreFailure("the store is overloaded", MayBeStored: false));
        }
        catch (InvalidOperationException)
        {
            operation.Fail(new StoreFailure("the store is closed", MayBeStored: false));
        }
    }

    /// <summary>Finishes what is queued, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.CompleteAdding();
        await _stopped.Task.ConfigureAwait(false);
    }

    private void Run()
    {
        var batch = new List<SqliteOperation>(MaxBatch);
        while (_queue.TryTake(out SqliteOperation? operation, Timeout.Infinite))
        {
            do batch.Add(operation);
            while (batch.Count < MaxBatch && _queue.TryTake(out operation));
            for (int i = 0; i < batch.Count;)
            {
                int end = i;
                while (end < batch.Count && batch[end].IsWrite) end++;
                if (end > i) WriteTogether(batch[i..end]);
                else Read(batch[end++]);
                i = end;
            }
            batch.Clear();
        }
        Close();
    }

    private void Read(SqliteOperation operation)
    {
        // Once a commit's outcome is unknown, this connection's view of it is no answer either.
        if (_poisoned)
        {
            operation.Fail(new StoreFailure(_failure!, MayBeStored: false));
            return;
        }
        try
        {
            operation.Execute(_tables);
            operation.Complete();
        }
        catch (Exception e)
        {
            Refuse(operation, e);
        }
    }

    private void WriteTogether(List<SqliteOperation> writes)
    {
        if (_poisoned)
        {
            FailAll(writes, new StoreFailure(_failure!, MayBeStored: false));
            return;
        }
        long delta = 0;
        var done = new List<SqliteOperation>(writes.Count);
        try
        {
            _begin.Execute();
            foreach (SqliteOperation write in writes)
            {
                if (!TryWrite(write, ref delta)) continue;
                done.Add(write);
            }
        }
        catch (SqliteException e)
        {
            // SQLite has rolled the whole transaction back (a full disk, a failed write), or never began it.
            EndTransaction();
            FailAll(writes, Report(e, mayBeStored: false));
            return;
        }
        Commit(done, delta);
    }

    /// <summary>False if the operation has been answered with its failure; throws if the transaction is gone.</summary>
    private bool TryWrite(SqliteOperation write, ref long delta)
    {
        _savepoint.Execute();
        try
        {
            delta += write.Execute(_tables);
            _release.Execute();
            return true;
        }
        catch (Exception e) when (_database.InTransaction)
        {
            _rollbackTo.Execute();
            _release.Execute();
            Refuse(write, e);
            return false;
        }
    }

    private void Commit(List<SqliteOperation> done, long delta)
    {
        try
        {
            _commit.Execute();
        }
        catch (SqliteException e)
        {
            EndTransaction();
            // A full disk takes the commit's record no more than its pages. After any other failure the record may have reached the
            // disk, and only opening the file anew tells: until then nothing more is written or read.
            bool mayBeStored = e.Code != SqliteException.Full;
            StoreFailure failure = Report(e, mayBeStored);
            _poisoned = mayBeStored;
            FailAll(done, failure);
            return;
        }
        _failure = null;
        Interlocked.Add(ref _liveEvents, delta);
        foreach (SqliteOperation write in done) write.Complete();
    }

    private void EndTransaction()
    {
        try
        {
            if (_database.InTransaction) _rollback.Execute();
        }
        catch (SqliteException e)
        {
            _poisoned = true;
            Report(e, mayBeStored: false);
        }
    }

    private StoreFailure Report(SqliteException e, bool mayBeStored)
    {
        _failure = $"{_path}: {e.Message}";
        return new(_failure, mayBeStored);
    }

    private void Refuse(SqliteOperation operation, Exception e)
    {
        switch (e)
        {
            case SqliteException sqlite:
                operation.Fail(Report(sqlite, mayBeStored: false));
                break;
            case InvalidDataException damaged:
                operation.Fail(new StoreFailure($"{_path}: {damaged.Message}", MayBeStored: false));
                break;
            default:
                // A broken invariant belongs to the caller whose request broke it.
                operation.Throw(e);
                break;
        }
    }

    private static void FailAll(List<SqliteOperation> operations, StoreFailure failure)
    {
        foreach (SqliteOperation operation in operations) operation.Fail(failure);
    }

    private void Close()
    {
        try
        {
            ReadOnlySpan<SqliteStatement> all = [_begin, _commit, _rollback, _savepoint, _release, _rollbackTo];
            foreach (SqliteStatement statement in all) statement.Dispose();
            _tables.Dispose();
            _database.Dispose();
            _stopped.SetResult();
        }
        catch (SqliteException e)
        {
            _stopped.SetException(e);
        }
    }
}

/// <summary>Why an operation was not carried out.</summary>
/// <param name="MayBeStored">True if its commit's outcome is unknown.</param>
internal readonly record struct StoreFailure(string Reason, bool MayBeStored);

/// <summary>Something that the store's thread does for a caller who waits. It is answered exactly once.</summary>
internal abstract class SqliteOperation
{
    public abstract bool IsWrite { get; }

    /// <summary>Does it; by how many envelopes the store grew.</summary>
    public abstract int Execute(SqliteTables tables);

    /// <summary>What <see cref="Execute"/> found or wrote holds.</summary>
    public abstract void Complete();

    public abstract void Fail(StoreFailure failure);

    public abstract void Throw(Exception exception);
}

/// <summary>An operation with a result.</summary>
internal sealed class SqliteOperation<T>(bool isWrite, Func<SqliteTables, (T Result, int Growth)> body, Func<StoreFailure, T> failed) : SqliteOperation
{
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Answer => _answer.Task;

    public override bool IsWrite => isWrite;

    public override int Execute(SqliteTables tables)
    {
        (_result, int growth) = body(tables);
        return growth;
    }

    public override void Complete() => _answer.TrySetResult(_result!);

    public override void Fail(StoreFailure failure) => _answer.TrySetResult(failed(failure));

    public override void Throw(Exception exception) => _answer.TrySetException(exception);
}
