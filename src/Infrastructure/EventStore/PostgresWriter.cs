using System.Diagnostics;
using System.Threading.Channels;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The one task that appends. It takes what is queued in order and puts neighbouring appends into one transaction; one that breaks
/// it is tried again alone, so that it harms no other. An append is answered after its commit, and a commit without an
/// answer is unknown.
/// </summary>
internal sealed class PostgresWriter : IAsyncDisposable
{
    /// <summary>Operations that may wait; further ones are refused.</summary>
    public const int QueueLength = 4096;

    /// <summary>Operations that may share a transaction.</summary>
    private const int MaxBatch = 256;

    /// <summary>Tries of one transaction that others keep disturbing.</summary>
    private const int MaxAttempts = 5;

    /// <summary>How long what is queued may still take once the store is closed.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(2);

    private readonly Channel<PostgresOperation> _queue =
        Channel.CreateBounded<PostgresOperation>(new BoundedChannelOptions(QueueLength) { SingleReader = true });

    private readonly PostgresDatabase _database;
    private readonly IncarnationId _self;
    private readonly StorePolicy _policy;
    private readonly PostgresCondition _condition;
    private readonly Task _running;
    private PostgresConnection? _connection;
    private long _stopAt = long.MaxValue;

    public PostgresWriter(PostgresDatabase database, IncarnationId self, StorePolicy policy, PostgresCondition condition)
    {
        _database = database;
        _self = self;
        _policy = policy;
        _condition = condition;
        _running = Task.Run(RunAsync);
    }

    /// <summary>Hands an operation to the task; it is answered in any case.</summary>
    public void Enqueue(PostgresOperation operation)
    {
        if (_queue.Writer.TryWrite(operation)) return;
        string reason = _queue.Reader.Completion.IsCompleted || _running.IsCompleted ? "the store is closed" : "the store is overloaded";
        operation.Fail(new StoreFailure(reason, MayBeStored: false));
    }

    /// <summary>Finishes what is queued as far as the server answers in time, refuses the rest, and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _stopAt, Stopwatch.GetTimestamp() + (long)(StopPatience.TotalSeconds * Stopwatch.Frequency));
        _queue.Writer.TryComplete();
        await _running.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var batch = new List<PostgresOperation>(MaxBatch);
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (batch.Count < MaxBatch && _queue.Reader.TryRead(out PostgresOperation? operation)) batch.Add(operation);
            for (int i = 0; i < batch.Count;)
            {
                int end = i + 1;
                while (end < batch.Count && batch[end].GetType() == batch[i].GetType()) end++;
                List<PostgresOperation> run = batch[i..end];
                if (Stopwatch.GetTimestamp() > Volatile.Read(ref _stopAt)) Fail(run, "the store is closed");
                else if (run[0] is PostgresAppend) await AppendAsync([.. run.Cast<PostgresAppend>()]).ConfigureAwait(false);
                else await ResolveAsync([.. run.Cast<PostgresResolve>()]).ConfigureAwait(false);
                i = end;
            }
            batch.Clear();
        }
        if (_connection is { } connection) await connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task AppendAsync(IReadOnlyList<PostgresAppend> appends)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await AttemptAsync(await ConnectAsync().ConfigureAwait(false), appends).ConfigureAwait(false);
                return;
            }
            catch (Exception e)
            {
                bool wasLost = await CloseAsync(e).ConfigureAwait(false);
                if (attempt < MaxAttempts && (IsDisturbance(e) || (appends.Count == 1 && IsRace(e)))) continue;
                // A connection that was lost while nobody used it shows only now; nothing was committed on it.
                if (attempt == 1 && wasLost) continue;
                if (appends.Count == 1 || PostgresDatabase.IsOutside(e) && !IsOfOneRequest(e))
                {
                    Refuse(appends, e);
                    return;
                }
            }
            foreach (PostgresAppend append in appends) await AppendAsync([append]).ConfigureAwait(false);
            return;
        }
    }

    /// <summary>One transaction for all of them. Whatever it throws has stored nothing and answered nobody but who broke an invariant.</summary>
    private async Task AttemptAsync(PostgresConnection connection, IReadOnlyList<PostgresAppend> appends)
    {
        FenceEvidence[] evidence = [.. appends.Select(static append => append.Request.Fence).OfType<FenceEvidence>().Distinct()];
        if (evidence.Length > 0)
        {
            await using NpgsqlBatch end = connection.Batch();
            await PostgresTables.EndSessionsAsync(end, evidence).ConfigureAwait(false);
        }
        await using NpgsqlBatch begin = connection.Begin();
        PostgresView view = await PostgresTables.ReadAsync(begin, _self, [.. appends.Select(static append => append.Request)]).ConfigureAwait(false);
        var answers = new List<(PostgresAppend Append, AppendResult Result)>(appends.Count);
        int growth = 0;
        foreach (PostgresAppend append in appends)
            if (Decide(append, view) is { } result)
            {
                answers.Add((append, result));
                if (result is AppendResult.Committed) growth += append.Request.EventCount;
            }
        if (view.IsUnchanged)
        {
            await connection.RollbackAsync().ConfigureAwait(false);
        }
        else
        {
            await using NpgsqlBatch write = connection.Batch();
            await PostgresTables.WriteAsync(write, view).ConfigureAwait(false);
            CommitFate fate = await connection.CommitAsync().ConfigureAwait(false);
            if (fate is CommitFate.Refused refused) throw refused.Cause;
            if (fate is CommitFate.Unknown unknown)
            {
                _condition.Failed(unknown.Reason);
                await CloseIfLostAsync().ConfigureAwait(false);
                // A refusal rests on what was decided before it in the same transaction: it may be wrong, but nothing was stored for it.
                foreach ((PostgresAppend append, AppendResult result) in answers)
                    append.Fail(new StoreFailure(unknown.Reason, MayBeStored: result is AppendResult.Committed));
                return;
            }
        }
        _condition.Succeeded(growth);
        foreach ((PostgresAppend append, AppendResult result) in answers) append.Complete(result);
    }

    private AppendResult? Decide(PostgresAppend append, PostgresView view)
    {
        try
        {
            return AppendRules.Decide(append.Request, view, _policy, _self).Match(
                Right: plan =>
                {
                    view.Apply(plan);
                    return plan.Result(_policy);
                },
                Left: static refusal => refusal);
        }
        catch (Exception e)
        {
            // A broken invariant belongs to the caller whose request broke it.
            append.Throw(e);
            return null;
        }
    }

    private async Task ResolveAsync(IReadOnlyList<PostgresResolve> reads, bool isFirst = true)
    {
        try
        {
            PostgresConnection connection = await ConnectAsync().ConfigureAwait(false);
            await using NpgsqlBatch begin = connection.Begin();
            Dictionary<SessionId, LoadResult> found = await PostgresResolving.ReadAsync(begin, _self, reads.Select(static read => read.Stream)).ConfigureAwait(false);
            switch (await connection.CommitAsync().ConfigureAwait(false))
            {
                case CommitFate.Refused refused:
                    throw refused.Cause;
                case CommitFate.Unknown unknown:
                    await CloseIfLostAsync().ConfigureAwait(false);
                    Fail(reads, unknown.Reason);
                    return;
            }
            foreach (PostgresResolve read in reads) read.Complete(found.GetValueOrDefault(read.Stream, new LoadResult.Missing(read.Stream)));
            return;
        }
        catch (Exception e)
        {
            if (!await CloseAsync(e).ConfigureAwait(false) || !isFirst)
            {
                Refuse(reads, e);
                return;
            }
        }
        await ResolveAsync(reads, isFirst: false).ConfigureAwait(false);
    }

    /// <summary>Another transaction was in the way; the same one may pass now.</summary>
    private static bool IsDisturbance(Exception e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    /// <summary>Another node has added the same row since we looked.</summary>
    private static bool IsRace(Exception e) => e is PostgresMismatchException or PostgresException { SqlState: PostgresErrorCodes.UniqueViolation };

    /// <summary>Data that the server does not take (class 22), or that breaks a constraint (23): one request's doing.</summary>
    private static bool IsOfOneRequest(Exception e) =>
        e is PostgresException server && (server.SqlState.StartsWith("22", StringComparison.Ordinal) || server.SqlState.StartsWith("23", StringComparison.Ordinal));

    private void Refuse(IReadOnlyList<PostgresOperation> operations, Exception e)
    {
        if (PostgresDatabase.IsOutside(e) || e is InvalidDataException or PostgresMismatchException)
            Fail(operations, _database.Describe(e));
        else
            foreach (PostgresOperation operation in operations) operation.Throw(e);
    }

    private void Fail(IReadOnlyList<PostgresOperation> operations, string reason)
    {
        _condition.Failed(reason);
        foreach (PostgresOperation operation in operations) operation.Fail(new StoreFailure(reason, MayBeStored: false));
    }

    private async Task<PostgresConnection> ConnectAsync()
    {
        await CloseIfLostAsync().ConfigureAwait(false);
        return _connection ??= await PostgresConnection.OpenAsync(_database).ConfigureAwait(false);
    }

    private async Task CloseIfLostAsync()
    {
        if (_connection is null or { IsUsable: true }) return;
        await _connection.DisposeAsync().ConfigureAwait(false);
        _connection = null;
    }

    /// <summary>After an error: the server ends the transaction with the connection. True if the connection was lost by itself.</summary>
    private async Task<bool> CloseAsync(Exception e)
    {
        if (PostgresDatabase.IsReadOnly(e)) _database.Forget();
        if (_connection is not { } connection) return false;
        bool wasLost = !connection.IsUsable;
        await connection.DisposeAsync().ConfigureAwait(false);
        _connection = null;
        return wasLost;
    }
}
