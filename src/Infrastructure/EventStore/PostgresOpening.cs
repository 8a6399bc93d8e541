using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Makes the schema, brings an older one up to date, and checks that this node may use it. Several nodes may do so at once: a
/// lock lets one after the other.
/// </summary>
internal static class PostgresOpening
{
    /// <summary>One lock for whatever concerns the store as a whole: its schema, its settings and who enters. Ends with the transaction.</summary>
    public const string LockStore = "SELECT pg_advisory_xact_lock(hashtextextended('jumping-vpn store ' || $1, 0))";

    /// <summary>Another node may be making the schema.</summary>
    private static readonly string[] Patience =
        ["SET LOCAL lock_timeout = '20s'", "SET LOCAL statement_timeout = '30s'", "SET LOCAL idle_in_transaction_session_timeout = '10s'"];

    private const int OpeningSeconds = 35;

    /// <summary>Null once the store can be used; otherwise one line that says why not, and nothing was changed.</summary>
    public static async Task<string?> OpenAsync(PostgresDatabase database, PostgresStoreOptions options)
    {
        try
        {
            await using PostgresConnection connection = await PostgresConnection.OpenAsync(database).ConfigureAwait(false);
            if (connection.ServerVersion < PostgresSchema.OldestServer)
                return $"{database.Name}: the server has version {connection.ServerVersion}; {PostgresSchema.OldestServer} or later is needed";
            if (database.Hosts.Count > 1 && !options.StoresNothing && await StandbysAsync(connection).ConfigureAwait(false) is "")
                return $"{database.Name}: several hosts, but the primary has no synchronous standby (synchronous_standby_names is empty): "
                    + "a failover would lose what was acknowledged";
            string? refusal = await PrepareAsync(connection, options).ConfigureAwait(false);
            return refusal is null ? null : $"{database.Name}: {refusal}";
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e) || e is InvalidDataException)
        {
            return database.Describe(e);
        }
    }

    private static async Task<string> StandbysAsync(PostgresConnection connection)
    {
        await using NpgsqlBatch batch = connection.Batch().With("SHOW synchronous_standby_names");
        return await batch.ExecuteScalarAsync().ConfigureAwait(false) as string ?? "";
    }

    private static async Task<string?> PrepareAsync(PostgresConnection connection, PostgresStoreOptions options)
    {
        await using (NpgsqlBatch begin = connection.Begin())
        {
            begin.Timeout = OpeningSeconds;
            foreach (string statement in Patience) begin.With(statement);
            await begin.With(LockStore, options.Schema).ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        await using NpgsqlBatch last = connection.Batch();
        string? refusal = await UpgradeAsync(connection, options.Schema).ConfigureAwait(false);
        if (refusal is null && options.Settings is { } settings)
            refusal = await PostgresSettings.AgreeAsync(connection, settings, options.Identity, (sql, values) => last.With(sql, values)).ConfigureAwait(false);
        if (refusal is not null)
        {
            await connection.RollbackAsync().ConfigureAwait(false);
            return refusal;
        }
        return await connection.CommitAsync(last).ConfigureAwait(false) switch
        {
            CommitFate.Stored => null,
            CommitFate.Unknown unknown => unknown.Reason,
            CommitFate.Refused refused => throw refused.Cause,
            _ => throw new InvalidOperationException("a commit's fate that is none of the known ones"),
        };
    }

    private static async Task<string?> UpgradeAsync(PostgresConnection connection, string schema)
    {
        int version = await VersionAsync(connection, schema).ConfigureAwait(false);
        if (version > PostgresSchema.Version)
            return $"schema {schema} has version {version} and was made by a newer program; this one knows version {PostgresSchema.Version}";
        if (version < 0) return $"schema {schema} holds event tables of another program: choose another schema";
        if (version == PostgresSchema.Version) return null;
        await using NpgsqlBatch upgrade = connection.Batch();
        upgrade.Timeout = OpeningSeconds;
        if (version == 0 && !await ExistsAsync(connection, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", schema).ConfigureAwait(false))
            upgrade.With($"CREATE SCHEMA {schema}");
        foreach (string script in PostgresSchema.Upgrades.Skip(version))
            foreach (string statement in script.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
                upgrade.With(statement);
        upgrade.With("UPDATE jv_store SET schema_version = $1", PostgresSchema.Version);
        await upgrade.ExecuteNonQueryAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>0 for an empty schema or none; negative for somebody else's tables.</summary>
    private static async Task<int> VersionAsync(PostgresConnection connection, string schema)
    {
        if (await ExistsAsync(connection, "SELECT to_regclass($1) IS NOT NULL", schema + ".jv_store").ConfigureAwait(false))
        {
            await using NpgsqlBatch read = connection.Batch().With("SELECT schema_version FROM jv_store");
            return await read.ExecuteScalarAsync().ConfigureAwait(false) is int version ? version : throw new InvalidDataException("the store's own row is missing");
        }
        return await ExistsAsync(connection, "SELECT to_regclass($1) IS NOT NULL", schema + ".mt_streams").ConfigureAwait(false) ? -1 : 0;
    }

    private static async Task<bool> ExistsAsync(PostgresConnection connection, string sql, string name)
    {
        await using NpgsqlBatch batch = connection.Batch().With(sql, name);
        return await batch.ExecuteScalarAsync().ConfigureAwait(false) is true;
    }
}
