using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// One incarnation's hold on the store: all its connections carry its name, so that whoever fences it can end them.
/// </summary>
internal sealed class PostgresIncarnation : IAsyncDisposable
{
    /// <summary>Followed by the incarnation in full: the name of its connections.</summary>
    public const string ApplicationPrefix = "jumping-vpn ";

    private const string LockOwn = "SELECT 1 FROM jv_nodes WHERE incarnation = $1 FOR UPDATE";

    private const string FenceOwn = "UPDATE jv_nodes SET fenced = true WHERE incarnation = $1";

    private const string LockStream = "SELECT 1 FROM mt_streams WHERE id = $1 FOR UPDATE";

    private const string Mark =
        $"""
        UPDATE jv_sessions SET wanted_by = $2
        WHERE stream_id = $1 AND ended_at IS NULL AND owner_incarnation <> $2
            AND EXISTS (SELECT 1 FROM jv_nodes WHERE incarnation = $2 AND NOT fenced)
            AND EXISTS (SELECT 1 FROM mt_streams WHERE id = $1 AND version = $3)
        RETURNING pg_notify('{PostgresChannels.Prefix}' || owner_incarnation, '{PostgresChannels.WantedPrefix}' || stream_id)
        """;

    /// <summary>What was read is not true any more, or there is nobody to ask: who asks hears of it as of a release.</summary>
    private const string TellIfOld =
        $"""
        SELECT pg_notify('{PostgresChannels.Prefix}' || $2, '{PostgresChannels.ReleasedPrefix}' || $1)
        WHERE NOT EXISTS (
            SELECT 1 FROM jv_sessions JOIN mt_streams ON id = stream_id
            WHERE stream_id = $1 AND ended_at IS NULL AND owner_incarnation IS NOT NULL AND version = $3)
        """;

    private const string MayWant =
        """
        SELECT EXISTS (SELECT 1 FROM jv_sessions WHERE stream_id = $1 AND ended_at IS NULL)
            AND EXISTS (SELECT 1 FROM jv_nodes WHERE incarnation = $2 AND NOT fenced)
        """;

    private readonly PostgresLease _lease;
    private readonly PostgresListener? _listener;

    public PostgresIncarnation(PostgresDatabase database, StoreOpening opening, PostgresStoreOptions options, PostgresCondition condition)
    {
        Database = database;
        Opening = opening;
        Writer = new(database, opening.Incarnation, options.Policy, condition);
        _lease = new(database, opening.Incarnation, (options.Settings?.Lease ?? LeaseTimes.Default).Lease / 2);
        if (options.Notice is { } notice) _listener = new(database, opening.Incarnation, notice);
    }

    public PostgresDatabase Database { get; }

    public StoreOpening Opening { get; }

    public PostgresWriter Writer { get; }

    private string Id => Opening.Incarnation.ToString();

    public Task<Renewal> RenewAsync(Instant serviceTime) => _lease.RenewAsync(serviceTime);

    public async Task<bool> LeaveAsync()
    {
        await using PostgresConnection connection = await PostgresConnection.OpenAsync(Database).ConfigureAwait(false);
        await using NpgsqlBatch batch = connection.Begin().With(LockOwn, Id).With(FenceOwn, Id);
        return await connection.CommitAsync(batch).ConfigureAwait(false) is CommitFate.Stored;
    }

    public async Task<bool> WantAsync(SessionId session, long version)
    {
        string id = session.ToString();
        await using PostgresConnection connection = await PostgresConnection.OpenAsync(Database).ConfigureAwait(false);
        await using NpgsqlBatch batch = connection.Begin()
            .With(PostgresTables.HoldIncarnation, Id).With(LockStream, id).With(Mark, id, Id, version).With(TellIfOld, id, Id, version).With(MayWant, id, Id);
        bool mayWant = false;
        CommitFate fate = await connection.CommitAsync(batch, async reader =>
        {
            for (int result = 0; result < 4; result++) await reader.NextResultAsync().ConfigureAwait(false);
            mayWant = await reader.ReadAsync().ConfigureAwait(false) && reader.GetBoolean(0);
        }).ConfigureAwait(false);
        return mayWant && fate is CommitFate.Stored;
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync().ConfigureAwait(false);
        await _lease.DisposeAsync().ConfigureAwait(false);
        if (_listener is { } listener) await listener.DisposeAsync().ConfigureAwait(false);
        await Database.DisposeAsync().ConfigureAwait(false);
    }
}
