using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What makes a client fit beside the others: one name, one key and its own addresses.</summary>
public static class RegistryRules
{
    /// <summary>Clients of one gateway, or of all nodes that share a database: what bounds the sessions that one node may have (REQ-EXHAUST-1).</summary>
    public const int MaxClients = 20_000;

    /// <summary>Null if the client may be added; otherwise one line that says why not.</summary>
    public static string? WrongWith(RegistryEntry client, IEnumerable<RegistryEntry> others)
    {
        int count = 0;
        foreach (RegistryEntry other in others)
        {
            if (++count == MaxClients) return $"there are {MaxClients} clients already";
            if (other.Name == client.Name) return $"a client named {client.Name} exists already";
            if (other.Key == client.Key) return $"client {other.Name} has the same public key";
            foreach (IpPrefix prefix in client.Addresses)
                foreach (IpPrefix taken in other.Addresses)
                    if (prefix.Overlaps(taken)) return $"{prefix} overlaps {taken} of client {other.Name}";
        }
        return null;
    }

    public static string NoSuchClient(string name) => $"there is no client named {name}";
}
