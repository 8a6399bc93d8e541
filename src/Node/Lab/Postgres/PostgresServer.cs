using System.Diagnostics;
using System.Globalization;

namespace JumpingVpn.Node.Lab.Postgres;

/// <summary>How a throwaway server is set up.</summary>
/// <param name="IsDurable">True to flush to the disk as a real one does; false where only its behaviour counts.</param>
public sealed record PostgresServerOptions(bool IsDurable = false)
{
    /// <summary>Addresses to listen on beside the Unix socket; none if empty.</summary>
    public string Listen { get; init; } = "";

    public int Port { get; init; } = 5432;

    /// <summary>The namespace that it runs in; its Unix socket can be reached from everywhere.</summary>
    public LabNamespace? Space { get; init; }

    /// <summary>Further settings, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];
}

/// <summary>
/// A real PostgreSQL server of one's own, made from the installed programs in a temporary directory. Everybody who reaches its socket
/// may do everything, but for the role `locked`, which needs a password. It ends and its directory goes with its user, and a guard
/// does the same if the process is killed.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    /// <summary>The role that may do everything.</summary>
    public const string Role = "postgres";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly PostgresServerOptions options;
    private readonly Process guard;
    private readonly string root;

    private PostgresServer(PostgresServerOptions options, string root, Process guard)
    {
        this.options = options;
        this.root = root;
        this.guard = guard;
    }

    /// <summary>The directory of its Unix socket.</summary>
    public string SocketDirectory => root;

    public int Port => options.Port;

    /// <summary>The server's own directory, with its configuration.</summary>
    public string Data => Path.Combine(root, "data");

    /// <summary>The pid of the server's first process; null while it does not run.</summary>
    public int? ProcessId => ReadProcessId();

    /// <summary>Makes a server and starts it. Throws, in one line, if PostgreSQL is missing or refuses.</summary>
    public static PostgresServer Start(PostgresServerOptions? options = null) => Start(options ?? new(), static data =>
    {
        PostgresPrograms.Run("initdb", "-D", data, "-U", Role, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        File.WriteAllText(Path.Combine(data, "pg_hba.conf"),
            """
            local all         locked             scram-sha-256
            local all         all                trust
            local replication all                trust
            host  all         locked 0.0.0.0/0   scram-sha-256
            host  all         all    0.0.0.0/0   trust
            host  replication all    0.0.0.0/0   trust

            """);
    });

    /// <summary>Makes a standby of this server that follows it under a name, for `synchronous_standby_names`, and starts it.</summary>
    public PostgresServer StartStandby(string name, PostgresServerOptions standby) => Start(standby, data =>
    {
        string port = Port.ToString(CultureInfo.InvariantCulture);
        PostgresPrograms.Run("pg_basebackup", "-h", SocketDirectory, "-p", port, "-U", Role, "-D", data, "-X", "stream", "--checkpoint=fast", "--no-sync");
        File.WriteAllText(Path.Combine(data, "standby.signal"), "");
        File.AppendAllText(
            Path.Combine(data, "postgresql.auto.conf"),
            $"primary_conninfo = 'host={SocketDirectory} port={port} user={Role} application_name={name}'\n");
    });

    /// <summary>What Npgsql needs to reach one of its databases by the Unix socket.</summary>
    public string ConnectionString(string database, string role = Role) =>
        string.Create(CultureInfo.InvariantCulture, $"Host={SocketDirectory};Port={Port};Database={database};Username={role}");

    /// <summary>Runs SQL as the role that may do everything; the rows that it returns, without decoration.</summary>
    public string Sql(string database, string sql) => PostgresPrograms.Run(
        "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", SocketDirectory, "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", Role, "-d", database, "-c", sql).TrimEnd('\n');

    /// <summary>SIGKILL to the first process; the others end when they notice.</summary>
    public void Kill()
    {
        if (ReadProcessId() is not { } id) return;
        string[] children = File.ReadAllText($"/proc/{id}/task/{id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        LabNative.Signal(id, LabSignal.Kill);
        Wait("the killed server still runs", () => ReadProcessId() is null && !children.Any(static child => Directory.Exists("/proc/" + child)));
    }

    /// <summary>Starts it again after <see cref="Kill"/> or <see cref="Stop"/>.</summary>
    public void StartAgain() => Run();

    /// <summary>Stops it at once, without a goodbye to its clients beyond the end of their connections.</summary>
    public void Stop()
    {
        if (ReadProcessId() is { } id) LabNative.Signal(id, LabSignal.Quit);
        Wait("the server does not stop", () => ReadProcessId() is null);
    }

    /// <summary>Makes a standby the primary.</summary>
    public void Promote() => PostgresPrograms.Run("pg_ctl", "promote", "-D", Data, "-w", "-t", "20");

    public void Dispose()
    {
        LabCleanup.Unregister(this);
        if (guard.HasExited) return;
        guard.StandardInput.Close();
        if (!guard.WaitForExit(Patience)) throw new LabException($"{root} could not be removed");
        guard.Dispose();
    }

    private static PostgresServer Start(PostgresServerOptions options, Action<string> fill)
    {
        if (PostgresPrograms.Missing is { } missing) throw new LabException(missing);
        LabCleanup.RemoveOrphans();
        string root = Path.Combine(Path.GetTempPath(), LabOwner.NextStem());
        Directory.CreateDirectory(root);
        if (LabNative.IsRoot) LabCommand.Run("chown", ["postgres:postgres", root]);
        var server = new PostgresServer(options, root, Guard(root));
        LabCleanup.Register(server);
        try
        {
            fill(server.Data);
            server.Run();
            return server;
        }
        catch (LabException)
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A process in a session of its own that waits for the end of its input, which comes with the end of this process however that
    /// ends, then stops the server and removes the directory.
    /// </summary>
    private static Process Guard(string root)
    {
        const string Script =
            """
            trap '' HUP INT TERM
            cat >/dev/null
            pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
            for i in $(seq 100); do [ -n "$pid" ] && kill -0 "$pid" || break; sleep 0.05; done
            [ -n "$pid" ] && kill -KILL "$pid"
            for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$0" && break; sleep 0.2; done
            """;
        ProcessStartInfo info = LabCommand.StartInfo("setsid", ["sh", "-c", Script, root]);
        info.RedirectStandardOutput = false;
        info.RedirectStandardError = true;
        Process guard = Process.Start(info) ?? throw new LabException("setsid: did not start");
        guard.ErrorDataReceived += static (_, _) => { };
        guard.BeginErrorReadLine();
        return guard;
    }

    private void Run()
    {
        string log = Path.Combine(root, "log");
        List<string> settings =
        [
            $"unix_socket_directories={root}", $"listen_addresses={options.Listen}", $"port={options.Port}", "max_connections=200", "shared_buffers=64MB",
            $"fsync={(options.IsDurable ? "on" : "off")}", $"full_page_writes={(options.IsDurable ? "on" : "off")}", "logging_collector=off", .. options.Settings,
        ];
        (string tool, IReadOnlyList<string> arguments) = PostgresPrograms.Command("postgres", ["-D", Data, .. settings.SelectMany(static setting => (string[])["-c", setting])]);
        // A shell only to send the output to a file; the server takes its place.
        IReadOnlyList<string> shell = ["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", log, tool, .. arguments];
        ProcessStartInfo info = options.Space is { } space ? space.StartInfo("sh", shell) : LabCommand.StartInfo("sh", shell);
        using Process process = Process.Start(info) ?? throw new LabException("postgres: did not start");
        string pidFile = Path.Combine(Data, "postmaster.pid");
        Wait($"the server does not start: {LastLine(log)}", () =>
        {
            if (process.HasExited) throw new LabException($"the server did not start: {LastLine(log)}");
            return File.Exists(pidFile) && File.ReadAllLines(pidFile) is { Length: >= 8 } lines && lines[7].Trim() == "ready" && lines[0].Trim() == process.Id.ToString(CultureInfo.InvariantCulture);
        });
    }

    private static string LastLine(string log) => File.Exists(log) ? File.ReadLines(log).LastOrDefault() ?? "" : "";

    private int? ReadProcessId()
    {
        try
        {
            string pidFile = Path.Combine(Data, "postmaster.pid");
            if (!File.Exists(pidFile)) return null;
            int id = int.Parse(File.ReadLines(pidFile).First(), CultureInfo.InvariantCulture);
            return File.Exists($"/proc/{id}/stat") && !File.ReadAllText($"/proc/{id}/stat").Contains(") Z ", StringComparison.Ordinal) ? id : null;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static void Wait(string problem, Func<bool> isDone)
    {
        for (var waited = Stopwatch.StartNew(); !isDone(); Thread.Sleep(10))
            if (waited.Elapsed > Patience) throw new LabException(problem);
    }
}
