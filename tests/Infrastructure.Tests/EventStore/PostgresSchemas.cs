using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>One server for the whole run, and in its one database a schema of its own for each test.</summary>
internal sealed class PostgresSchemas
{
    public const string Database = "stores";

    private static readonly Lazy<PostgresServer> Shared = new(static () =>
    {
        var server = PostgresServer.Start();
        server.Sql("postgres", $"CREATE DATABASE {Database}");
        return server;
    });

    private static int _count;

    public static PostgresServer Server => Shared.Value;

    /// <summary>Long ones: on a busy machine a renewal may take its time.</summary>
    public static readonly LeaseTimes Lease = LeaseTimes.Of(TimeSpan.FromSeconds(16), TimeSpan.FromSeconds(1));

    /// <summary>The test's schema; nothing has made it yet.</summary>
    public string Schema { get; } = $"test_{Interlocked.Increment(ref _count)}";

    public static ClusterSettings Settings(params string[] keys) => new([.. keys.Length == 0 ? ["key-1"] : keys], Lease);

    public PostgresStoreOptions Options(string node = "gw-a", StorePolicy? policy = null, IAuditArchive? archive = null) => new(
        Server.ConnectionString(Database), new NodeIdentity(node, "place of " + node, "host of " + node), policy ?? StorePolicy.Default,
        archive ?? new InMemoryAuditArchive(), static () => new WallTime(1_790_000_000_000_000))
    {
        Schema = Schema,
        Settings = Settings(),
    };

    /// <summary>Opens the store; a test that expects a refusal calls <see cref="PostgresEventStore.OpenAsync"/> itself.</summary>
    public static async Task<PostgresEventStore> Open(PostgresStoreOptions options) =>
        (await PostgresEventStore.OpenAsync(options)).Match(Right: static store => store, Left: static reason => throw new InvalidOperationException(reason));

    public static async Task<PostgresEventStore> Enter(PostgresStoreOptions options)
    {
        PostgresEventStore store = await Open(options);
        return await store.EnterAsync(null) is EnterResult.Entered ? store : throw new InvalidOperationException("the node could not enter");
    }

    /// <summary>Runs SQL in the test's schema.</summary>
    public string Sql(string sql) => Server.Sql(Database, $"SET search_path = {Schema}; {sql}");
}
