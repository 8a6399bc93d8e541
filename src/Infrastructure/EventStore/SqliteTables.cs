using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The store's tables in the words of its port. Knows nothing of transactions: <see cref="SqliteWriter"/> puts them around. For
/// one thread. A row that cannot be read throws <see cref="InvalidDataException"/>.
/// </summary>
internal sealed partial class SqliteTables(SqliteDatabase database) : IStoreView, IDisposable
{
    private const string StreamColumns =
        "s.id, s.version, j.client, j.state, j.owner_node, j.owner_incarnation, j.ownership_epoch, j.recover_by, j.expires_at, j.head, "
        + "j.live_events, j.ended_at";

    private const string Joined = $"SELECT {StreamColumns} FROM mt_streams s JOIN jv_sessions j ON j.stream_id = s.id";

    private readonly SqliteStatement _stream = new(database, $"{Joined} WHERE s.id = ?1");
    private readonly SqliteStatement _streams = new(database, $"{Joined} ORDER BY s.id");
    private readonly SqliteStatement _ended = new(
        database, $"{Joined} WHERE j.ended_at <= ?1 AND (j.ended_at, j.stream_id) > (?2, ?3) ORDER BY j.ended_at, j.stream_id LIMIT ?4");

    private readonly SqliteStatement _client = new(database, "SELECT session, day, events, sessions FROM jv_clients WHERE client = ?1");
    private readonly SqliteStatement _texts = new(database, "SELECT data FROM mt_events WHERE stream_id = ?1 ORDER BY version");
    private readonly SqliteStatement _idAt = new(database, "SELECT id FROM mt_events WHERE stream_id = ?1 AND version = ?2");
    private readonly SqliteStatement _insertStream = new(database, "INSERT INTO mt_streams VALUES (?1, ?2, ?3, ?4, ?4)");
    private readonly SqliteStatement _updateStream = new(database, "UPDATE mt_streams SET version = ?2, timestamp = ?3 WHERE id = ?1");
    private readonly SqliteStatement _insertEvent = new(
        database, "INSERT INTO mt_events (id, stream_id, version, data, type, timestamp) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");

    private readonly SqliteStatement _upsertSession = new(
        database,
        """
        INSERT INTO jv_sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (stream_id) DO UPDATE SET
            state = ?3, owner_node = ?4, owner_incarnation = ?5, ownership_epoch = ?6, recover_by = ?7, expires_at = ?8, head = ?9,
            live_events = ?10, ended_at = ?11
        """);

    private readonly SqliteStatement _upsertClient = new(
        database,
        """
        INSERT INTO jv_clients VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (client) DO UPDATE SET session = ?2, day = ?3, events = ?4, sessions = ?5
        """);

    private readonly SqliteStatement _clock = new(
        database, "UPDATE jv_store SET service_time = max(service_time, ?1), appended = appended + ?2");

    private readonly SqliteStatement _deleteBefore = new(database, "DELETE FROM mt_events WHERE stream_id = ?1 AND version < ?2");
    private readonly SqliteStatement _replaceEvent = new(
        database, "UPDATE mt_events SET id = ?3, data = ?4, type = ?5, timestamp = ?6 WHERE stream_id = ?1 AND version = ?2");

    private readonly SqliteStatement _liveEvents = new(database, "UPDATE jv_sessions SET live_events = ?2 WHERE stream_id = ?1");
    private readonly SqliteStatement _deleteStream = new(database, "DELETE FROM mt_streams WHERE id = ?1");
    private readonly SqliteStatement _forgetClients = new(
        database, "DELETE FROM jv_clients WHERE day < ?1 AND NOT EXISTS (SELECT 1 FROM mt_streams s WHERE s.id = jv_clients.session)");

    public StoredStream? Stream(SessionId id)
    {
        using SqliteRows reader = _stream.Read(id.ToString());
        return reader.Read() ? ReadStream(reader) : null;
    }

    public StoredClient? Client(PublicKey key)
    {
        using SqliteRows reader = _client.Read(key.ToString());
        if (!reader.Read()) return null;
        return SessionId.TryParse(reader.Text(0), out SessionId session)
            ? new(key, session, reader.Int64(1), reader.Int32(2), reader.Int32(3))
            : throw new InvalidDataException($"the row of client {key} is damaged");
    }

    /// <summary>The file's lock admits one node.</summary>
    public NodeRow? Node(IncarnationId incarnation) => null;

    public ImmutableArray<StoredStream> Streams()
    {
        using SqliteRows reader = _streams.Read();
        ImmutableArray<StoredStream>.Builder rows = ImmutableArray.CreateBuilder<StoredStream>();
        while (reader.Read()) rows.Add(ReadStream(reader));
        return rows.ToImmutable();
    }

    /// <summary>At most <paramref name="limit"/> sessions that ended at or before an instant, behind a position in the order (time, id).</summary>
    public ImmutableArray<StoredStream> Ended(Instant until, (Instant EndedAt, SessionId Id) after, int limit)
    {
        using SqliteRows reader = _ended.Read(until.Ticks, after.EndedAt.Ticks, after.Id.ToString(), limit);
        ImmutableArray<StoredStream>.Builder rows = ImmutableArray.CreateBuilder<StoredStream>();
        while (reader.Read()) rows.Add(ReadStream(reader));
        return rows.ToImmutable();
    }

    public StoredText Texts(StoredStream row)
    {
        using SqliteRows reader = _texts.Read(row.Head.Stream.ToString());
        ImmutableArray<string>.Builder texts = ImmutableArray.CreateBuilder<string>(row.LiveEvents);
        while (reader.Read()) texts.Add(reader.Text(0));
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
        using (SqliteRows reader = _idAt.Read(id, snapshot.Version))
        {
            if (!reader.Read() || reader.Text(0) != plan.Replaced[^1].EventId.ToString()) return false;
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
        DisposeAudit();
    }

    private void WriteSession(StoredStream stream)
    {
        SessionSummary summary = stream.Summary;
        Owner? owner = summary.Owner.MatchUnsafe<Owner?>(Some: static found => found, None: static () => null);
        _upsertSession.Execute(
            stream.Head.Stream.ToString(), summary.Client.ToString(), summary.State, owner?.Node, owner?.Incarnation.ToString(), summary.OwnershipEpoch,
            Columns.Of(summary.RecoverBy), Columns.Of(summary.ExpiresAt), stream.Head.Hash.ToString(), stream.LiveEvents, Columns.Of(stream.EndedAt));
    }

    private static StoredStream ReadStream(SqliteRows reader)
    {
        string id = reader.Text(0);
        Option<Owner> owner = default;
        bool whole = SessionId.TryParse(id, out SessionId stream);
        whole &= PublicKey.TryParse(reader.Text(2), out PublicKey client);
        whole &= Hash256.TryParse(reader.Text(9), out Hash256 head);
        if (!reader.IsNull(4))
        {
            whole &= IncarnationId.TryParse(reader.IsNull(5) ? null : reader.Text(5), out IncarnationId incarnation);
            owner = new Owner(reader.Text(4), incarnation);
        }
        if (!whole) throw new InvalidDataException($"the row of session {id} is damaged");
        Instant endedAt = ReadInstant(reader, 11);
        var summary = new SessionSummary(
            client, reader.Text(3), endedAt != Instant.Never, owner, reader.Int64(6), ReadInstant(reader, 7), ReadInstant(reader, 8));
        return new(new ChainHead(stream, reader.Int64(1), head), reader.Int32(10), summary, endedAt);
    }

    private static Instant ReadInstant(SqliteRows reader, int column) => reader.IsNull(column) ? Instant.Never : new(reader.Int64(column));
}
