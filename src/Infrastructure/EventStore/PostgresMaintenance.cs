using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Compaction and retirement: what leaves the database is durable in the archive before.</summary>
internal sealed class PostgresMaintenance(
    PostgresDatabase database, IncarnationId self, PostgresReader reads, PostgresStoreOptions options, PostgresCondition condition)
{
    /// <summary>Streams that one step of a retirement reads, archives and deletes.</summary>
    private const int RetireBatch = 64;

    private const string LockStream = "SELECT 1 FROM mt_streams WHERE id = $1 FOR UPDATE";

    private const string IdAt = "SELECT id FROM mt_events WHERE stream_id = $1 AND version = $2";

    private const string DeleteBefore = "DELETE FROM mt_events WHERE stream_id = $1 AND version < $2";

    // As Marten compacts: the snapshot stands at the last event's version and number.
    private const string Replace = "UPDATE mt_events SET id = $3, data = $4::jsonb, type = $5, timestamp = $6 WHERE stream_id = $1 AND version = $2";

    private const string Recount = "UPDATE jv_sessions SET live_events = (SELECT count(*) FROM mt_events e WHERE e.stream_id = $1) WHERE stream_id = $1";

    private const string Delete =
        "DELETE FROM mt_streams s USING jv_sessions j WHERE s.id = ANY($1) AND j.stream_id = s.id AND j.ended_at IS NOT NULL";

    private const string ForgetClients =
        "DELETE FROM jv_clients c WHERE day < $1 AND NOT EXISTS (SELECT 1 FROM mt_streams s WHERE s.id = c.session)";

    private const string ForgetIncarnations =
        """
        DELETE FROM jv_nodes n WHERE fenced AND incarnation <> $1
            AND NOT EXISTS (SELECT 1 FROM jv_sessions j WHERE j.owner_incarnation = n.incarnation AND j.ended_at IS NULL)
        """;

    private const string Count = "SELECT coalesce(sum(live_events), 0)::bigint FROM jv_sessions";

    private const string TryRetire = "SELECT pg_try_advisory_lock(hashtextextended('jumping-vpn retirement ' || $1, 0))";

    private const string StopRetiring = "SELECT pg_advisory_unlock(hashtextextended('jumping-vpn retirement ' || $1, 0))";

    public async Task<CompactResult> CompactAsync(LoadResult loaded, SessionId stream, long upToVersion, EventDraft snapshot)
    {
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
        if (await options.Archive.AppendSegmentAsync(plan.Replaced).ConfigureAwait(false) is { } failure) return new CompactResult.Unavailable(failure);
        try
        {
            return await ReplaceAsync(plan).ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e) || e is PostgresMismatchException)
        {
            return new CompactResult.Unavailable(Failed(e));
        }
    }

    public async Task<RetireResult> RetireAsync(Instant now)
    {
        try
        {
            await using NpgsqlConnection turn = await database.OpenAloneAsync().ConfigureAwait(false);
            // Another node is at it: what leaves the store should stand in one archive.
            if (!await turn.ScalarAsync<bool>(TryRetire, options.Schema).ConfigureAwait(false)) return new(0, null);
            RetireResult result = await RetireInTurnAsync(now).ConfigureAwait(false);
            await turn.ExecuteAsync(StopRetiring, options.Schema).ConfigureAwait(false);
            return result;
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            return new(0, Failed(e));
        }
    }

    private async Task<CompactResult> ReplaceAsync(CompactionPlan plan)
    {
        EventEnvelope snapshot = plan.Snapshot;
        string id = snapshot.Stream.ToString();
        await using PostgresConnection connection = await PostgresConnection.OpenAsync(database).ConfigureAwait(false);
        await using NpgsqlBatch begin = connection.Begin()
            .With(PostgresTables.HoldIncarnation, self.ToString()).With(LockStream, id).With(IdAt, id, snapshot.Version);
        bool mayWrite = false, isThere = false;
        await using (NpgsqlDataReader reader = await begin.ExecuteReaderAsync().ConfigureAwait(false))
        {
            await PostgresTables.ReadAllAsync(reader, row => mayWrite = !PostgresRows.Node(row).IsFenced).ConfigureAwait(false);
            await PostgresTables.ReadAllAsync(reader, static _ => { }).ConfigureAwait(false);
            await PostgresTables.ReadAllAsync(reader, row => isThere = row.GetGuid(0) == plan.Replaced[^1].EventId).ConfigureAwait(false);
        }
        if (!mayWrite || !isThere)
        {
            await connection.RollbackAsync().ConfigureAwait(false);
            return mayWrite ? new CompactResult.NotThere(snapshot.Stream, snapshot.Version) : new CompactResult.Unavailable("this node's incarnation is fenced");
        }
        await using NpgsqlBatch write = connection.Batch()
            .With(DeleteBefore, id, snapshot.Version)
            .With(Replace, id, snapshot.Version, snapshot.EventId, snapshot.ToText(), snapshot.Alias, Columns.Calendar(snapshot.Draft.Wall))
            .With(Recount, id);
        int[] counts = await PostgresConnection.RunAsync(write).ConfigureAwait(false);
        if (counts[0] != plan.Replaced.Length - 1 || counts[1] != 1 || counts[2] != 1) throw new PostgresMismatchException($"session {id}");
        switch (await connection.CommitAsync().ConfigureAwait(false))
        {
            case CommitFate.Refused refused:
                throw refused.Cause;
            case CommitFate.Unknown unknown:
                condition.Failed(unknown.Reason);
                return new CompactResult.Unavailable(unknown.Reason);
        }
        condition.Succeeded(1 - plan.Replaced.Length);
        return new CompactResult.Done(plan.Replaced.Length) { Snapshot = snapshot };
    }

    private async Task<RetireResult> RetireInTurnAsync(Instant now)
    {
        Instant until = CompactionRules.RetireUntil(now, options.Policy);
        (Instant, SessionId) position = (new(long.MinValue), default);
        string? failure = null;
        int retired = 0;
        while (true)
        {
            Either<string, ImmutableArray<StoredText>> read = await reads.EndedAsync(until, position, RetireBatch).ConfigureAwait(false);
            if (read.IsLeft) return new(retired, (string)read);
            var due = (ImmutableArray<StoredText>)read;
            if (due.IsEmpty) break;
            position = (due[^1].Row.EndedAt, due[^1].Row.Head.Stream);

            ImmutableArray<LoadResult> loaded = [.. due.Select(static text => text.Check())];
            failure = loaded.OfType<LoadResult.Corrupt>().Select(static corrupt => corrupt.Reason).FirstOrDefault(failure);
            StreamHistory[] whole = [.. loaded.OfType<LoadResult.Found>().Select(static found => found.History)];
            if (whole.Length == 0) continue;
            ImmutableArray<EventEnvelope> envelopes = [.. whole.SelectMany(static history => history.Envelopes)];
            string[] ids = [.. whole.Select(static history => history.Stream.ToString())];
            string? refused = await options.Archive.AppendSegmentAsync(envelopes).ConfigureAwait(false)
                // The clock goes along: the latest time of a session that is gone still counts. Last, because all nodes renew through its row.
                ?? await WriteAsync(batch => batch.With(Delete, [ids]).With(PostgresEventStore.Checkpoint, now.Ticks)).ConfigureAwait(false);
            if (refused is not null) return new(retired, refused);
            retired += whole.Length;
        }
        string? idle = await WriteAsync(batch => batch.With(ForgetClients, StoredClient.DayOf(now)).With(ForgetIncarnations, self.ToString())).ConfigureAwait(false);
        Either<string, ImmutableArray<long>> counted = await reads.ReadAsync(static row => row.GetInt64(0), Count).ConfigureAwait(false);
        if (counted.IsRight) condition.Counted(((ImmutableArray<long>)counted)[0]);
        return new(retired, failure ?? idle);
    }

    /// <summary>A transaction of this incarnation; null once it is durable, otherwise why not.</summary>
    private async Task<string?> WriteAsync(Action<NpgsqlBatch> statements)
    {
        try
        {
            await using PostgresConnection connection = await PostgresConnection.OpenAsync(database).ConfigureAwait(false);
            await using NpgsqlBatch begin = connection.Begin().With(PostgresTables.HoldIncarnation, self.ToString());
            bool mayWrite = false;
            await using (NpgsqlDataReader reader = await begin.ExecuteReaderAsync().ConfigureAwait(false))
                await PostgresTables.ReadAllAsync(reader, row => mayWrite = !PostgresRows.Node(row).IsFenced).ConfigureAwait(false);
            if (!mayWrite)
            {
                await connection.RollbackAsync().ConfigureAwait(false);
                return "this node's incarnation is fenced";
            }
            await using NpgsqlBatch last = connection.Batch();
            statements(last);
            return await connection.CommitAsync(last).ConfigureAwait(false) switch
            {
                CommitFate.Stored => null,
                CommitFate.Unknown unknown => unknown.Reason,
                CommitFate.Refused refused => Failed(refused.Cause),
                _ => throw new InvalidOperationException("a commit's fate that is none of the known ones"),
            };
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            return Failed(e);
        }
    }

    private string Failed(Exception e)
    {
        string reason = database.Describe(e);
        condition.Failed(reason);
        return reason;
    }
}
