using System.Globalization;
using Npgsql;

namespace JumpingVpn.Node.Lab.Database;

/// <summary>
/// A real PostgreSQL server with an empty data directory, on a Unix socket and nothing else: file system sockets are there in every
/// network namespace. It runs as a user without rights, since it refuses root, and dies with whoever started it.
/// </summary>
public sealed class LabDatabase : IDisposable
{
    /// <summary>Databases are made under this user; connections from this host need no password.</summary>
    public const string User = "jump";

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(20);

    private readonly string binaries;
    private readonly string account;
    private readonly string directory;
    private readonly string name;
    private LabProcess? process;
    private int databases;
    private bool disposed;

    private LabDatabase(string directory, string name, string binaries, string account)
    {
        this.directory = directory;
        this.name = name;
        this.binaries = binaries;
        this.account = account;
    }

    /// <summary>The server's socket.</summary>
    public string SocketPath => Path.Combine(directory, DatabaseLink.FileName(DatabaseLink.Port));

    /// <summary>The postmaster's process.</summary>
    public int ProcessId => process!.Id;

    public bool HasExited => process!.HasExited;

    private string Data => Path.Combine(directory, "data");

    /// <summary>One line that says what is missing, or null.</summary>
    public static string? Missing() =>
        Binaries() is null ? "the lab needs a PostgreSQL server of version 15 or later (package postgresql)"
        : Account() is null ? "the lab needs a user without rights (postgres or nobody) to run PostgreSQL as"
        : LabCommand.Exists("setpriv") ? null : "the lab needs `setpriv` (package util-linux)";

    /// <summary>Makes a data directory and starts a server on it. Throws <see cref="LabException"/> with the server's words.</summary>
    public static LabDatabase Start(string name = "primary")
    {
        LabDatabase server = Prepare(name);
        try
        {
            server.AsAccount("initdb", "-D", server.Data, "-U", User, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions");
            server.Launch();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Starts a hot standby of this server and returns once it streams synchronously: from then on each commit waits for it, in the state
    /// that a client asks for.
    /// </summary>
    public LabDatabase StartStandby(string standbyName = "standby")
    {
        LabDatabase standby = Prepare(standbyName);
        try
        {
            standby.AsAccount("pg_basebackup", "-D", standby.Data, "-h", directory, "-U", User, "-X", "stream", "-c", "fast", "-R", "--no-sync");
            // The last of the settings counts; the one of the primary came with the copy.
            File.AppendAllText(Path.Combine(standby.Data, "postgresql.conf"), Settings(standby.directory, standbyName));
            standby.Launch();
            Execute("postgres", $"ALTER SYSTEM SET synchronous_standby_names = '{standbyName}'");
            Execute("postgres", "SELECT pg_reload_conf()");
            bool streams = LabClock.WaitUntil(
                () => Query<long>("postgres", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'") == 1, ReadyLimit);
            return streams ? standby : throw new LabException($"the standby does not stream:{Environment.NewLine}{standby.process?.Output()}");
        }
        catch
        {
            standby.Dispose();
            throw;
        }
    }

    /// <summary>Makes the standby the primary; returns when it takes writes. What it had been told to wait for is not there, so it waits for nobody.</summary>
    public void Promote() => AsAccount("pg_ctl", "promote", "-D", Data, "-w");

    /// <summary>A new, empty database; its name.</summary>
    public string CreateDatabase()
    {
        string database = string.Create(CultureInfo.InvariantCulture, $"lab{Interlocked.Increment(ref databases)}");
        Execute("postgres", $"CREATE DATABASE {database}");
        return database;
    }

    /// <summary>What opens a database by the socket in <paramref name="socketDirectory"/>, or by several.</summary>
    public static string ConnectionString(string database, params string[] socketDirectory) =>
        string.Create(CultureInfo.InvariantCulture, $"Host={string.Join(',', socketDirectory)};Port={DatabaseLink.Port};Database={database};Username={User}");

    /// <summary>The same, to the server itself.</summary>
    public string ConnectionString(string database) => ConnectionString(database, directory);

    public void Execute(string database, string statement)
    {
        using NpgsqlConnection connection = Open(database);
        using NpgsqlCommand command = new(statement, connection);
        command.ExecuteNonQuery();
    }

    /// <summary>The one value that a query gives.</summary>
    public T Query<T>(string database, string query)
    {
        using NpgsqlConnection connection = Open(database);
        using NpgsqlCommand command = new(query, connection);
        return command.ExecuteScalar() is T value ? value : throw new LabException($"no {typeof(T).Name}: {query}");
    }

    /// <summary>SIGKILL to the postmaster and what it has started.</summary>
    public void Kill()
    {
        IReadOnlyList<int> children = Children(ProcessId);
        process!.Kill();
        // Without their postmaster they end at their next look; a dead host has none of them at once.
        foreach (int child in children) LabNative.Signal(child, LabSignal.Kill);
    }

    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        if (process is not null)
        {
            if (!process.HasExited) process.Signal(LabSignal.Quit);
            process.Stop(TimeSpan.FromSeconds(5));
            process.Dispose();
        }

        LabCleanup.RemoveDirectory(directory);
        LabCleanup.Unregister(this);
    }

    private static LabDatabase Prepare(string name)
    {
        if (Missing() is { } line) throw new LabException(line);
        LabCleanup.RemoveOrphans();
        string directory = Path.Combine(Path.GetTempPath(), LabOwner.NextStem() + "-" + name);
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string account = Account()!;
        LabCommand.Run("chown", [account, directory]);
        var server = new LabDatabase(directory, name, Binaries()!, account);
        LabCleanup.Register(server);
        return server;
    }

    private void Launch()
    {
        string configuration = Path.Combine(Data, "postgresql.conf");
        if (!File.ReadAllText(configuration).Contains(directory, StringComparison.Ordinal)) File.AppendAllText(configuration, Settings(directory, name));
        process = LabProcess.StartOutside(
            name, "setpriv", ["--reuid", account, "--clear-groups", "--pdeathsig", "QUIT", Path.Combine(binaries, "postgres"), "-D", Data]);
        bool ready = LabClock.WaitUntil(() => process.HasExited || Answers(), ReadyLimit, 50);
        if (!ready || process.HasExited) throw new LabException($"PostgreSQL does not start:{Environment.NewLine}{process.Output()}");
    }

    private bool Answers()
    {
        if (!File.Exists(SocketPath)) return false;
        try
        {
            return Query<int>("postgres", "SELECT 1") == 1;
        }
        catch (NpgsqlException)
        {
            // It is still starting.
            return false;
        }
    }

    private NpgsqlConnection Open(string database)
    {
        // Not pooled: a server that is killed must not leave connections behind in this process.
        var connection = new NpgsqlConnection(ConnectionString(database) + ";Pooling=false;Timeout=5;CommandTimeout=10");
        connection.Open();
        return connection;
    }

    private static string Settings(string directory, string name) => string.Create(CultureInfo.InvariantCulture, $"""

        listen_addresses = ''
        port = {DatabaseLink.Port}
        unix_socket_directories = '{directory}'
        unix_socket_permissions = 0777
        cluster_name = '{name}'
        max_connections = 100
        log_min_messages = warning

        """);

    private void AsAccount(string tool, params string[] arguments) =>
        LabCommand.Run("setpriv", ["--reuid", account, "--clear-groups", Path.Combine(binaries, tool), .. arguments]);

    /// <summary>Debian keeps each major version's tools in a directory of its own; the newest one that is recent enough.</summary>
    private static string? Binaries()
    {
        const string root = "/usr/lib/postgresql";
        const int oldest = 15;
        if (!Directory.Exists(root)) return null;
        return Directory.EnumerateDirectories(root)
            .Select(path => (Path: Path.Combine(path, "bin"), Version: int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int version) ? version : 0))
            .Where(found => found.Version >= oldest && File.Exists(Path.Combine(found.Path, "initdb")))
            .OrderByDescending(found => found.Version)
            .Select(found => found.Path)
            .FirstOrDefault();
    }

    private static string? Account()
    {
        HashSet<string> known = [.. File.ReadLines("/etc/passwd").Select(line => line.Split(':')[0])];
        return new[] { "postgres", "nobody" }.FirstOrDefault(known.Contains);
    }

    private static IReadOnlyList<int> Children(int parent)
    {
        string file = string.Create(CultureInfo.InvariantCulture, $"/proc/{parent}/task/{parent}/children");
        return [.. File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
    }
}
