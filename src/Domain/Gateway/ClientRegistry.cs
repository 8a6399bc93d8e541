using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>A client that may connect.</summary>
/// <param name="PresharedKey">None stands for 32 zero bytes.</param>
public sealed record RegisteredClient(string Name, PublicKey Key, AddressSet Addresses, SecretHandle PresharedKey);

/// <summary>All clients that may connect, by their public key.</summary>
public sealed record ClientRegistry(ImmutableSortedDictionary<PublicKey, RegisteredClient> Clients)
{
    public static ClientRegistry From(IEnumerable<RegisteredClient> clients) =>
        new(clients.ToImmutableSortedDictionary(client => client.Key, client => client));

    public bool TryFind(PublicKey key, out RegisteredClient client)
    {
        bool found = Clients.TryGetValue(key, out RegisteredClient? value);
        client = value!;
        return found;
    }
}
