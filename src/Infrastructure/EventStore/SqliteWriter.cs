using System.Collections.Concurrent;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

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

    /// <summary>Milliseconds between two tries to open the file anew.</summary>
    private const long ReopenPause = 1000;

    private readonly BlockingCollection<SqliteOperation> _queue = new(QueueLength);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _path;
    private readonly IncarnationId _incarnation;
    private SqliteOpenFile _file;
    private long _liveEvents;
    private volatile string? _failure;
    private bool _poisoned;
    private long _reopenAt;

    /// <param name="incarnation">That has entered the store; a file without it is another one.</param>
    public SqliteWriter(string path, SqliteDatabase database, IncarnationId incarnation, long liveEvents)
    {
        _path = path;
        _incarnation = incarnation;
        _liveEvents = liveEvents;
        _file = new(database);
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
        if (_poisoned && !TryReopen())
        {
            operation.Fail(new StoreFailure(_failure!, MayBeStored: false));
            return;
        }
        try
        {
            operation.Execute(_file.Tables);
            operation.Complete();
        }
        catch (Exception e)
        {
            Refuse(operation, e);
        }
    }

    private void WriteTogether(List<SqliteOperation> writes)
    {
        if (_poisoned && !TryReopen())
        {
            FailAll(writes, new StoreFailure(_failure!, MayBeStored: false));
            return;
        }
        long delta = 0;
        var done = new List<SqliteOperation>(writes.Count);
        try
        {
            _file.Begin.Execute();
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
        _file.Savepoint.Execute();
        try
        {
            delta += write.Execute(_file.Tables);
            _file.Release.Execute();
            return true;
        }
        catch (Exception e) when (_file.Database.InTransaction)
        {
            _file.RollbackTo.Execute();
            _file.Release.Execute();
            Refuse(write, e);
            return false;
        }
    }

    private void Commit(List<SqliteOperation> done, long delta)
    {
        try
        {
            _file.Commit.Execute();
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
            if (_file.Database.InTransaction) _file.Rollback.Execute();
        }
        catch (SqliteException e)
        {
            _poisoned = true;
            Report(e, mayBeStored: false);
        }
    }

    /// <summary>
    /// Opens the file anew after a commit of unknown fate: what it holds then is what was stored, and is made durable before anything rests on
    /// it. Tried now and then for as long as the file cannot be opened.
    /// </summary>
    private bool TryReopen()
    {
        long now = Environment.TickCount64;
        if (now < _reopenAt) return false;
        _reopenAt = now + ReopenPause;
        _failure = Reopen();
        return !(_poisoned = _failure is not null);
    }

    /// <summary>Null, or what stands in the way.</summary>
    private string? Reopen()
    {
        try
        {
            _file.Dispose();
        }
        catch (SqliteException)
        {
            // What the end of the connection could not move from the log into the file stays in the log.
        }
        // A file that is missing would be made, and be empty.
        if (!File.Exists(_path)) return $"{_path} is gone";
        Either<string, SqliteDatabase> opened = SqliteFile.Open(_path);
        return opened.IsLeft ? (string)opened : Take((SqliteDatabase)opened);
    }

    private string? Take(SqliteDatabase database)
    {
        try
        {
            database.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            string? problem = SqliteOpening.Recognise(database, _incarnation, out long liveEvents);
            if (problem is null)
            {
                _file = new(database);
                Interlocked.Exchange(ref _liveEvents, liveEvents);
                return null;
            }
            database.Dispose();
            return $"{_path}: {problem}";
        }
        catch (SqliteException e)
        {
            database.Dispose();
            return $"{_path}: {e.Message}";
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
            _file.Dispose();
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
