namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The store's file as one connection has it open, with all that is prepared on it. For one thread.</summary>
internal sealed class SqliteOpenFile : IDisposable
{
    public SqliteOpenFile(SqliteDatabase database)
    {
        Database = database;
        Tables = new(database);
        Begin = new(database, "BEGIN IMMEDIATE");
        Commit = new(database, "COMMIT");
        Rollback = new(database, "ROLLBACK");
        Savepoint = new(database, "SAVEPOINT request");
        Release = new(database, "RELEASE request");
        RollbackTo = new(database, "ROLLBACK TO request");
    }

    public SqliteDatabase Database { get; }

    public SqliteTables Tables { get; }

    public SqliteStatement Begin { get; }

    public SqliteStatement Commit { get; }

    public SqliteStatement Rollback { get; }

    public SqliteStatement Savepoint { get; }

    public SqliteStatement Release { get; }

    public SqliteStatement RollbackTo { get; }

    public void Dispose()
    {
        ReadOnlySpan<SqliteStatement> all = [Begin, Commit, Rollback, Savepoint, Release, RollbackTo];
        foreach (SqliteStatement statement in all) statement.Dispose();
        Tables.Dispose();
        Database.Dispose();
    }
}
