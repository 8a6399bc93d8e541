using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>What Marten 9 sees of the store, as docs/MARTEN.md promises it.</summary>
[NeedsPostgres]
public sealed class PostgresMartenTests
{
    private readonly PostgresSchemas _schema = new();

    private string Columns(string table) => _schema.Sql(
        $"""
        SELECT column_name || ' ' || udt_name || coalesce('(' || character_maximum_length || ')', '') || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
        FROM information_schema.columns WHERE table_schema = '{_schema.Schema}' AND table_name = '{table}' ORDER BY ordinal_position
        """);

    [StoreFact]
    public async Task The_tables_are_those_of_Marten_and_nothing_of_ours_stands_in_them()
    {
        await (await PostgresSchemas.Open(_schema.Options())).DisposeAsync();
        Assert.Equal(
            """
            id varchar not null
            type varchar
            version int8
            timestamp timestamptz not null
            created timestamptz not null
            tenant_id varchar
            is_archived bool
            """,
            Columns("mt_streams"));
        Assert.Equal(
            """
            seq_id int8 not null
            id uuid not null
            stream_id varchar
            version int8 not null
            data jsonb not null
            bdata bytea
            type varchar(500) not null
            timestamp timestamptz not null
            tenant_id varchar
            mt_dotnet_type varchar
            is_archived bool
            """,
            Columns("mt_events"));
        Assert.Equal("name varchar not null\nlast_seq_id int8\nlast_updated timestamptz", Columns("mt_event_progression"));
        Assert.Equal(
            """
            fkey_mt_events_stream_id FOREIGN KEY (stream_id) REFERENCES mt_streams(id) ON DELETE CASCADE
            pk_mt_event_progression PRIMARY KEY (name)
            pkey_mt_events_seq_id PRIMARY KEY (seq_id)
            pkey_mt_streams_id PRIMARY KEY (id)
            """,
            _schema.Sql($"SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = '{_schema.Schema}'::regnamespace AND conrelid::regclass::text LIKE 'mt_%' ORDER BY conname"));
        Assert.Equal(
            """
            pk_mt_event_progression true
            pk_mt_events_stream_and_version true
            pkey_mt_events_seq_id true
            pkey_mt_streams_id true
            """,
            _schema.Sql($"SELECT indexrelid::regclass::text || ' ' || indisunique FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE c.relnamespace = '{_schema.Schema}'::regnamespace AND c.relname LIKE 'mt_%' ORDER BY 1"));
        Assert.EndsWith("(stream_id, version)", _schema.Sql($"SELECT indexdef FROM pg_indexes WHERE schemaname = '{_schema.Schema}' AND indexname = 'pk_mt_events_stream_and_version'"), StringComparison.Ordinal);
        Assert.Equal("mt_events_sequence", _schema.Sql("SELECT pg_get_serial_sequence('mt_events', 'seq_id')::regclass::text"));
        Assert.Equal("1|1|bigint|1", _schema.Sql($"SELECT start_value, increment_by, data_type, cache_size FROM pg_sequences WHERE schemaname = '{_schema.Schema}'"));
    }

    [StoreFact]
    public async Task Each_event_stands_in_its_row_as_Marten_reads_it()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.AppendAsync(One(1, 0, 2));
        var history = Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(1))).History;
        Assert.Equal($"{Id(1)}|session|2|*DEFAULT*|f", _schema.Sql("SELECT id, type, version, tenant_id, is_archived FROM mt_streams"));
        Assert.Equal(
            string.Join('\n', history.Envelopes.Select(static envelope =>
                $"{envelope.EventId}|{Id(1)}|{envelope.Version}|transport_switched|*DEFAULT*||f||2026-09-21 14:13:20.00000{envelope.Version}+00|{envelope.Hash}|1|reattach")),
            _schema.Sql(
                """
                SET timezone = 'UTC'; SELECT id, stream_id, version, type, tenant_id, mt_dotnet_type, is_archived, bdata, timestamp, data->>'hash', data->>'epoch', data->'cause'->>'command'
                FROM mt_events ORDER BY seq_id
                """));
    }

    [StoreFact]
    public async Task The_log_rises_with_the_versions_and_has_no_holes_while_two_nodes_write()
    {
        await using PostgresEventStore a = await PostgresSchemas.Enter(_schema.Options());
        await using PostgresEventStore b = await PostgresSchemas.Enter(_schema.Options("gw-b"));
        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(async () =>
        {
            IEventStore store = worker % 2 == 0 ? a : b;
            // Eight hot streams, each written by one worker of either node.
            int session = worker / 2 + 1;
            for (long version = 0; version < 40;)
                version = await store.AppendAsync(One(session, version, 1 + worker % 3)) switch
                {
                    AppendResult.Committed committed => committed.Positions[0].Head.Version,
                    AppendResult.Conflict conflict => conflict.ActualVersion,
                    AppendResult.ClientBusy => version,
                    var other => throw new InvalidOperationException(other.ToString()),
                };
        })));
        Assert.Equal("8|0", _schema.Sql(
            """
            SELECT count(DISTINCT stream_id), count(*) FILTER (WHERE version <> place)
            FROM (SELECT stream_id, version, row_number() OVER (PARTITION BY stream_id ORDER BY seq_id) AS place FROM mt_events) AS numbered
            """));
        Assert.Equal("0", _schema.Sql("SELECT count(*) FROM mt_streams s WHERE version <> (SELECT max(version) FROM mt_events e WHERE e.stream_id = s.id)"));
    }

    [StoreFact]
    public async Task A_compaction_replaces_the_last_event_in_its_place_as_Martens_does()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.AppendAsync(One(1, 0, 10));
        string stream = _schema.Sql("SELECT * FROM mt_streams"), at6 = _schema.Sql("SELECT seq_id FROM mt_events WHERE version = 6");
        Assert.Equal(6, Assert.IsType<CompactResult.Done>(await store.CompactAsync(Id(1), 6, SnapshotDraft(6))).Replaced);
        Assert.Equal(stream, _schema.Sql("SELECT * FROM mt_streams"));
        Assert.Equal($"6|{at6}|t", _schema.Sql("SELECT version, seq_id, data->>'alias' = type FROM mt_events ORDER BY seq_id LIMIT 1"));
        Assert.Equal("6,7,8,9,10", _schema.Sql("SELECT string_agg(version::text, ',' ORDER BY seq_id) FROM mt_events"));
        await store.AppendAsync(One(1, 10));
        var history = Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(1))).History;
        Assert.True(history.Envelopes[0].IsSnapshot);
        Assert.Equal(11, history.Head.Version);
    }

    [StoreFact]
    public async Task A_reader_with_its_own_role_sees_the_events_and_can_change_nothing()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        await store.AppendAsync(One(1, 0, 2));
        string role = "reader_of_" + _schema.Schema;
        _schema.Sql(
            $"""
            CREATE ROLE {role} LOGIN;
            GRANT USAGE ON SCHEMA {_schema.Schema} TO {role};
            GRANT SELECT ON mt_streams, mt_events, mt_event_progression TO {role}
            """);
        Assert.Equal("2", _schema.Sql($"SET ROLE {role}; SELECT count(*) FROM mt_events"));
        foreach (string sql in new[] { "DELETE FROM mt_events", "ALTER TABLE mt_events DROP COLUMN bdata", "SELECT * FROM jv_nodes", "CREATE TABLE x ()" })
            Assert.ThrowsAny<Exception>(() => _schema.Sql($"SET ROLE {role}; {sql}"));
    }

    [StoreFact]
    public async Task What_another_program_archives_or_alters_is_noticed()
    {
        await using PostgresEventStore store = await PostgresSchemas.Enter(_schema.Options());
        foreach (int session in new[] { 1, 2, 3 }) await store.AppendAsync(One(session, 0, 2));
        _schema.Sql($"UPDATE mt_streams SET is_archived = true WHERE id = '{Id(1)}'");
        _schema.Sql($$"""UPDATE mt_events SET data = jsonb_set(data, '{reason}', '"OTHER"') WHERE stream_id = '{{Id(2)}}' AND version = 1""");
        Assert.Contains("archived", Assert.IsType<LoadResult.Corrupt>(await store.LoadAsync(Id(1))).Reason, StringComparison.Ordinal);
        Assert.Contains("does not match its hash", Assert.IsType<LoadResult.Corrupt>(await store.LoadAsync(Id(2))).Reason, StringComparison.Ordinal);
        Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(3)));
        AppendResult[] results = await Task.WhenAll(new[] { 1, 3 }.Select(session => store.AppendAsync(One(session, 2)).AsTask()));
        Assert.Contains("archived", Assert.IsType<AppendResult.Unavailable>(results[0]).Reason, StringComparison.Ordinal);
        Assert.IsType<AppendResult.Committed>(results[1]);
    }
}
