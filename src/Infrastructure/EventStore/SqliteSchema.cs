namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// The tables. `mt_streams` and `mt_events` carry Marten's names and columns, as far as one node needs them, so that both
/// durable adapters read alike; the `jv_` tables are our own, beside them.
/// </summary>
internal static class SqliteSchema
{
    /// <summary>In the file's header at offset 68: "JVPN".</summary>
    public const int ApplicationId = 0x4A56504E;

    /// <summary>In the file's header at offset 60. A file with a higher number was written by a newer program.</summary>
    public const int Version = 2;

    public const string StreamType = "session";

    public const string Create =
        """
        BEGIN IMMEDIATE;
        CREATE TABLE mt_streams (
            id TEXT PRIMARY KEY,
            type TEXT NOT NULL,
            version INTEGER NOT NULL,
            timestamp TEXT NOT NULL,
            created TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE mt_events (
            seq_id INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL,
            stream_id TEXT NOT NULL REFERENCES mt_streams (id) ON DELETE CASCADE,
            version INTEGER NOT NULL,
            data TEXT NOT NULL,
            type TEXT NOT NULL,
            timestamp TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON mt_events (stream_id, version);
        CREATE TABLE jv_sessions (
            stream_id TEXT PRIMARY KEY REFERENCES mt_streams (id) ON DELETE CASCADE,
            client TEXT NOT NULL,
            state TEXT NOT NULL,
            owner_node TEXT,
            owner_incarnation TEXT,
            ownership_epoch INTEGER NOT NULL,
            recover_by INTEGER,
            expires_at INTEGER,
            head TEXT NOT NULL,
            live_events INTEGER NOT NULL,
            ended_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX jv_sessions_one_live_per_client ON jv_sessions (client) WHERE ended_at IS NULL;
        CREATE INDEX jv_sessions_ended ON jv_sessions (ended_at, stream_id) WHERE ended_at IS NOT NULL;
        CREATE TABLE jv_clients (
            client TEXT PRIMARY KEY,
            session TEXT NOT NULL,
            day INTEGER NOT NULL,
            events INTEGER NOT NULL,
            sessions INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE jv_nodes (
            number INTEGER PRIMARY KEY,
            incarnation TEXT NOT NULL,
            node TEXT NOT NULL,
            opened_at INTEGER NOT NULL,
            opened TEXT NOT NULL
        ) STRICT;
        CREATE TABLE jv_store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            service_time INTEGER NOT NULL,
            openings INTEGER NOT NULL,
            appended INTEGER NOT NULL
        ) STRICT;
        INSERT INTO jv_store VALUES (1, 0, 0, 0);
        CREATE TABLE jv_audit_keys (
            node TEXT NOT NULL,
            key TEXT NOT NULL,
            listed TEXT NOT NULL,
            PRIMARY KEY (node, key)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE jv_policies (
            hash TEXT PRIMARY KEY,
            policy TEXT NOT NULL,
            used TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        PRAGMA application_id = 1247170638;
        PRAGMA user_version = 2;
        COMMIT;
        """;

    /// <summary>From version 1, which knew neither the nodes' audit keys nor policies, to 2.</summary>
    public const string UpgradeFrom1 =
        """
        BEGIN IMMEDIATE;
        CREATE TABLE jv_audit_keys (
            node TEXT NOT NULL,
            key TEXT NOT NULL,
            listed TEXT NOT NULL,
            PRIMARY KEY (node, key)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE jv_policies (
            hash TEXT PRIMARY KEY,
            policy TEXT NOT NULL,
            used TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 2;
        COMMIT;
        """;

    /// <summary>
    /// Exclusive from the first read to the end; a commit is durable when it returns; foreign keys are kept; a damaged cell or a
    /// schema with foreign code is an error.
    /// </summary>
    public const string Pragmas =
        """
        PRAGMA busy_timeout = 1000;
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA trusted_schema = OFF;
        PRAGMA cell_size_check = ON;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -4096;
        PRAGMA journal_size_limit = 16777216;
        """;
}
