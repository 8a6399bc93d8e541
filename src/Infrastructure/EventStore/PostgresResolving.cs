using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What became of appends whose commits were not answered.</summary>
internal static class PostgresResolving
{
    // Every transaction of ours that still runs in the server shares the row's key until it ends: this waits for all of them.
    private const string WaitForOwn = "SELECT 1 FROM jv_nodes WHERE incarnation = $1 FOR UPDATE";

    private const string Load = $"SELECT {PostgresRows.StreamColumns}, {PostgresRows.Texts} {PostgresRows.Joined} WHERE s.id = ANY($1)";

    // A write of its own: its commit is acknowledged only by a server that still is the primary and has its standbys.
    private const string Mark = "UPDATE jv_nodes SET resolved = resolved + 1 WHERE incarnation = $1";

    private const string MarkForgotten = "UPDATE jv_store SET service_time = service_time";

    /// <summary>
    /// Reads streams in a transaction that <paramref name="begin"/> has opened. The answer holds only once that has been committed.
    /// </summary>
    public static async Task<Dictionary<SessionId, LoadResult>> ReadAsync(NpgsqlBatch begin, IncarnationId self, IEnumerable<SessionId> streams)
    {
        string[] ids = [.. streams.Select(static stream => stream.ToString()).Distinct()];
        begin.With(WaitForOwn, self.ToString()).With(Load, [ids]).With(Mark, self.ToString());
        var found = new Dictionary<SessionId, LoadResult>();
        await using (NpgsqlDataReader reader = await begin.ExecuteReaderAsync().ConfigureAwait(false))
        {
            await PostgresTables.ReadAllAsync(reader, static _ => { }).ConfigureAwait(false);
            await PostgresTables.ReadAllAsync(reader, row => found[PostgresLoader.IdOf(row)] = PostgresRows.Load(row)).ConfigureAwait(false);
        }
        if (begin.BatchCommands[^1].RecordsAffected == 1) return found;
        // The row goes once the incarnation is fenced and owns nothing. Who fenced it has waited in our place.
        await using NpgsqlBatch mark = new(begin.Connection!);
        await mark.With(MarkForgotten).ExecuteNonQueryAsync().ConfigureAwait(false);
        return found;
    }
}
