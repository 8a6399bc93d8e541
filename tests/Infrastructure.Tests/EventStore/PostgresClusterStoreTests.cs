using JumpingVpn.Domain.Ownership;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

[NeedsPostgres]
public sealed class PostgresClusterStoreTests : ClusterStoreContract
{
    private readonly PostgresSchemas _schema = new();

    protected override async Task<IClusterStore> Connect(NodeIdentity identity, Action<ClusterNotice> notice) =>
        await PostgresSchemas.Open(_schema.Options() with { Identity = identity, Notice = notice });
}
