using SQLitePCL;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>SQLite said no: its primary and extended error codes and its words.</summary>
internal sealed class SqliteException(int code, string message) : Exception(message)
{
    /// <summary>SQLITE_FULL.</summary>
    public const int Full = 13;

    /// <summary>The primary result code.</summary>
    public int Code { get; } = code & 0xFF;
}

/// <summary>
/// An open database, for one thread. It speaks to SQLite without ADO.NET, whose connection strings and readers cost a starting
/// node more than everything else that it does with its store.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    private readonly sqlite3 _handle;

    static SqliteDatabase() => Batteries_V2.Init();

    private SqliteDatabase(sqlite3 handle) => _handle = handle;

    /// <summary>Opens a file that is there, for reading and writing.</summary>
    public static SqliteDatabase Open(string path)
    {
        int result = raw.sqlite3_open_v2(path, out sqlite3 handle, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX, null);
        if (result != raw.SQLITE_OK)
        {
            handle.Dispose();
            throw Error(result);
        }
        _ = raw.sqlite3_extended_result_codes(handle, 1);
        return new(handle);
    }

    public bool InTransaction => raw.sqlite3_get_autocommit(_handle) == 0;

    /// <summary>Runs statements without parameters, separated by semicolons; what they return is passed over.</summary>
    public void Execute(string sql) => Check(raw.sqlite3_exec(_handle, sql));

    /// <summary>How many rows the last statement changed.</summary>
    public int Changes => raw.sqlite3_changes(_handle);

    public sqlite3_stmt Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out sqlite3_stmt statement));
        return statement;
    }

    /// <summary>Closes the file; the last connection's end moves the log into it.</summary>
    public void Dispose() => _handle.Dispose();

    internal static void Check(int result)
    {
        if (result is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE)) throw Error(result);
    }

    private static SqliteException Error(int result) => new(result, $"{raw.sqlite3_errstr(result).utf8_to_string()} (SQLite error {result})");
}
