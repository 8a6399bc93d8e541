using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The tables hold something else than the transaction read under its locks: nothing may be committed.</summary>
internal sealed class PostgresMismatchException(string what) : Exception($"{what} changed under its lock");

/// <summary>
/// What appends read and write, many requests at once: one round trip for each, then the commit. Locks are taken in one order by
/// everybody, first incarnations, then clients, then streams, each sorted, so that nobody waits in a circle; and the rows are read
/// by later statements than those that lock, because a statement that had to wait still sees the past.
/// </summary>
internal static class PostgresTables
{
    /// <summary>
    /// Its incarnation's row, held until the commit: who fences it waits for us or finds us stopped, and whoever asks later what
    /// became of a commit of ours waits too. A renewal changes no key and does not wait.
    /// </summary>
    public const string HoldIncarnation = $"SELECT {PostgresRows.NodeColumns} FROM jv_nodes WHERE incarnation = $1 FOR KEY SHARE";

    private const string LockOwners = "SELECT 1 FROM jv_nodes WHERE incarnation = ANY($1) AND NOT fenced ORDER BY incarnation FOR UPDATE";

    private const string ReadOwners = $"SELECT {PostgresRows.NodeColumns} FROM jv_nodes WHERE incarnation = ANY($1)";

    private const string LockClients = "SELECT 1 FROM jv_clients WHERE client = ANY($1) ORDER BY client FOR UPDATE";

    private const string LockStreams = "SELECT 1 FROM mt_streams WHERE id = ANY($1) ORDER BY id FOR UPDATE";

    private const string ReadClients = "SELECT client, session, day, events, sessions FROM jv_clients WHERE client = ANY($1)";

    // A client's other session needs no lock of its own: whoever changes it holds the client's.
    private const string ReadStreams =
        $"SELECT {PostgresRows.StreamColumns} {PostgresRows.Joined} "
        + "WHERE s.id IN (SELECT unnest($1) UNION SELECT session FROM jv_clients WHERE client = ANY($2))";

    /// <summary>The database sessions of incarnations whose numbers still stand still; ended before their rows' locks are waited for.</summary>
    private const string EndSessions =
        """
        SELECT pg_terminate_backend(a.pid)
        FROM unnest($1, $2) AS watched (incarnation, number)
        JOIN jv_nodes n ON n.incarnation = watched.incarnation AND n.number = watched.number AND NOT n.fenced
        JOIN pg_stat_activity a ON a.datname = current_database() AND a.application_name = $3 || n.incarnation
        """;

    private const string FenceOwners = "UPDATE jv_nodes SET fenced = true WHERE incarnation = ANY($1) AND NOT fenced";

    private const string InsertStreams =
        $"""
        INSERT INTO mt_streams (id, type, version, timestamp, created, tenant_id, is_archived)
        SELECT id, '{PostgresSchema.StreamType}', version, wall, wall, '*DEFAULT*', false FROM unnest($1, $2, $3) AS new (id, version, wall)
        """;

    private const string UpdateStreams =
        """
        UPDATE mt_streams s SET version = new.version, timestamp = new.wall
        FROM unnest($1, $2, $3, $4) AS new (id, expected, version, wall)
        WHERE s.id = new.id AND s.version = new.expected AND NOT s.is_archived
        """;

    private const string UpsertSessions =
        """
        INSERT INTO jv_sessions
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (stream_id) DO UPDATE SET
            state = excluded.state, owner_node = excluded.owner_node, owner_incarnation = excluded.owner_incarnation,
            ownership_epoch = excluded.ownership_epoch, recover_by = excluded.recover_by, expires_at = excluded.expires_at,
            last_time = greatest(jv_sessions.last_time, excluded.last_time), head = excluded.head, live_events = excluded.live_events,
            ended_at = excluded.ended_at, wanted_by = excluded.wanted_by
        """;

    private const string UpsertClients =
        """
        INSERT INTO jv_clients SELECT * FROM unnest($1, $2, $3, $4, $5)
        ON CONFLICT (client) DO UPDATE SET session = excluded.session, day = excluded.day, events = excluded.events, sessions = excluded.sessions
        """;

    private const string Notify = "SELECT pg_notify(channel, payload) FROM unnest($1, $2) AS new (channel, payload)";

    // Last of all, so that little time lies between a number of the sequence and its commit; sorted before it is drawn, because
    // Marten reads a stream in the order of these numbers.
    private const string InsertEvents =
        """
        INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, is_archived)
        SELECT nextval('mt_events_sequence'), id, stream_id, version, data::jsonb, type, wall, '*DEFAULT*', false
        FROM (
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS new (id, stream_id, version, data, type, wall, place) ORDER BY place
        ) AS sorted
        """;

    /// <summary>
    /// Ends the database sessions of the owners that requests hold for gone, if their numbers are still the watched ones: what such an
    /// owner left open would keep us waiting. Best effort: without the right to do so, the wait for the lock decides.
    /// </summary>
    public static async Task EndSessionsAsync(NpgsqlBatch batch, IReadOnlyCollection<FenceEvidence> evidence)
    {
        try
        {
            batch.With(
                EndSessions, evidence.Select(static fence => fence.Owner.Incarnation.ToString()).ToArray(),
                evidence.Select(static fence => fence.Number).ToArray(), PostgresIncarnation.ApplicationPrefix);
            await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            // Sessions of another role: they end by their own timeouts.
        }
    }

    /// <summary>Locks and reads what the requests depend on. <paramref name="begin"/> has opened the transaction.</summary>
    public static async Task<PostgresView> ReadAsync(NpgsqlBatch begin, IncarnationId self, IReadOnlyCollection<AppendRequest> requests)
    {
        string[] clients = Sorted(requests.Select(static request => request.Client.ToString()));
        string[] streams = Sorted(requests.SelectMany(static request => request.Streams).Select(static stream => stream.Stream.ToString()));
        string[] owners = Sorted(requests.Where(static request => request.Fence is not null).Select(static request => request.Fence!.Owner.Incarnation.ToString()));
        begin.With(HoldIncarnation, self.ToString());
        if (owners.Length > 0) begin.With(LockOwners, [owners]).With(ReadOwners, [owners]);
        begin.With(LockClients, [clients]).With(LockStreams, [streams]).With(ReadClients, [clients]).With(ReadStreams, streams, clients);

        var view = new PostgresView();
        await using NpgsqlDataReader reader = await begin.ExecuteReaderAsync().ConfigureAwait(false);
        await ReadAllAsync(reader, row => view.Read(PostgresRows.Node(row))).ConfigureAwait(false);
        if (owners.Length > 0)
        {
            await ReadAllAsync(reader, static _ => { }).ConfigureAwait(false);
            await ReadAllAsync(reader, row => view.Read(PostgresRows.Node(row))).ConfigureAwait(false);
        }
        await ReadAllAsync(reader, static _ => { }).ConfigureAwait(false);
        await ReadAllAsync(reader, static _ => { }).ConfigureAwait(false);
        await ReadAllAsync(reader, row => view.Read(PostgresRows.Client(row))).ConfigureAwait(false);
        await ReadAllAsync(reader, row => view.Read(PostgresRows.Stream(row))).ConfigureAwait(false);
        return view;
    }

    /// <summary>Writes what the view's requests have decided. Throws, with nothing to be committed, if a row is not as it was read.</summary>
    public static async Task WriteAsync(NpgsqlBatch batch, PostgresView view)
    {
        var changed = view.ChangedStreams.ToArray();
        var wall = view.Events.GroupBy(static envelope => envelope.Stream)
            .ToDictionary(static events => events.Key, static events => Columns.Calendar(events.Last().Draft.Wall));
        string[] fenced = [.. view.Fenced.Select(static incarnation => incarnation.ToString())];
        if (fenced.Length > 0) batch.With(FenceOwners, [fenced]);
        var added = changed.Where(static stream => stream.Before == 0).Select(static stream => stream.Stream.Row.Head).ToArray();
        var grown = changed.Where(static stream => stream.Before > 0).ToArray();
        int insert = -1, update = -1;
        if (added.Length > 0)
        {
            insert = batch.BatchCommands.Count;
            batch.With(
                InsertStreams, Texts(added, static head => head.Stream), added.Select(static head => head.Version).ToArray(),
                added.Select(head => wall[head.Stream]).ToArray());
        }
        if (grown.Length > 0)
        {
            update = batch.BatchCommands.Count;
            batch.With(
                UpdateStreams, Texts(grown, static stream => stream.Stream.Row.Head.Stream), grown.Select(static stream => stream.Before).ToArray(),
                grown.Select(static stream => stream.Stream.Row.Head.Version).ToArray(),
                grown.Select(stream => wall[stream.Stream.Row.Head.Stream]).ToArray());
        }
        // What ends goes first: a client's one live session is unique at every moment.
        foreach (bool ended in (ReadOnlySpan<bool>)[true, false])
            if (changed.Where(stream => stream.Stream.Row.Summary.Ended == ended).ToArray() is { Length: > 0 } sessions)
                batch.With(UpsertSessions, SessionColumns(sessions));
        StoredClient[] clients = [.. view.ChangedClients];
        batch.With(
            UpsertClients, Texts(clients, static client => client.Client), Texts(clients, static client => client.Session),
            clients.Select(static client => client.Day).ToArray(), clients.Select(static client => client.Events).ToArray(),
            clients.Select(static client => client.Sessions).ToArray());
        if (view.Released.Count > 0)
            batch.With(
                Notify, Texts(view.Released, static released => PostgresChannels.Of(released.To)),
                Texts(view.Released, static released => PostgresChannels.Released(released.Session)));
        batch.With(
            InsertEvents, view.Events.Select(static envelope => envelope.EventId).ToArray(), Texts(view.Events, static envelope => envelope.Stream),
            view.Events.Select(static envelope => envelope.Version).ToArray(), Texts(view.Events, static envelope => envelope.ToText()),
            Texts(view.Events, static envelope => envelope.Alias),
            view.Events.Select(static envelope => Columns.Calendar(envelope.Draft.Wall)).ToArray());

        int[] counts = await PostgresConnection.RunAsync(batch).ConfigureAwait(false);
        if (fenced.Length > 0 && counts[0] != fenced.Length) throw new PostgresMismatchException("an owner's row");
        if (insert >= 0 && counts[insert] != added.Length) throw new PostgresMismatchException("a new stream");
        if (update >= 0 && counts[update] != grown.Length) throw new PostgresMismatchException("a stream");
        if (counts[^1] != view.Events.Count) throw new PostgresMismatchException("the count of events");
    }

    /// <summary>Reads all rows of one result and moves on to the next.</summary>
    public static async Task ReadAllAsync(NpgsqlDataReader reader, Action<NpgsqlDataReader> row)
    {
        while (await reader.ReadAsync().ConfigureAwait(false)) row(reader);
        await reader.NextResultAsync().ConfigureAwait(false);
    }

    private static object[] SessionColumns((PostgresStream Stream, long Before, Instant Time)[] sessions)
    {
        SessionSummary[] summaries = [.. sessions.Select(static session => session.Stream.Row.Summary)];
        Owner?[] owners = [.. summaries.Select(static summary => summary.Owner.MatchUnsafe<Owner?>(Some: static owner => owner, None: static () => null))];
        return
        [
            Texts(sessions, static session => session.Stream.Row.Head.Stream),
            Texts(summaries, static summary => summary.Client),
            Texts(summaries, static summary => summary.State),
            owners.Select(static owner => owner?.Node).ToArray(),
            owners.Select(static owner => owner?.Incarnation.ToString()).ToArray(),
            summaries.Select(static summary => summary.OwnershipEpoch).ToArray(),
            summaries.Select(static summary => Ticks(summary.RecoverBy)).ToArray(),
            summaries.Select(static summary => Ticks(summary.ExpiresAt)).ToArray(),
            sessions.Select(static session => session.Time.Ticks).ToArray(),
            Texts(sessions, static session => session.Stream.Row.Head.Hash),
            sessions.Select(static session => session.Stream.Row.LiveEvents).ToArray(),
            sessions.Select(static session => Ticks(session.Stream.Row.EndedAt)).ToArray(),
            sessions.Select(static session => session.Stream.WantedBy?.ToString()).ToArray(),
        ];
    }

    private static long? Ticks(Instant instant) => instant == Instant.Never ? null : instant.Ticks;

    private static string[] Texts<T>(IEnumerable<T> items, Func<T, object> value) => [.. items.Select(item => value(item).ToString()!)];

    private static string[] Sorted(IEnumerable<string> texts) => [.. texts.Distinct().Order(StringComparer.Ordinal)];
}
