using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Enters a new incarnation, with the fencing of its predecessors, in one transaction.</summary>
internal static class PostgresEntry
{
    private const string Predecessors =
        $"SELECT {PostgresRows.NodeColumns}, place, host FROM jv_nodes WHERE node = $1 AND NOT fenced ORDER BY incarnation";

    private const string Fence = "UPDATE jv_nodes SET fenced = true WHERE incarnation = ANY($1)";

    private const string Enter =
        """
        WITH store AS (
            UPDATE jv_store SET openings = openings + 1,
                service_time = greatest(service_time, (SELECT max(last_time) FROM jv_sessions))
            RETURNING openings, service_time
        )
        INSERT INTO jv_nodes (incarnation, node, place, host, opening, opened_at, opened)
        SELECT $1, $2, $3, $4, openings, service_time, $5 FROM store
        RETURNING opening, opened_at, (SELECT coalesce(sum(live_events), 0)::bigint FROM jv_sessions)
        """;

    /// <summary>Others may be entering.</summary>
    private static readonly string[] Patience = ["SET LOCAL lock_timeout = '5s'", "SET LOCAL statement_timeout = '6s'"];

    private const int EntrySeconds = 8;

    private sealed record Predecessor(NodeRow Row, string Place, string Host);

    /// <param name="condition">Learns how many events the store holds.</param>
    public static async Task<EnterResult> EnterAsync(
        PostgresDatabase database, PostgresStoreOptions options, IncarnationId incarnation, FenceEvidence? evidence, PostgresCondition condition)
    {
        try
        {
            await using PostgresConnection connection = await PostgresConnection.OpenAsync(database).ConfigureAwait(false);
            // Their database sessions end first, or a transaction that one of them left open would keep us waiting for its lock.
            Predecessor[] former;
            await using (NpgsqlBatch look = connection.Batch().With(Predecessors, options.Identity.Node)) former = await ReadAsync(look).ConfigureAwait(false);
            if (Busy(former, options.Identity, evidence) is { } busy) return busy;
            if (former.Length > 0)
            {
                await using NpgsqlBatch end = connection.Batch();
                await PostgresTables.EndSessionsAsync(end, [.. former.Select(static known => new FenceEvidence(known.Row.Owner, known.Row.Number))]).ConfigureAwait(false);
            }
            return await EnterAsync(connection, database, options, incarnation, evidence, condition).ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e) || e is InvalidDataException)
        {
            return new EnterResult.Failed(database.Describe(e));
        }
    }

    private static async Task<EnterResult> EnterAsync(
        PostgresConnection connection, PostgresDatabase database, PostgresStoreOptions options, IncarnationId incarnation, FenceEvidence? evidence,
        PostgresCondition condition)
    {
        NodeIdentity identity = options.Identity;
        await using (NpgsqlBatch begin = connection.Begin())
        {
            begin.Timeout = EntrySeconds;
            foreach (string statement in Patience) begin.With(statement);
            await begin.With(PostgresOpening.LockStore, options.Schema).ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        Predecessor[] former;
        await using (NpgsqlBatch read = connection.Batch().With(Predecessors + " FOR UPDATE", identity.Node)) former = await ReadAsync(read).ConfigureAwait(false);
        await using NpgsqlBatch last = connection.Batch();
        EnterResult? refusal = Busy(former, identity, evidence);
        if (refusal is null && options.Settings is { } settings
            && await PostgresSettings.AgreeAsync(connection, settings, identity, (sql, values) => last.With(sql, values)).ConfigureAwait(false) is { } differs)
            refusal = new EnterResult.Failed($"{database.Name}: {differs}");
        if (refusal is not null)
        {
            await connection.RollbackAsync().ConfigureAwait(false);
            return refusal;
        }
        StoreOpening? opening = null;
        last.With(Fence, [former.Select(static known => known.Row.Owner.Incarnation.ToString()).ToArray()])
            .With(Enter, incarnation.ToString(), identity.Node, identity.Place, identity.Where, Columns.Calendar(options.Wall()));
        CommitFate fate = await connection.CommitAsync(last, async reader =>
        {
            if (!await reader.ReadAsync().ConfigureAwait(false)) throw new InvalidDataException("the store's own row is missing");
            opening = new(incarnation, reader.GetInt64(0), new Instant(reader.GetInt64(1)));
            condition.Counted(reader.GetInt64(2));
        }).ConfigureAwait(false);
        return fate switch
        {
            CommitFate.Stored => new EnterResult.Entered(opening!),
            CommitFate.Unknown unknown => new EnterResult.Failed(unknown.Reason),
            CommitFate.Refused refused => throw refused.Cause,
            _ => throw new InvalidOperationException("a commit's fate that is none of the known ones"),
        };
    }

    /// <summary>The first of the node's incarnations that is not known to be dead.</summary>
    private static EnterResult? Busy(Predecessor[] former, NodeIdentity identity, FenceEvidence? evidence)
    {
        foreach (Predecessor known in former)
        {
            bool isDead = identity.Place.Length > 0 && known.Place == identity.Place;
            bool stoodStill = evidence is { } watched && watched.Owner == known.Row.Owner && watched.Number == known.Row.Number;
            if (!isDead && !stoodStill) return new EnterResult.Busy(known.Row, known.Host);
        }
        return null;
    }

    private static async Task<Predecessor[]> ReadAsync(NpgsqlBatch batch)
    {
        var found = new List<Predecessor>();
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync().ConfigureAwait(false);
        while (await reader.ReadAsync().ConfigureAwait(false)) found.Add(new(PostgresRows.Node(reader), reader.GetString(4), reader.GetString(5)));
        return [.. found];
    }
}
