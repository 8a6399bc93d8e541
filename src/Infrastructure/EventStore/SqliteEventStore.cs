using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What a node needs to open its embedded store.</summary>
/// <param name="Path">The database file; its directory must exist. Beside it lie `.lock` and SQLite's `-wal`.</param>
/// <param name="Node">The node's name.</param>
/// <param name="Wall">The wall clock, for the record of openings.</param>
public sealed record SqliteStoreOptions(string Path, string Node, StorePolicy Policy, IAuditArchive Archive, Func<WallTime> Wall);

/// <summary>
/// The embedded store of one node: SQLite in WAL mode with an fsync for each commit. An append is durable when it returns; one
/// thread writes and commits in groups; no other process can use the file meanwhile.
/// </summary>
public sealed partial class SqliteEventStore : IEventStore, IAuditStore
{
    /// <summary>Streams that one step of <see cref="RetireAsync"/> reads, archives and deletes.</summary>
    private const int RetireBatch = 64;

    private readonly SqliteStoreOptions _options;
    private readonly FileLock _lock;
    private readonly SqliteWriter _writer;

    private SqliteEventStore(SqliteStoreOptions options, FileLock storeLock, SqliteDatabase database, StoreOpening opening, long liveEvents)
    {
        _options = options;
        _lock = storeLock;
        Opening = opening;
        _writer = new(options.Path, database, opening.Incarnation, liveEvents);
    }

    public StoreOpening Opening { get; }

    public StoreStatus Status => new("sqlite", _writer.LiveEvents, _writer.Failure);

    /// <summary>
    /// Opens the store, making it if the file does not exist. Left, in one line that names the file, if another process holds it,
    /// if it is not a store of this version, if it is damaged, or if it cannot be written; then nothing was changed.
    /// </summary>
    public static Either<string, SqliteEventStore> Open(SqliteStoreOptions options) =>
        StoreLock.Acquire(options.Path).Bind(held =>
        {
            Either<string, SqliteEventStore> opened = SqliteFile.Open(options.Path).Bind(database => Enter(options, held, database));
            if (opened.IsLeft) held.Dispose();
            return opened;
        });

    private static Either<string, SqliteEventStore> Enter(SqliteStoreOptions options, FileLock held, SqliteDatabase database)
    {
        try
        {
            (StoreOpening opening, long liveEvents) = SqliteOpening.Enter(database, options.Node, options.Wall());
            return new SqliteEventStore(options, held, database, opening, liveEvents);
        }
        catch (Exception e) when (e is SqliteException or InvalidDataException)
        {
            database.Dispose();
            return $"{options.Path}: {e.Message}";
        }
    }

    public async ValueTask<AppendResult> AppendAsync(AppendRequest request) =>
        await Run<AppendResult>(
            isWrite: true,
            tables => AppendRules.Decide(request, tables, _options.Policy).Match<(AppendResult, int)>(
                Right: plan =>
                {
                    tables.Write(plan);
                    return (plan.Result(_options.Policy), request.EventCount);
                },
                Left: static refusal => (refusal, 0)),
            static failure => failure.MayBeStored ? new AppendResult.Unknown(failure.Reason) : new AppendResult.Unavailable(failure.Reason))
        .ConfigureAwait(false);

    public async ValueTask<LoadResult> LoadAsync(SessionId stream)
    {
        Either<LoadResult, StoredText> read = await Run<Either<LoadResult, StoredText>>(
            isWrite: false,
            tables => (tables.Stream(stream) is { } row ? tables.Texts(row) : new LoadResult.Missing(stream), 0),
            static failure => new LoadResult.Unavailable(failure.Reason)).ConfigureAwait(false);
        return read.Match(Right: static text => text.Check(), Left: static other => other);
    }

    /// <summary>One thread does one thing after the other, and after a commit of unknown fate it answers nothing at all.</summary>
    public ValueTask<LoadResult> ResolveAsync(SessionId stream) => LoadAsync(stream);

    public async ValueTask<Either<string, ImmutableArray<StoredStream>>> ListAsync() =>
        await Run<Either<string, ImmutableArray<StoredStream>>>(
            isWrite: false, static tables => (tables.Streams(), 0), static failure => failure.Reason).ConfigureAwait(false);

    public async ValueTask<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync()
    {
        Either<string, ImmutableArray<StoredText>> read = await Run<Either<string, ImmutableArray<StoredText>>>(
            isWrite: false,
            static tables => (tables.Streams().Where(static row => !row.Summary.Ended).Select(tables.Texts).ToImmutableArray(), 0),
            static failure => failure.Reason).ConfigureAwait(false);
        return read.Map(static texts => texts.Select(static text => text.Check()).ToImmutableArray());
    }

    public async ValueTask<CompactResult> CompactAsync(SessionId stream, long upToVersion, EventDraft snapshot)
    {
        LoadResult loaded = await LoadAsync(stream).ConfigureAwait(false);
        Either<CompactResult, CompactionPlan> decision = loaded switch
        {
            LoadResult.Found found => CompactionRules.Decide(stream, found.History.Envelopes, upToVersion, snapshot),
            LoadResult.Missing => new CompactResult.Missing(stream),
            LoadResult.Corrupt corrupt => new CompactResult.Corrupt(stream, corrupt.Reason),
            LoadResult.Unavailable unavailable => new CompactResult.Unavailable(unavailable.Reason),
            _ => throw new InvalidOperationException($"{loaded.GetType().Name} is no result of a read"),
        };
        if (decision.IsLeft) return (CompactResult)decision;
        var plan = (CompactionPlan)decision;
        if (await _options.Archive.AppendSegmentAsync(plan.Replaced).ConfigureAwait(false) is { } failure)
            return new CompactResult.Unavailable(failure);
        return await Run<CompactResult>(
            isWrite: true,
            tables => tables.Write(plan)
                ? (new CompactResult.Done(plan.Replaced.Length) { Snapshot = plan.Snapshot }, 1 - plan.Replaced.Length)
                : (new CompactResult.NotThere(stream, upToVersion), 0),
            static lost => new CompactResult.Unavailable(lost.Reason)).ConfigureAwait(false);
    }

    public async ValueTask<RetireResult> RetireAsync(Instant now)
    {
        Instant until = CompactionRules.RetireUntil(now, _options.Policy);
        (Instant, SessionId) position = (new(long.MinValue), default);
        string? failure = null;
        int retired = 0;
        while (true)
        {
            (Instant, SessionId) after = position;
            Either<string, ImmutableArray<StoredText>> read = await Run<Either<string, ImmutableArray<StoredText>>>(
                isWrite: false,
                tables => (tables.Ended(until, after, RetireBatch).Select(tables.Texts).ToImmutableArray(), 0),
                static lost => lost.Reason).ConfigureAwait(false);
            if (read.IsLeft) return new(retired, (string)read);
            var due = (ImmutableArray<StoredText>)read;
            if (due.IsEmpty) break;
            position = (due[^1].Row.EndedAt, due[^1].Row.Head.Stream);

            ImmutableArray<LoadResult> loaded = [.. due.Select(static text => text.Check())];
            failure = loaded.OfType<LoadResult.Corrupt>().Select(static corrupt => corrupt.Reason).FirstOrDefault(failure);
            StreamHistory[] whole = [.. loaded.OfType<LoadResult.Found>().Select(static found => found.History)];
            if (whole.Length == 0) continue;
            ImmutableArray<EventEnvelope> envelopes = [.. whole.SelectMany(static history => history.Envelopes)];
            string? refused = await _options.Archive.AppendSegmentAsync(envelopes).ConfigureAwait(false)
                ?? await DeleteAsync(whole).ConfigureAwait(false);
            if (refused is not null) return new(retired, refused);
            retired += whole.Length;
        }
        string? idle = await Run<string?>(
            isWrite: true,
            tables =>
            {
                tables.ForgetIdleClients(now);
                return (null, 0);
            },
            static lost => lost.Reason).ConfigureAwait(false);
        return new(retired, failure ?? idle);
    }

    public async ValueTask<bool> CheckpointAsync(Instant now) =>
        await Run(
            isWrite: true,
            tables =>
            {
                tables.Checkpoint(now, 0);
                return (true, 0);
            },
            static _ => false).ConfigureAwait(false);

    /// <summary>Finishes what was asked for, closes the file and gives up the lock.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync().ConfigureAwait(false);
        _lock.Dispose();
    }

    private Task<string?> DeleteAsync(StreamHistory[] histories) => Run<string?>(
        isWrite: true,
        tables => (null, -histories.Where(history => tables.Delete(history.Stream)).Sum(static history => history.Envelopes.Length)),
        static lost => lost.Reason);

    private Task<T> Run<T>(bool isWrite, Func<SqliteTables, (T, int)> body, Func<StoreFailure, T> failed)
    {
        var operation = new SqliteOperation<T>(isWrite, body, failed);
        _writer.Enqueue(operation);
        return operation.Answer;
    }
}
