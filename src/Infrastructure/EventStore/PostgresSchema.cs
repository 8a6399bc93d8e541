using System.Collections.Immutable;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The tables. Those that begin with `mt_` have the columns, keys and names of Marten 9, so that Marten can read the streams
/// (docs/MARTEN.md); nothing of ours stands in them beside an event's own JSON, since Marten drops columns that it does not
/// know. The `jv_` tables are our own.
/// </summary>
internal static class PostgresSchema
{
    /// <summary>The oldest server that is tested.</summary>
    public const int OldestServer = 15;

    public const string StreamType = "session";

    /// <summary>Upgrades[n] leads from version n to n + 1; 0 is an empty schema. A published one is never changed.</summary>
    public static readonly ImmutableArray<string> Upgrades = [Create, Audit];

    /// <summary>What this program writes. A schema with a higher number was made by a newer program.</summary>
    public static int Version => Upgrades.Length;

    private const string Audit =
        """
        CREATE TABLE jv_audit_keys (
            node varchar NOT NULL,
            key varchar NOT NULL,
            listed timestamptz NOT NULL,
            PRIMARY KEY (node, key)
        );
        CREATE TABLE jv_policies (
            hash varchar PRIMARY KEY,
            policy varchar NOT NULL,
            used timestamptz NOT NULL
        );
        """;

    private const string Create =
        """
        CREATE TABLE mt_streams (
            id varchar NOT NULL CONSTRAINT pkey_mt_streams_id PRIMARY KEY,
            type varchar,
            version bigint,
            timestamp timestamptz NOT NULL DEFAULT now(),
            created timestamptz NOT NULL DEFAULT now(),
            tenant_id varchar DEFAULT '*DEFAULT*',
            is_archived boolean DEFAULT false
        );
        CREATE TABLE mt_events (
            seq_id bigint NOT NULL CONSTRAINT pkey_mt_events_seq_id PRIMARY KEY,
            id uuid NOT NULL,
            stream_id varchar CONSTRAINT fkey_mt_events_stream_id REFERENCES mt_streams (id) ON DELETE CASCADE,
            version bigint NOT NULL,
            data jsonb NOT NULL,
            bdata bytea,
            type varchar(500) NOT NULL,
            timestamp timestamptz NOT NULL DEFAULT now(),
            tenant_id varchar DEFAULT '*DEFAULT*',
            mt_dotnet_type varchar,
            is_archived boolean DEFAULT false
        );
        CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON mt_events (stream_id, version);
        CREATE SEQUENCE mt_events_sequence OWNED BY mt_events.seq_id;
        CREATE TABLE mt_event_progression (
            name varchar NOT NULL CONSTRAINT pk_mt_event_progression PRIMARY KEY,
            last_seq_id bigint,
            last_updated timestamptz DEFAULT transaction_timestamp()
        );
        CREATE TABLE jv_sessions (
            stream_id varchar PRIMARY KEY REFERENCES mt_streams (id) ON DELETE CASCADE,
            client varchar NOT NULL,
            state varchar NOT NULL,
            owner_node varchar,
            owner_incarnation varchar,
            ownership_epoch bigint NOT NULL,
            recover_by bigint,
            expires_at bigint,
            last_time bigint NOT NULL,
            head varchar NOT NULL,
            live_events integer NOT NULL,
            ended_at bigint,
            wanted_by varchar
        ) WITH (fillfactor = 70);
        CREATE UNIQUE INDEX jv_sessions_one_live_per_client ON jv_sessions (client) WHERE ended_at IS NULL;
        CREATE INDEX jv_sessions_ended ON jv_sessions (ended_at, stream_id) WHERE ended_at IS NOT NULL;
        CREATE INDEX jv_sessions_owned ON jv_sessions (owner_incarnation) WHERE ended_at IS NULL;
        CREATE INDEX jv_sessions_wanted ON jv_sessions (owner_incarnation) WHERE wanted_by IS NOT NULL;
        CREATE TABLE jv_clients (
            client varchar PRIMARY KEY,
            session varchar NOT NULL,
            day bigint NOT NULL,
            events integer NOT NULL,
            sessions integer NOT NULL
        ) WITH (fillfactor = 70);
        CREATE TABLE jv_nodes (
            incarnation varchar PRIMARY KEY,
            node varchar NOT NULL,
            number bigint NOT NULL DEFAULT 0,
            fenced boolean NOT NULL DEFAULT false,
            resolved bigint NOT NULL DEFAULT 0,
            place varchar NOT NULL,
            host varchar NOT NULL,
            opening bigint NOT NULL,
            opened_at bigint NOT NULL,
            opened timestamptz NOT NULL
        ) WITH (fillfactor = 30);
        CREATE TABLE jv_registry (
            name varchar PRIMARY KEY,
            public_key varchar NOT NULL UNIQUE,
            addresses varchar NOT NULL
        );
        CREATE TABLE jv_store (
            id integer PRIMARY KEY CHECK (id = 1),
            schema_version integer NOT NULL,
            service_time bigint NOT NULL,
            openings bigint NOT NULL,
            registry_revision bigint NOT NULL,
            cluster_key varchar,
            lease bigint,
            margin bigint,
            renewal_interval bigint
        ) WITH (fillfactor = 30);
        INSERT INTO jv_store VALUES (1, 0, 0, 0, 0);
        """;
}
