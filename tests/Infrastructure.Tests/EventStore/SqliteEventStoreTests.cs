using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

public sealed class SqliteEventStoreTests : EventStoreContract, IDisposable
{
    private readonly StoreDirectory _directory = new();
    private IEventStore? _open;

    protected override async Task<IEventStore> Open(StorePolicy policy)
    {
        if (_open is not null) await _open.DisposeAsync();
        return _open = _directory.Open(policy, Archive).Match(Right: static store => store, Left: static reason => throw new InvalidOperationException(reason));
    }

    public void Dispose() => _directory.Dispose();
}

/// <summary>A directory of its own for a test's files.</summary>
internal sealed class StoreDirectory : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("jumping-vpn-store-").FullName;

    public string Database => Path.Combine(Root, "events.db");

    public Either<string, SqliteEventStore> Open(StorePolicy? policy = null, IAuditArchive? archive = null) =>
        SqliteEventStore.Open(new(Database, "gw-a", policy ?? StorePolicy.Default, archive ?? new InMemoryAuditArchive(), static () => new WallTime(1_790_000_000_000_000)));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
