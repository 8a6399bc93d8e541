using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

public sealed class InMemoryClusterStoreTests : ClusterStoreContract
{
    private readonly InMemoryStoreState _state = new(StorePolicy.Default);
    private readonly List<(InMemoryClusterStore Store, Action<ClusterNotice> Notice)> _nodes = [];
    private readonly Lock _gate = new();

    protected override Task<IClusterStore> Connect(NodeIdentity identity, Action<ClusterNotice> notice)
    {
        _state.Notify ??= (to, told) =>
        {
            foreach ((InMemoryClusterStore node, Action<ClusterNotice> take) in _nodes)
                if (to is null || node.Opening.Incarnation == to) take(told);
        };
        var store = new InMemoryClusterStore(_state, new InMemoryAuditArchive(), identity, _gate);
        _nodes.Add((store, notice));
        return Task.FromResult<IClusterStore>(store);
    }
}
