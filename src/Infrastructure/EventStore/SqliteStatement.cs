using SQLitePCL;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>A statement that is compiled when it is first used, with parameters `?1`, `?2`, ... For one thread.</summary>
internal sealed class SqliteStatement(SqliteDatabase database, string sql) : IDisposable
{
    private sqlite3_stmt? _compiled;

    private sqlite3_stmt Compiled => _compiled ??= database.Prepare(sql);

    /// <summary>Runs it; how many rows it changed.</summary>
    public int Execute(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        int result = raw.sqlite3_step(Compiled);
        int changes = database.Changes;
        Reset();
        SqliteDatabase.Check(result);
        return changes;
    }

    /// <summary>Runs it for its rows. The cursor must be disposed before the statement runs again.</summary>
    public SqliteRows Read(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return new(this);
    }

    public void Dispose() => _compiled?.Dispose();

    internal bool Step()
    {
        int result = raw.sqlite3_step(Compiled);
        SqliteDatabase.Check(result);
        return result == raw.SQLITE_ROW;
    }

    // A statement that failed reports its error again when it is reset.
    internal void Reset() => _ = raw.sqlite3_reset(Compiled);

    internal bool IsNull(int column) => raw.sqlite3_column_type(Compiled, column) == raw.SQLITE_NULL;

    internal long Int64(int column) => raw.sqlite3_column_int64(Compiled, column);

    internal string Text(int column) => raw.sqlite3_column_text(Compiled, column).utf8_to_string() ?? "";

    private void Bind(ReadOnlySpan<object?> values)
    {
        if (values.Length != raw.sqlite3_bind_parameter_count(Compiled))
            throw new ArgumentException("the statement has another number of parameters", nameof(values));
        for (int i = 0; i < values.Length; i++)
            SqliteDatabase.Check(values[i] switch
            {
                null => raw.sqlite3_bind_null(Compiled, i + 1),
                string text => raw.sqlite3_bind_text(Compiled, i + 1, text),
                long number => raw.sqlite3_bind_int64(Compiled, i + 1, number),
                int number => raw.sqlite3_bind_int64(Compiled, i + 1, number),
                _ => throw new ArgumentException($"no column holds a {values[i]!.GetType().Name}", nameof(values)),
            });
    }
}

/// <summary>A statement's rows, one after the other; columns count from 0.</summary>
internal readonly ref struct SqliteRows(SqliteStatement statement)
{
    /// <summary>Moves to the next row; false behind the last.</summary>
    public bool Read() => statement.Step();

    public bool IsNull(int column) => statement.IsNull(column);

    public long Int64(int column) => statement.Int64(column);

    public int Int32(int column)
    {
        long number = statement.Int64(column);
        return number == (int)number ? (int)number : throw new InvalidDataException($"{number} is out of range");
    }

    public string Text(int column) => statement.Text(column);

    public void Dispose() => statement.Reset();
}
