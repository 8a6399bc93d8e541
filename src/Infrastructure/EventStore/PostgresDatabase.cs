using System.Data.Common;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Connections to one database and schema under one application name. Of several hosts they lead to the primary. The server ends
/// what takes too long, so that no lock outlives the one who waits for it; a commit alone is never cut short.
/// </summary>
internal sealed partial class PostgresDatabase : IAsyncDisposable
{
    /// <summary>How long the client waits for the answer to anything but a commit. The server gives up before.</summary>
    public const int CommandSeconds = 3;

    /// <summary>To reach one host, in seconds.</summary>
    private const int ConnectSeconds = 2;

    private const int MaxConnections = 16;

    /// <summary>A connection that has been silent for so long is asked once a second whether its other end is there; nine questions are enough.</summary>
    private const int KeepAliveSeconds = 5;

    /// <summary>
    /// A statement ends within 2 s, a wait for a lock within 1 s, and a transaction whose client has gone silent within 1 s: all far
    /// below the 3 s after which a reader of the whole log steps over a number that was drawn and not committed.
    /// </summary>
    private const string Settings =
        "-c synchronous_commit=on -c statement_timeout=2000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=1000 "
        + "-c tcp_user_timeout=5000 -c client_min_messages=warning -c jit=off -c timezone=UTC";

    private readonly NpgsqlDataSource _shared, _alone;
    private readonly List<NpgsqlMultiHostDataSource> _hosts = [];
    private int _outstandingCommits;

    private PostgresDatabase(NpgsqlConnectionStringBuilder parsed, string schema, string application)
    {
        Schema = schema;
        Hosts = parsed.Host!.Split(',');
        Name = $"PostgreSQL database {parsed.Database ?? parsed.Username} at {parsed.Host}";
        parsed.ApplicationName = application;
        parsed.Options = $"{parsed.Options} {Settings} -c search_path={schema}".TrimStart();
        parsed.Timeout = ConnectSeconds;
        parsed.CommandTimeout = CommandSeconds;
        // A commit is waited for without a limit, and a host that vanished in the middle of one says nothing. A Unix socket knows no such host.
        if (!Hosts.Any(static host => host.StartsWith('/') || host.StartsWith('@')))
        {
            parsed.TcpKeepAlive = true;
            parsed.TcpKeepAliveTime = KeepAliveSeconds;
            parsed.TcpKeepAliveInterval = 1;
        }
        // Who has waited in vain closes the connection at once instead of waiting for the cancellation too.
        parsed.CancellationTimeout = -1;
        parsed.MaxPoolSize = MaxConnections;
        parsed.MaxAutoPrepare = 48;
        parsed.AutoPrepareMinUsages = 2;
        parsed.IncludeErrorDetail = false;
        parsed.PersistSecurityInfo = false;
        _shared = Source(parsed);
        parsed.Pooling = false;
        _alone = Source(parsed);
    }

    public string Schema { get; }

    /// <summary>Commits whose answers nobody waits for any more, and which have not come.</summary>
    public int OutstandingCommits => Volatile.Read(ref _outstandingCommits);

    public IReadOnlyList<string> Hosts { get; }

    /// <summary>For messages: what it is and where, without any secret.</summary>
    public string Name { get; }

    /// <summary>Left, in one line without any secret, if the string is no connection string. Connects to nothing yet.</summary>
    public static Either<string, PostgresDatabase> Create(string connectionString, string schema, string application)
    {
        if (!SchemaName().IsMatch(schema) || schema.StartsWith("pg_", StringComparison.Ordinal))
            return $"{schema} is no name for the store's schema: lower-case letters, digits and _, at most 48 of them";
        try
        {
            var parsed = new NpgsqlConnectionStringBuilder(connectionString);
            if (string.IsNullOrEmpty(parsed.Host)) return "the store's connection string names no Host";
            return new PostgresDatabase(parsed, schema, application);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException or NotSupportedException)
        {
            // The library's own words may quote a piece of a password.
            return "the store's connection string cannot be read: it is a list of NAME=VALUE, separated by semicolons (Host, Port, Database, Username, ...)";
        }
    }

    /// <summary>A connection of the pool, for one statement that reads.</summary>
    public Task<NpgsqlConnection> OpenSharedAsync() => OpenAsync(_shared);

    /// <summary>
    /// A connection of its own that ends when it is closed, as one must be after an error: what it has prepared until then is not to be
    /// relied on any more.
    /// </summary>
    public Task<NpgsqlConnection> OpenAloneAsync() => OpenAsync(_alone);

    /// <summary>Counts a commit that nobody waits for any more, until it has ended.</summary>
    public async Task OutlastAsync(Task commit)
    {
        Interlocked.Increment(ref _outstandingCommits);
        await commit.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Decrement(ref _outstandingCommits);
    }

    /// <summary>Gives up the pool's connections: one of them has met an error, or leads to a server that is no primary any more.</summary>
    public void Forget()
    {
        _shared.Clear();
        ForgetHosts();
    }

    /// <summary>True for what the world outside can cause; anything else is a fault of the program.</summary>
    public static bool IsOutside(Exception e) => e is DbException or IOException or SocketException or TimeoutException or ObjectDisposedException;

    /// <summary>True if the server we talk to takes no writes: it has become, or always was, a standby.</summary>
    public static bool IsReadOnly(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction };

    /// <summary>One line that names the database and says what went wrong.</summary>
    public string Describe(Exception e) => $"{Name}: {Words(e)}".ReplaceLineEndings(" ");

    public async ValueTask DisposeAsync()
    {
        await _shared.DisposeAsync().ConfigureAwait(false);
        await _alone.DisposeAsync().ConfigureAwait(false);
        foreach (NpgsqlMultiHostDataSource hosts in _hosts) await hosts.DisposeAsync().ConfigureAwait(false);
    }

    private NpgsqlDataSource Source(NpgsqlConnectionStringBuilder parsed)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(parsed.ConnectionString);
        // Only built-in types are used: a starting node need not read the server's catalogue of types.
        builder.ConfigureTypeLoading(static loading => loading.EnableTypeLoading(false));
        builder.EnableArrays();
        builder.EnableTransportSecurity();
        builder.EnableIntegratedSecurity();
        if (Hosts.Count == 1) return builder.Build();
        NpgsqlMultiHostDataSource hosts = builder.BuildMultiHost();
        _hosts.Add(hosts);
        return hosts.WithTargetSession(TargetSessionAttributes.Primary);
    }

    private async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource source)
    {
        try
        {
            return await source.OpenConnectionAsync().ConfigureAwait(false);
        }
        catch (NpgsqlException)
        {
            // What was a standby a moment ago may be the primary now.
            ForgetHosts();
            throw;
        }
    }

    private void ForgetHosts()
    {
        foreach (NpgsqlMultiHostDataSource hosts in _hosts) hosts.ClearDatabaseStates();
    }

    private static string Words(Exception e) => e switch
    {
        PostgresException server => server.MessageText,
        ObjectDisposedException => "the store is closed",
        { InnerException: TimeoutException } or TimeoutException => "no answer in time",
        AggregateException several => string.Join("; ", several.InnerExceptions.Select(Words).Distinct()),
        NpgsqlException { InnerException: { } inner } => inner is SocketException or AggregateException or IOException
            ? $"{e.Message.TrimEnd('.')}: {Words(inner)}"
            : Words(inner),
        _ => e.Message,
    };

    // Two channels are named after the schema, and names have 63 bytes.
    [GeneratedRegex("^[a-z_][a-z0-9_]{0,47}$")]
    private static partial Regex SchemaName();
}
