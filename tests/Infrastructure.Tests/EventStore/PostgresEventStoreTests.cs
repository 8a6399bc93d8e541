using JumpingVpn.Domain.EventStore;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

[NeedsPostgres]
public sealed class PostgresEventStoreTests : EventStoreContract
{
    private readonly PostgresSchemas _schema = new();
    private IEventStore? _open;

    protected override async Task<IEventStore> Open(StorePolicy policy)
    {
        if (_open is not null) await _open.DisposeAsync();
        return _open = await PostgresSchemas.Enter(_schema.Options(policy: policy, archive: Archive));
    }
}
