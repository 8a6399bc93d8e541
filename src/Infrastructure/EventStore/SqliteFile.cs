using System.Buffers.Binary;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

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
    public static Either<string, SqliteDatabase> Open(string path)
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
            return $"{path}: {e.Message}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            return $"{path}: {e.Message}";
        }
    }

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
        using (SqliteDatabase database = SqliteDatabase.Open(draft))
        {
            database.Execute(SqliteSchema.Create);
        }
        using (var file = new FileStream(draft, FileMode.Open, FileAccess.ReadWrite)) file.Flush(flushToDisk: true);
        File.Move(draft, path, overwrite: false);
        SecureFile.SyncDirectory(path);
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
        if (version < 1) return $"{path} has an unknown schema ({version})";
        // With a log beside it the file may be behind, and opening it mends that.
        if (length % PageSize(header) != 0 && !File.Exists(path + "-wal")) return $"{path} is cut off at {length} bytes";
        if (File.GetUnixFileMode(path) != OwnerOnly) File.SetUnixFileMode(path, OwnerOnly);
        return null;
    }

    /// <summary>Adds the tables that an older version's file lacks, in one transaction. The header may be behind the log, so it is asked for here.</summary>
    private static void Upgrade(SqliteDatabase database)
    {
        long version;
        using (var ask = new SqliteStatement(database, "PRAGMA user_version"))
        using (SqliteRows rows = ask.Read())
        {
            rows.Read();
            version = rows.Int64(0);
        }
        if (version == 1) database.Execute(SqliteSchema.UpgradeFrom1);
    }

    /// <summary>The header's page size; 1 stands for 65,536 (the file format's description, 1.3.2).</summary>
    private static int PageSize(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadUInt16BigEndian(header[PageSizeOffset..]) is var size and > 1 ? size : 65_536;

    private static Either<string, SqliteDatabase> Connect(string path)
    {
        SqliteDatabase database = SqliteDatabase.Open(path);
        try
        {
            // The first statement that reads takes the exclusive lock, which WAL mode under EXCLUSIVE keeps until the end.
            database.Execute(SqliteSchema.Pragmas);
            database.Execute("BEGIN IMMEDIATE; COMMIT;");
            using var check = new SqliteStatement(database, "PRAGMA quick_check(1)");
            string answer;
            using (SqliteRows rows = check.Read()) answer = rows.Read() ? rows.Text(0) : "";
            if (answer == "ok")
            {
                check.Dispose();
                Upgrade(database);
                return database;
            }
            check.Dispose();
            database.Dispose();
            return $"{path} is damaged: {answer.ReplaceLineEndings("; ")}";
        }
        catch (SqliteException)
        {
            database.Dispose();
            throw;
        }
    }
}
