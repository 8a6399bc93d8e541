using System.Buffers.Binary;
using LanguageExt;
using Microsoft.Data.Sqlite;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Makes a new store's file, or opens one that is there after looking at it. What is not ours, newer, empty or damaged is an
/// error in one line, and the file is left as it was.
/// </summary>
internal static class SqliteFile
{
    private const int HeaderSize = 100;
    private const int PageSizeOffset = 16;
    private const int UserVersionOffset = 60;
    private const int ApplicationIdOffset = 68;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Opens <paramref name="path"/>. The caller holds the store's lock.</summary>
    public static Either<string, SqliteConnection> Open(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                if (File.Exists(path + "-wal")) return $"{path} is missing, but {path}-wal is there: restore the file or move both away";
                Create(path);
            }
            return Inspect(path) is { } fault ? fault : Connect(path);
        }
        catch (SqliteException e)
        {
            return $"{path}: {Describe(e)}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{path}: {e.Message}";
        }
    }

    /// <summary>SQLite's words for an error, without the wrapper's.</summary>
    public static string Describe(SqliteException e) =>
        SQLitePCL.raw.sqlite3_errstr(e.SqliteErrorCode).utf8_to_string() + $" (SQLite error {e.SqliteExtendedErrorCode})";

    /// <summary>
    /// Under another name first, so that a crash on the way leaves no half-made store: a file under the store's name is complete.
    /// </summary>
    private static void Create(string path)
    {
        string draft = path + ".new";
        File.Delete(draft);
        File.Delete(draft + "-journal");
        using (new FileStream(draft, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, UnixCreateMode = OwnerOnly }))
        {
        }
        using (SqliteConnection connection = Dial(draft))
        {
            Execute(connection, SqliteSchema.Create);
        }
        using (var file = new FileStream(draft, FileMode.Open, FileAccess.ReadWrite)) file.Flush(flushToDisk: true);
        File.Move(draft, path, overwrite: false);
        string directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (!PosixFile.SyncDirectory(directory)) throw new IOException($"{directory}: {PosixFile.LastError}");
    }

    private static string? Inspect(string path)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        long length;
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            length = file.Length;
            if (length == 0) return $"{path} is empty: it was cut off, or is no event store";
            if (file.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize || !header.StartsWith("SQLite format 3\0"u8))
                return $"{path} is not an SQLite database";
        }
        if (BinaryPrimitives.ReadInt32BigEndian(header[ApplicationIdOffset..]) != SqliteSchema.ApplicationId)
            return $"{path} belongs to another program, or is no event store";
        int version = BinaryPrimitives.ReadInt32BigEndian(header[UserVersionOffset..]);
        if (version > SqliteSchema.Version) return $"{path} was written by a newer version (schema {version}; this one knows {SqliteSchema.Version})";
        if (version < SqliteSchema.Version) return $"{path} has an unknown schema ({version})";
        // With a log beside it the file may be behind, and opening it mends that.
        if (length % PageSize(header) != 0 && !File.Exists(path + "-wal")) return $"{path} is cut off at {length} bytes";
        if (File.GetUnixFileMode(path) != OwnerOnly) File.SetUnixFileMode(path, OwnerOnly);
        return null;
    }

    /// <summary>The header's page size; 1 stands for 65,536 (the file format's description, 1.3.2).</summary>
    private static int PageSize(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadUInt16BigEndian(header[PageSizeOffset..]) is var size and > 1 ? size : 65_536;

    private static Either<string, SqliteConnection> Connect(string path)
    {
        SqliteConnection connection = Dial(path);
        try
        {
            Execute(connection, SqliteSchema.Pragmas);
            // Takes the exclusive lock, which WAL mode under EXCLUSIVE keeps until the connection closes.
            Execute(connection, "BEGIN IMMEDIATE; COMMIT;");
            using SqliteCommand check = connection.CreateCommand();
            check.CommandText = "PRAGMA quick_check(1)";
            var answer = (string?)check.ExecuteScalar();
            if (answer == "ok") return connection;
            connection.Dispose();
            return $"{path} is damaged: {answer?.ReplaceLineEndings("; ")}";
        }
        catch (SqliteException)
        {
            connection.Dispose();
            throw;
        }
    }

    private static SqliteConnection Dial(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 1 }.ToString());
        connection.Open();
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
