using System.Collections.Immutable;
using System.Diagnostics;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using Microsoft.Data.Sqlite;
using static JumpingVpn.Infrastructure.Tests.EventStore.Sessions;
using SqliteException = Microsoft.Data.Sqlite.SqliteException;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>What the SQLite adapter does with files that are not whole, not its own, or cannot be written.</summary>
public sealed class SqliteFileTests : IDisposable
{
    private readonly StoreDirectory _directory = new();

    private string Database => _directory.Database;

    public void Dispose() => _directory.Dispose();

    private string Refusal() => _directory.Open().Match(
        Right: static _ => throw new InvalidOperationException("the store opened"),
        Left: static reason =>
        {
            Assert.DoesNotContain('\n', reason);
            return reason;
        });

    private SqliteEventStore Opened() =>
        _directory.Open().Match(Right: static store => store, Left: static reason => throw new InvalidOperationException(reason));

    private async Task Fill(int sessions = 3, int events = 20)
    {
        await using SqliteEventStore store = Opened();
        for (int session = 1; session <= sessions; session++) Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(session, 0, events)));
    }

    private void RunSql(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>The refusal names the file, says what is wrong, and leaves every byte as it was.</summary>
    private void IsRefusedUntouched(string expected)
    {
        byte[] before = File.ReadAllBytes(Database);
        string reason = Refusal();
        Assert.StartsWith(Database, reason, StringComparison.Ordinal);
        Assert.Contains(expected, reason, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Database));
    }

    [Fact]
    public async Task A_new_store_is_readable_by_its_owner_only_and_so_are_its_companions()
    {
        await using SqliteEventStore store = Opened();
        await store.AppendAsync(One(1, 0));
        string[] files = Directory.GetFiles(_directory.Root);
        Assert.Equal(["events.db", "events.db-wal", "events.db.lock"], files.Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(files, static file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Fact]
    public async Task A_second_node_on_the_same_file_is_refused_and_told_who_holds_it()
    {
        await using SqliteEventStore store = Opened();
        string reason = Refusal();
        Assert.Equal($"{Database} is in use by process {Environment.ProcessId}", reason);
        Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 0)));
    }

    [Fact]
    public async Task Another_program_that_reads_the_file_is_kept_out_while_the_node_runs()
    {
        await using SqliteEventStore store = Opened();
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False;Default Timeout=1");
        Assert.Throws<SqliteException>(() =>
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "SELECT count(*) FROM mt_events";
            command.ExecuteScalar();
        });
    }

    [Fact]
    public void An_empty_file_is_no_new_store()
    {
        File.WriteAllBytes(Database, []);
        IsRefusedUntouched("is empty");
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused()
    {
        File.WriteAllText(Database, new string('x', 4096));
        IsRefusedUntouched("is not an SQLite database");
    }

    [Fact]
    public void A_database_of_another_program_is_refused()
    {
        RunSql("CREATE TABLE t (a); PRAGMA application_id = 42; PRAGMA user_version = 1;");
        IsRefusedUntouched("belongs to another program");
    }

    [Fact]
    public async Task A_store_of_a_newer_version_is_refused()
    {
        await Fill();
        RunSql("PRAGMA user_version = 3");
        IsRefusedUntouched("was written by a newer version (schema 3; this one knows 2)");
    }

    [Fact]
    public async Task A_truncated_store_is_refused_at_whatever_length()
    {
        await Fill();
        byte[] whole = File.ReadAllBytes(Database);
        for (int length = whole.Length - 1; length > 0; length -= 3_001)
        {
            File.WriteAllBytes(Database, whole[..length]);
            IsRefusedUntouched("");
        }
    }

    [Fact]
    public async Task A_store_with_overwritten_pages_is_refused()
    {
        await Fill(20, 60);
        byte[] damaged = File.ReadAllBytes(Database);
        var random = new Random(7);
        for (int page = 8; page < damaged.Length / 4096; page += 8) random.NextBytes(damaged.AsSpan(page * 4096, 512));
        File.WriteAllBytes(Database, damaged);
        IsRefusedUntouched("");
    }

    [Fact]
    public async Task A_missing_store_whose_log_is_there_is_no_new_store()
    {
        await Fill();
        File.Move(Database, Database + "-wal");
        Assert.Contains("is missing", Refusal(), StringComparison.Ordinal);
        Assert.False(File.Exists(Database));
    }

    [Fact]
    public void A_directory_that_is_missing_is_an_error_that_names_it()
    {
        Directory.Delete(_directory.Root);
        Assert.Contains(Database, Refusal(), StringComparison.Ordinal);
        Directory.CreateDirectory(_directory.Root);
    }

    [Fact]
    public async Task A_half_made_store_of_a_crash_is_made_again()
    {
        File.WriteAllText(Database + ".new", "half");
        await Fill();
        Assert.False(File.Exists(Database + ".new"));
    }

    [Fact]
    public async Task A_file_that_others_could_read_is_closed_to_them()
    {
        await Fill();
        File.SetUnixFileMode(Database, (UnixFileMode)0x1B6);
        await Fill(0);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Database));
    }

    [Theory]
    [InlineData("UPDATE mt_events SET data = replace(data, '192.0.2.1', '192.0.2.9') WHERE version = 2", "version 2: the content does not match its hash")]
    [InlineData("DELETE FROM mt_events WHERE version = 2", "version 3: an event before it is missing")]
    [InlineData("DELETE FROM mt_events WHERE version = 20", "19 events up to version 19, not 20 up to 20")]
    [InlineData("UPDATE mt_events SET data = '{' WHERE version = 2", "no JSON")]
    public async Task A_stream_that_was_tampered_with_is_corrupt_and_the_others_are_served(string sql, string expected)
    {
        await Fill();
        RunSql(sql + $" AND stream_id = '{Id(2)}'");
        await using SqliteEventStore store = Opened();
        var corrupt = Assert.IsType<LoadResult.Corrupt>(await store.LoadAsync(Id(2)));
        Assert.Contains(expected, corrupt.Reason, StringComparison.Ordinal);
        Assert.Contains(Id(2).ToString(), corrupt.Reason, StringComparison.Ordinal);
        Assert.IsType<CompactResult.Corrupt>(await store.CompactAsync(Id(2), 10, SnapshotDraft(10)));
        var all = (ImmutableArray<LoadResult>)await store.LoadAllLiveAsync();
        Assert.Equal([true, false, true], all.Select(static loaded => loaded is LoadResult.Found));
    }

    [Fact]
    public async Task One_bad_request_in_a_group_harms_no_other()
    {
        await using SqliteEventStore store = Opened();
        var tasks = new List<Task<AppendResult>>();
        for (int i = 1; i <= 200; i++) tasks.Add(store.AppendAsync(One(i, i % 5 == 0 ? 3 : 0)).AsTask());
        Task<AppendResult> malformed = store.AppendAsync(new AppendRequest(new StreamAppend(Id(500), 0, [Draft(1) with { Reason = "no" }], Summary(500)))).AsTask();
        for (int i = 201; i <= 400; i++) tasks.Add(store.AppendAsync(One(i, 0)).AsTask());
        AppendResult[] results = await Task.WhenAll(tasks);
        Assert.Equal(40, results.OfType<AppendResult.Missing>().Count());
        Assert.Equal(360, results.OfType<AppendResult.Committed>().Count());
        await Assert.ThrowsAsync<ArgumentException>(() => malformed);
        Assert.Equal(360, store.Status.LiveEvents);
    }

    [Fact]
    public async Task A_closed_store_refuses_and_says_so()
    {
        SqliteEventStore store = Opened();
        await store.DisposeAsync();
        Assert.Equal(new AppendResult.Unavailable("the store is closed"), await store.AppendAsync(One(1, 0)));
        Assert.Equal(new LoadResult.Unavailable("the store is closed"), await store.LoadAsync(Id(1)));
        Assert.False(await store.CheckpointAsync(Instant.Zero));
    }

    [Fact]
    public async Task A_full_disk_refuses_appends_loses_nothing_and_is_over_when_there_is_room_again()
    {
        string mount = Path.Combine(_directory.Root, "small");
        Directory.CreateDirectory(mount);
        if (!Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "mounting a file system needs privilege");
            return;
        }
        try
        {
            string path = Path.Combine(mount, "events.db");
            string ballast = Path.Combine(mount, "ballast");
            var options = new SqliteStoreOptions(path, "gw-a", StorePolicy.Default, new InMemoryAuditArchive(), static () => default);
            var acknowledged = new Dictionary<int, long>();
            await using (var store = (SqliteEventStore)SqliteEventStore.Open(options))
            {
                File.WriteAllBytes(ballast, new byte[300_000]);
                AppendResult? refused = null;
                for (int session = 1; refused is null; session++)
                {
                    AppendResult result = await store.AppendAsync(One(session, 0, 10));
                    if (result is AppendResult.Committed) acknowledged[session] = 10;
                    else refused = result;
                }
                Assert.Contains(path, Assert.IsType<AppendResult.Unavailable>(refused).Reason, StringComparison.Ordinal);
                Assert.False(store.Status.Healthy);
                Assert.IsType<AppendResult.Unavailable>(await store.AppendAsync(One(1, 10, 30)));
                foreach (int session in acknowledged.Keys) Assert.IsType<LoadResult.Found>(await store.LoadAsync(Id(session)));
                File.Delete(ballast);
                Assert.IsType<AppendResult.Committed>(await store.AppendAsync(One(1, 10)));
                acknowledged[1] = 11;
                Assert.True(store.Status.Healthy);
            }
            await using var again = (SqliteEventStore)SqliteEventStore.Open(options);
            var all = (ImmutableArray<LoadResult>)await again.LoadAllLiveAsync();
            Assert.Equal(acknowledged, all.ToDictionary(
                static loaded => (int)(ulong)((LoadResult.Found)loaded).History.Stream.Value, static loaded => ((LoadResult.Found)loaded).History.Head.Version));
        }
        finally
        {
            Run("umount", mount);
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        using Process? process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true });
        process!.WaitForExit();
        return process.ExitCode == 0;
    }
}
