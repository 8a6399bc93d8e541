using System.Collections.Concurrent;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Running;

namespace JumpingVpn.Node.Tests.Running;

/// <summary>A node's copy of the registry follows the store's.</summary>
public sealed class SharedRegistryTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly InMemoryStoreState state = new(StorePolicy.Default);
    private readonly InMemoryClusterStore store;
    private readonly ConcurrentQueue<ClientRegistry> seen = new();
    private readonly SharedRegistry registry;

    public SharedRegistryTests()
    {
        store = new(state, new InMemoryAuditArchive(), new NodeIdentity("gw-a", "here", "host-a"), new());
        registry = new(store, 0, seen.Enqueue, _ => { });
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    [Fact]
    public async Task A_revision_that_has_moved_is_read_and_one_that_has_not_is_not()
    {
        registry.Seen(0);
        await store.AddClientAsync(Entry("laptop", 1));
        registry.Seen(state.Registry().Revision);
        Assert.True(SpinWait.SpinUntil(() => seen.Count == 1, Limit));
        Assert.True(seen.Last().TryFind(new PublicKey(0, 1), out RegisteredClient client));
        Assert.Equal(("laptop", "10.77.0.1/32"), (client.Name, client.Addresses[0].ToString()));
        for (int i = 0; i < 100; i++) registry.Seen(state.Registry().Revision);
        await Task.Delay(50);
        Assert.Single(seen);
    }

    [Fact]
    public async Task Whatever_order_words_of_changes_come_in_the_last_registry_is_the_stores()
    {
        for (int i = 1; i <= 50; i++)
        {
            await store.AddClientAsync(Entry($"client-{i}", i));
            registry.Read();
            if (i % 3 == 0) registry.Seen(state.Registry().Revision);
        }
        await store.RemoveClientAsync("client-7");
        registry.Read();
        Assert.True(SpinWait.SpinUntil(() => !seen.IsEmpty && seen.Last().Clients.Count == 49, Limit));
        Assert.False(seen.Last().TryFind(new PublicKey(0, 7), out _));
    }

    private static RegistryEntry Entry(string name, int n)
    {
        Assert.True(IpPrefix.TryParse($"10.77.0.{n}", out IpPrefix prefix));
        Assert.True(AddressSet.TryCreate([prefix], out AddressSet addresses));
        return new(name, new PublicKey(0, (UInt128)n), addresses);
    }
}
