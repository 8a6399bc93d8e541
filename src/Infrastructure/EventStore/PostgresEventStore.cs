using System.Collections.Immutable;
using System.Security.Cryptography;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The store of a cluster, on PostgreSQL. Reads need no entry; whatever writes for a session does. A read shows what had been committed
/// when it was called for; <see cref="ResolveAsync"/> alone waits for what is still on its way.
/// </summary>
public sealed partial class PostgresEventStore : IClusterStore
{
    /// <summary>Raises the service clock.</summary>
    internal const string Checkpoint = "UPDATE jv_store SET service_time = greatest(service_time, $1)";

    private const string NotEntered = "the node has not entered the store";

    private readonly PostgresStoreOptions _options;
    private readonly PostgresDatabase _database;
    private readonly PostgresCondition _condition = new();
    private readonly PostgresReader _reader;
    private readonly PostgresLoader _loader;
    private readonly PostgresRegistry _registry;
    private readonly SemaphoreSlim _entering = new(1, 1);
    private volatile PostgresIncarnation? _entered;

    private PostgresEventStore(PostgresStoreOptions options, PostgresDatabase database)
    {
        _options = options;
        _database = database;
        _reader = new(database, _condition);
        _loader = new(_reader);
        _registry = new(database, _reader);
    }

    public Owner Self => new(_options.Identity.Node, Opening.Incarnation);

    public StoreOpening Opening => _entered?.Opening ?? throw new InvalidOperationException(NotEntered);

    public StoreStatus Status => new("postgres", _condition.LiveEvents, _condition.Failure);

    /// <summary>
    /// Connects, makes or upgrades the schema, and compares what all nodes must agree on. Left, in one line that names the database, if
    /// it cannot be reached or used, if a newer program made the schema, or if the node does not fit into the cluster.
    /// </summary>
    public static async Task<Either<string, PostgresEventStore>> OpenAsync(PostgresStoreOptions options)
    {
        Either<string, PostgresDatabase> created = PostgresDatabase.Create(options.ConnectionString, options.Schema, "jumping-vpn");
        if (created.IsLeft) return (string)created;
        var database = (PostgresDatabase)created;
        if (await PostgresOpening.OpenAsync(database, options).ConfigureAwait(false) is not { } problem) return new PostgresEventStore(options, database);
        await database.DisposeAsync().ConfigureAwait(false);
        return problem;
    }

    public async ValueTask<EnterResult> EnterAsync(FenceEvidence? evidence)
    {
        await _entering.WaitAsync().ConfigureAwait(false);
        try
        {
            IncarnationId incarnation = IncarnationId.Read(RandomNumberGenerator.GetBytes(IncarnationId.Size));
            EnterResult result = await PostgresEntry.EnterAsync(_database, _options, incarnation, evidence, _condition).ConfigureAwait(false);
            if (result is not EnterResult.Entered entered) return result;
            PostgresIncarnation? former = _entered;
            var connections = (PostgresDatabase)PostgresDatabase.Create(
                _options.ConnectionString, _options.Schema, PostgresIncarnation.ApplicationPrefix + incarnation);
            _entered = new(connections, entered.Opening, _options, _condition);
            if (former is not null) await former.DisposeAsync().ConfigureAwait(false);
            return result;
        }
        finally
        {
            _entering.Release();
        }
    }

    public async ValueTask<Renewal> RenewAsync(Instant serviceTime) =>
        _entered is { } entered ? await entered.RenewAsync(serviceTime).ConfigureAwait(false) : new Renewal.Failed(NotEntered);

    public ValueTask<bool> LeaveAsync() => Try(static entered => entered.LeaveAsync());

    public ValueTask<bool> WantAsync(SessionId session, long version) => Try(entered => entered.WantAsync(session, version));

    public async ValueTask<AppendResult> AppendAsync(AppendRequest request)
    {
        if (_entered is not { } entered) return new AppendResult.Fenced();
        var append = new PostgresAppend(request);
        entered.Writer.Enqueue(append);
        return await append.Answer.ConfigureAwait(false);
    }

    public async ValueTask<LoadResult> LoadAsync(SessionId stream) => await _loader.LoadAsync(stream).ConfigureAwait(false);

    public async ValueTask<LoadResult> ResolveAsync(SessionId stream)
    {
        if (_entered is not { } entered) return new LoadResult.Unavailable(NotEntered);
        var resolve = new PostgresResolve(stream);
        entered.Writer.Enqueue(resolve);
        return await resolve.Answer.ConfigureAwait(false);
    }

    public async ValueTask<LoadResult> LoadClientAsync(PublicKey client)
    {
        Either<string, ImmutableArray<LoadResult>> read = await _reader.LoadClientAsync(client).ConfigureAwait(false);
        return read.Match(
            Right: static found => found.FirstOrDefault() ?? new LoadResult.Missing(default), Left: static LoadResult (reason) => new LoadResult.Unavailable(reason));
    }

    public async ValueTask<Either<string, ImmutableArray<StoredStream>>> ListAsync() => await _reader.ListAsync().ConfigureAwait(false);

    public async ValueTask<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync() => await _reader.LoadAllLiveAsync().ConfigureAwait(false);

    public async ValueTask<Either<string, ImmutableArray<SessionId>>> OrphansAsync(Instant now, ImmutableArray<IncarnationId> gone, SessionId after, int limit) =>
        await _reader.OrphansAsync(now, gone, after, limit).ConfigureAwait(false);

    public async ValueTask<CompactResult> CompactAsync(SessionId stream, long upToVersion, EventDraft snapshot)
    {
        if (_entered is not { } entered) return new CompactResult.Unavailable(NotEntered);
        LoadResult loaded = await LoadAsync(stream).ConfigureAwait(false);
        return await Maintenance(entered).CompactAsync(loaded, stream, upToVersion, snapshot).ConfigureAwait(false);
    }

    public async ValueTask<RetireResult> RetireAsync(Instant now) =>
        _entered is { } entered ? await Maintenance(entered).RetireAsync(now).ConfigureAwait(false) : new(0, NotEntered);

    public async ValueTask<bool> CheckpointAsync(Instant now)
    {
        try
        {
            await using PostgresConnection connection = await PostgresConnection.OpenAsync(_database).ConfigureAwait(false);
            await using NpgsqlBatch batch = connection.Begin().With(Checkpoint, now.Ticks);
            return await connection.CommitAsync(batch).ConfigureAwait(false) is CommitFate.Stored;
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            _condition.Failed(_database.Describe(e));
            return false;
        }
    }

    public async ValueTask<Either<string, StoredRegistry>> LoadRegistryAsync() => await _registry.LoadAsync().ConfigureAwait(false);

    public async ValueTask<string?> AddClientAsync(RegistryEntry client) => await _registry.AddAsync(client).ConfigureAwait(false);

    public async ValueTask<string?> RemoveClientAsync(string name) => await _registry.RemoveAsync(name).ConfigureAwait(false);

    /// <summary>Finishes what was asked for and closes the connections. The incarnation stays as it is: <see cref="LeaveAsync"/> ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_entered is { } entered) await entered.DisposeAsync().ConfigureAwait(false);
        await _loader.DisposeAsync().ConfigureAwait(false);
        await _database.DisposeAsync().ConfigureAwait(false);
        _entering.Dispose();
    }

    private PostgresMaintenance Maintenance(PostgresIncarnation entered) =>
        new(entered.Database, entered.Opening.Incarnation, _reader, _options, _condition);

    private async ValueTask<bool> Try(Func<PostgresIncarnation, Task<bool>> write)
    {
        if (_entered is not { } entered) return false;
        try
        {
            return await write(entered).ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            _condition.Failed(entered.Database.Describe(e));
            return false;
        }
    }
}
