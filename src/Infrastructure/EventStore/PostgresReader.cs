using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Reads that lock nothing. One whose connection turns out to be dead is tried once more on another.</summary>
internal sealed class PostgresReader(PostgresDatabase database, PostgresCondition condition)
{
    /// <summary>Streams that are read with their events by one statement, so that none takes long.</summary>
    public const int PageSize = 256;

    private const string WithTexts = $"SELECT {PostgresRows.StreamColumns}, {PostgresRows.Texts} {PostgresRows.Joined}";

    private const string ByIds = $"{WithTexts} WHERE s.id = ANY($1)";

    private const string LivePage = $"{WithTexts} WHERE s.id > $1 AND j.ended_at IS NULL ORDER BY s.id LIMIT $2";

    private const string EndedPage =
        $"{WithTexts} WHERE j.ended_at <= $1 AND (j.ended_at, j.stream_id) > ($2, $3) ORDER BY j.ended_at, j.stream_id LIMIT $4";

    private const string OfClient =
        $"{WithTexts} WHERE s.id = (SELECT session FROM jv_clients WHERE client = $1) AND j.ended_at IS NULL";

    private const string All = $"SELECT {PostgresRows.StreamColumns} {PostgresRows.Joined} ORDER BY s.id";

    private const string Orphans =
        """
        SELECT stream_id FROM jv_sessions
        WHERE ended_at IS NULL AND stream_id > $1 AND (owner_incarnation IS NULL OR owner_incarnation = ANY($2))
            AND (expires_at <= $3 OR recover_by <= $3 OR (owner_incarnation IS NOT NULL AND recover_by IS NULL))
        ORDER BY stream_id LIMIT $4
        """;

    /// <summary>The streams of these ids that are there.</summary>
    public Task<Either<string, ImmutableArray<LoadResult>>> LoadAsync(string[] ids) => ReadAsync(PostgresRows.Load, ByIds, [ids]);

    public Task<Either<string, ImmutableArray<LoadResult>>> LoadClientAsync(PublicKey client) => ReadAsync(PostgresRows.Load, OfClient, client.ToString());

    public Task<Either<string, ImmutableArray<StoredStream>>> ListAsync() => ReadAsync(static row => PostgresRows.Stream(row).Row, All);

    public Task<Either<string, ImmutableArray<StoredText>>> EndedAsync(Instant until, (Instant EndedAt, SessionId Id) after, int limit) =>
        ReadAsync(PostgresRows.Text, EndedPage, until.Ticks, after.EndedAt.Ticks, after.Id.ToString(), limit);

    public async Task<Either<string, ImmutableArray<LoadResult>>> LoadAllLiveAsync()
    {
        ImmutableArray<LoadResult>.Builder all = ImmutableArray.CreateBuilder<LoadResult>();
        string after = "";
        while (true)
        {
            Either<string, ImmutableArray<(string Id, LoadResult Loaded)>> read =
                await ReadAsync(static row => (row.GetString(0), PostgresRows.Load(row)), LivePage, after, PageSize).ConfigureAwait(false);
            if (read.IsLeft) return (string)read;
            var page = (ImmutableArray<(string Id, LoadResult Loaded)>)read;
            all.AddRange(page.Select(static item => item.Loaded));
            if (page.Length < PageSize) return all.ToImmutable();
            after = page[^1].Id;
        }
    }

    public async Task<Either<string, ImmutableArray<SessionId>>> OrphansAsync(Instant now, ImmutableArray<IncarnationId> gone, SessionId after, int limit)
    {
        string[] owners = [.. gone.Select(static incarnation => incarnation.ToString())];
        Either<string, ImmutableArray<string>> read =
            await ReadAsync(static row => row.GetString(0), Orphans, after.ToString(), owners, now.Ticks, limit).ConfigureAwait(false);
        return read.Map(static ids => PostgresRows.Sessions(ids));
    }

    /// <summary>All rows of one statement, which sees one moment. Left, in one line, where they cannot be read.</summary>
    public async Task<Either<string, ImmutableArray<T>>> ReadAsync<T>(Func<NpgsqlDataReader, T> row, string sql, params object[] values)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using NpgsqlConnection connection = await database.OpenSharedAsync().ConfigureAwait(false);
                await using NpgsqlCommand command = connection.Command(sql, values);
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
                ImmutableArray<T>.Builder rows = ImmutableArray.CreateBuilder<T>();
                while (await reader.ReadAsync().ConfigureAwait(false)) rows.Add(row(reader));
                return rows.ToImmutable();
            }
            catch (NpgsqlException e) when (attempt == 1 && e.IsTransient && e is not PostgresException { SqlState: PostgresErrorCodes.TooManyConnections })
            {
                // A connection of the pool that died while nobody used it; its neighbours will have fared no better.
                database.Forget();
            }
            catch (Exception e) when (PostgresDatabase.IsOutside(e) || e is InvalidDataException)
            {
                database.Forget();
                string reason = database.Describe(e);
                condition.Failed(reason);
                return reason;
            }
        }
    }
}
