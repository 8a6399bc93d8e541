using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Renewals, on a connection of their own: they wait behind nothing. One that takes too long has failed for its caller and ends by
/// itself; the next one takes another connection.
/// </summary>
internal sealed class PostgresLease(PostgresDatabase database, IncarnationId self, TimeSpan patience) : IAsyncDisposable
{
    // One statement, and so one round trip, which the server finishes even if this process stands still meanwhile.
    private const string RenewAndRead =
        """
        WITH own AS (UPDATE jv_nodes SET number = number + 1 WHERE incarnation = $1 AND NOT fenced RETURNING 1),
            store AS (
                UPDATE jv_store SET service_time = greatest(service_time, $2) FROM own RETURNING jv_store.service_time, jv_store.registry_revision
            )
        SELECT store.service_time, store.registry_revision,
            ARRAY(SELECT stream_id FROM jv_sessions WHERE owner_incarnation = $1 AND wanted_by IS NOT NULL AND ended_at IS NULL ORDER BY stream_id),
            other.incarnation, other.node, other.number, other.fenced
        FROM store LEFT JOIN jv_nodes other ON other.incarnation <> $1 AND (
            NOT other.fenced OR EXISTS (SELECT 1 FROM jv_sessions WHERE owner_incarnation = other.incarnation AND ended_at IS NULL))
        ORDER BY other.incarnation
        """;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private Task<NpgsqlConnection>? _connection;
    private Task? _last;

    /// <summary>For one caller at a time.</summary>
    public async Task<Renewal> RenewAsync(Instant serviceTime)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            // A connection that is busy with a renewal which nobody waits for any more may never answer again.
            if (_last is { IsCompleted: false } running) GiveUp(running);
            Task<Renewal> renewal = RenewWithoutLimitAsync(serviceTime);
            _last = renewal;
            return await Task.WhenAny(renewal, Task.Delay(patience)).ConfigureAwait(false) == renewal
                ? await renewal.ConfigureAwait(false)
                : new Renewal.Failed($"{database.Name}: no answer to a renewal within {patience.TotalMilliseconds:0} ms");
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_last is { IsCompleted: false } running) GiveUp(running);
        if (_connection is { } connection) await CloseAsync(connection).ConfigureAwait(false);
    }

    private async Task<Renewal> RenewWithoutLimitAsync(Instant serviceTime)
    {
        bool isUsed = _connection is not null;
        Task<NpgsqlConnection> opening = _connection ??= database.OpenAloneAsync();
        try
        {
            NpgsqlConnection connection = await opening.ConfigureAwait(false);
            await using NpgsqlCommand command = connection.Command(RenewAndRead, self.ToString(), serviceTime.Ticks);
            // A commit that no standby has confirmed counts for nothing: after a failover the others may never see this number.
            string? warning = null;
            void Heed(object sender, NpgsqlNoticeEventArgs arguments) => warning = arguments.Notice.MessageText;
            connection.Notice += Heed;
            Renewal renewal;
            await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync().ConfigureAwait(false))
            {
                renewal = await ReadAsync(reader).ConfigureAwait(false);
                // To the very end, which comes after the commit; a reader that is only disposed keeps an error to itself.
                while (await reader.NextResultAsync().ConfigureAwait(false))
                {
                }
            }
            connection.Notice -= Heed;
            return warning is null ? renewal : new Renewal.Failed($"{database.Name}: {warning}");
        }
        catch (Exception e)
        {
            // Whatever it is, the lease is not renewed.
            bool isCurrent = ReferenceEquals(_connection, opening);
            bool isLost = isUsed && isCurrent && opening is { IsCompletedSuccessfully: true, Result.FullState: not System.Data.ConnectionState.Open };
            if (isCurrent) _connection = null;
            await CloseAsync(opening).ConfigureAwait(false);
            if (PostgresDatabase.IsReadOnly(e)) database.Forget();
            // A connection that was lost while nobody used it shows only now.
            if (isLost) return await RenewWithoutLimitAsync(serviceTime).ConfigureAwait(false);
            return new Renewal.Failed(database.Describe(e));
        }
    }

    private static async Task<Renewal> ReadAsync(NpgsqlDataReader reader)
    {
        if (!await reader.ReadAsync().ConfigureAwait(false)) return new Renewal.Fenced();
        Instant serviceTime = new(reader.GetInt64(0));
        long revision = reader.GetInt64(1);
        ImmutableArray<SessionId> wanted = PostgresRows.Sessions(reader.GetFieldValue<string[]>(2));
        ImmutableArray<NodeRow>.Builder others = ImmutableArray.CreateBuilder<NodeRow>();
        do
        {
            if (!reader.IsDBNull(3)) others.Add(PostgresRows.Node(reader, 3));
        }
        while (await reader.ReadAsync().ConfigureAwait(false));
        return new Renewal.Renewed(serviceTime, revision, others.ToImmutable(), wanted);
    }

    /// <summary>Leaves a connection to its own timeouts; it closes when they are over.</summary>
    private void GiveUp(Task running)
    {
        if (_connection is { } connection) _ = CloseAfterAsync(running, connection);
        _connection = null;
        _last = null;
    }

    private static async Task CloseAfterAsync(Task running, Task<NpgsqlConnection> connection)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync(connection).ConfigureAwait(false);
    }

    private static async Task CloseAsync(Task<NpgsqlConnection> opening)
    {
        try
        {
            NpgsqlConnection connection = await opening.ConfigureAwait(false);
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            // It never opened, or is gone already.
        }
    }
}
