using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using Microsoft.Data.Sqlite;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The store's tables in the words of its port. Knows nothing of transactions: <see cref="SqliteWriter"/> puts them around. For
/// one thread. A row that cannot be read throws <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class SqliteTables(SqliteConnection connection) : IStoreView, IDisposable
{
    private const string StreamColumns =
        "s.id, s.version, j.client, j.state, j.owner_node, j.owner_incarnation, j.ownership_epoch, j.recover_by, j.expires_at, j.head, j.live_events, j.ended_at";

    private const string Joined = $"SELECT {StreamColumns} FROM mt_streams s JOIN jv_sessions j ON j.stream_id = s.id";

    private readonly SqliteStatement _stream = new(connection, $"{Joined} WHERE s.id = $0", 1);
    private readonly SqliteStatement _streams = new(connection, $"{Joined} ORDER BY s.id");
    private readonly SqliteStatement _ended = new(
        connection, $"{Joined} WHERE j.ended_at <= $0 AND (j.ended_at, j.stream_id) > ($1, $2) ORDER BY j.ended_at, j.stream_id LIMIT $3", 4);

    private readonly SqliteStatement _client = new(connection, "SELECT session, day, events, sessions FROM jv_clients WHERE client = $0", 1);
    private readonly SqliteStatement _texts = new(connection, "SELECT data FROM mt_events WHERE stream_id = $0 ORDER BY version", 1);
    private readonly SqliteStatement _idAt = new(connection, "SELECT id FROM mt_events WHERE stream_id = $0 AND version = $1", 2);
    private readonly SqliteStatement _insertStream = new(connection, "INSERT INTO mt_streams VALUES ($0, $1, $2, $3, $3)", 4);
    private readonly SqliteStatement _updateStream = new(connection, "UPDATE mt_streams SET version = $1, timestamp = $2 WHERE id = $0", 3);
    private readonly SqliteStatement _insertEvent = new(
        connection, "INSERT INTO mt_events (id, stream_id, version, data, type, timestamp) VALUES ($0, $1, $2, $3, $4, $5)", 6);

    private readonly SqliteStatement _upsertSession = new(
        connection,
        """
        INSERT INTO jv_sessions VALUES ($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (stream_id) DO UPDATE SET
            state = $2, owner_node = $3, owner_incarnation = $4, ownership_epoch = $5, recover_by = $6, expires_at = $7, head = $8,
            live_events = $9, ended_at = $10
        """,
        11);

    private readonly SqliteStatement _upsertClient = new(
        connection,
        """
        INSERT INTO jv_clients VALUES ($0, $1, $2, $3, $4)
        ON CONFLICT (client) DO UPDATE SET session = $1, day = $2, events = $3, sessions = $4
        """,
        5);
    private readonly SqliteStatement _clock = new(
        connection, "UPDATE jv_store SET service_time = max(service_time, $0), appended = appended + $1", 2);

    private readonly SqliteStatement _deleteBefore = new(connection, "DELETE FROM mt_events WHERE stream_id = $0 AND version < $1", 2);
    private readonly SqliteStatement _replaceEvent = new(
        connection, "UPDATE mt_events SET id = $2, data = $3, type = $4, timestamp = $5 WHERE stream_id = $0 AND version = $1", 6);

    private readonly SqliteStatement _liveEvents = new(connection, "UPDATE jv_sessions SET live_events = $1 WHERE stream_id = $0", 2);
    private readonly SqliteStatement _deleteStream = new(connection, "DELETE FROM mt_streams WHERE id = $0", 1);
    private readonly SqliteStatement _forgetClients = new(
        connection, "DELETE FROM jv_clients WHERE day < $0 AND NOT EXISTS (SELECT 1 FROM mt_streams s WHERE s.id = jv_clients.session)", 1);

    public StoredStream? Stream(SessionId id)
    {
        using SqliteDataReader reader = _stream.Read(id.ToString());
        return reader.Read() ? ReadStream(reader) : null;
    }

    public StoredClient? Client(PublicKey key)
    {
        using SqliteDataReader reader = _client.Read(key.ToString());
        if (!reader.Read()) return null;
        return SessionId.TryParse(reader.GetString(0), out SessionId session)
            ? new(key, session, reader.GetInt64(1), reader.GetInt32(2), reader.GetInt32(3))
            : throw new InvalidDataException($"the row of client {key} is damaged");
    }

    public ImmutableArray<StoredStream> Streams()
    {
        using SqliteDataReader reader = _streams.Read();
        ImmutableArray<StoredStream>.Builder rows = ImmutableArray.CreateBuilder<StoredStream>();
        while (reader.Read()) rows.Add(ReadStream(reader));
        return rows.ToImmutable();
    }

    /// <summary>At most <paramref name="limit"/> sessions that ended at or before an instant, behind a position in the order (time, id).</summary>
    public ImmutableArray<StoredStream> Ended(Instant until, (Instant EndedAt, SessionId Id) after, int limit)
    {
        using SqliteDataReader reader = _ended.Read(until.Ticks, after.EndedAt.Ticks, after.Id.ToString(), limit);
        ImmutableArray<StoredStream>.Builder rows = ImmutableArray.CreateBuilder<StoredStream>();
        while (reader.Read()) rows.Add(ReadStream(reader));
        return rows.ToImmutable();
    }

    public StoredText Texts(StoredStream row)
    {
        using SqliteDataReader reader = _texts.Read(row.Head.Stream.ToString());
        ImmutableArray<string>.Builder texts = ImmutableArray.CreateBuilder<string>(row.LiveEvents);
        while (reader.Read()) texts.Add(reader.GetString(0));
        return new(row, texts.DrainToImmutable());
    }

    /// <summary>Writes an append. What ends goes first: the client's one live session is unique at every moment.</summary>
    public void Write(AppendPlan plan)
    {
        int count = 0;
        foreach (StreamPlan stream in plan.Streams.OrderByDescending(static stream => stream.After.Summary.Ended))
        {
            string id = stream.After.Head.Stream.ToString();
            string wall = Columns.Of(stream.Envelopes[^1].Draft.Wall);
            if (stream.IsNew) _insertStream.Execute(id, SqliteSchema.StreamType, stream.After.Head.Version, wall);
            else if (_updateStream.Execute(id, stream.After.Head.Version, wall) != 1) throw new InvalidDataException($"session {id} has no row");
            foreach (EventEnvelope envelope in stream.Envelopes)
                _insertEvent.Execute(
                    envelope.EventId.ToString(), id, envelope.Version, envelope.ToText(), envelope.Alias, Columns.Of(envelope.Draft.Wall));
            WriteSession(stream.After);
            count += stream.Envelopes.Length;
        }
        StoredClient client = plan.Client;
        _upsertClient.Execute(client.Client.ToString(), client.Session.ToString(), client.Day, client.Events, client.Sessions);
        Checkpoint(plan.ServiceTime, count);
    }

    /// <summary>Puts a snapshot in the place of what it replaces; false, with nothing changed, if the stream no longer holds that.</summary>
    public bool Write(CompactionPlan plan)
    {
        EventEnvelope snapshot = plan.Snapshot;
        string id = snapshot.Stream.ToString();
        using (SqliteDataReader reader = _idAt.Read(id, snapshot.Version))
        {
            if (!reader.Read() || reader.GetString(0) != plan.Replaced[^1].EventId.ToString()) return false;
        }
        StoredStream row = Stream(snapshot.Stream) ?? throw new InvalidDataException($"session {id} has no row");
        if (_deleteBefore.Execute(id, snapshot.Version) != plan.Replaced.Length - 1)
            throw new InvalidDataException($"session {id} holds other events than were read");
        _replaceEvent.Execute(
            id, snapshot.Version, snapshot.EventId.ToString(), snapshot.ToText(), snapshot.Alias, Columns.Of(snapshot.Draft.Wall));
        _liveEvents.Execute(id, row.LiveEvents - plan.Replaced.Length + 1);
        return true;
    }

    /// <summary>Deletes a stream, its events and its session; false if it is not there.</summary>
    public bool Delete(SessionId id) => _deleteStream.Execute(id.ToString()) == 1;

    /// <summary>Forgets clients of earlier days without a session.</summary>
    public void ForgetIdleClients(Instant now) => _forgetClients.Execute(StoredClient.DayOf(now));

    /// <summary>Raises the service clock and the count of all events ever appended.</summary>
    public void Checkpoint(Instant now, int appended) => _clock.Execute(now.Ticks, appended);

    public void Dispose()
    {
        ReadOnlySpan<SqliteStatement> all =
        [
            _stream, _streams, _ended, _client, _texts, _idAt, _insertStream, _updateStream, _insertEvent, _upsertSession, _upsertClient, _clock,
            _deleteBefore, _replaceEvent, _liveEvents, _deleteStream, _forgetClients,
        ];
        foreach (SqliteStatement statement in all) statement.Dispose();
    }

    private void WriteSession(StoredStream stream)
    {
        SessionSummary summary = stream.Summary;
        Owner? owner = summary.Owner.MatchUnsafe<Owner?>(Some: static found => found, None: static () => null);
        _upsertSession.Execute(
            stream.Head.Stream.ToString(), summary.Client.ToString(), summary.State, owner?.Node, owner?.Incarnation.ToString(), summary.OwnershipEpoch,
            Columns.Of(summary.RecoverBy), Columns.Of(summary.ExpiresAt), stream.Head.Hash.ToString(), stream.LiveEvents, Columns.Of(stream.EndedAt));
    }

    private static StoredStream ReadStream(SqliteDataReader reader)
    {
        string id = reader.GetString(0);
        Option<Owner> owner = default;
        bool whole = SessionId.TryParse(id, out SessionId stream);
        whole &= PublicKey.TryParse(reader.GetString(2), out PublicKey client);
        whole &= Hash256.TryParse(reader.GetString(9), out Hash256 head);
        if (!reader.IsDBNull(4))
        {
            whole &= IncarnationId.TryParse(reader.IsDBNull(5) ? null : reader.GetString(5), out IncarnationId incarnation);
            owner = new Owner(reader.GetString(4), incarnation);
        }
        if (!whole) throw new InvalidDataException($"the row of session {id} is damaged");
        Instant endedAt = ReadInstant(reader, 11);
        var summary = new SessionSummary(
            client, reader.GetString(3), endedAt != Instant.Never, owner, reader.GetInt64(6), ReadInstant(reader, 7), ReadInstant(reader, 8));
        return new(new ChainHead(stream, reader.GetInt64(1), head), reader.GetInt32(10), summary, endedAt);
    }

    private static Instant ReadInstant(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? Instant.Never : new(reader.GetInt64(column));
}
