using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

public class InMemoryEventStoreTests : EventStoreContract
{
    private InMemoryStoreState? _state;
    private ulong _openings;

    protected override Task<IEventStore> Open(StorePolicy policy)
    {
        _state ??= new InMemoryStoreState(policy);
        return Task.FromResult<IEventStore>(new InMemoryEventStore(_state, Archive, new IncarnationId(new UInt128(1, ++_openings))));
    }
}
