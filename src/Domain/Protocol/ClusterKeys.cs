using System.Buffers.Binary;
using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol;

/// <summary>The keys that one cluster key gives: one seals tickets, one marks session ids. The id is public.</summary>
public readonly record struct ClusterKey(uint Id, SecretHandle TicketKey, SecretHandle IdKey);

/// <summary>All cluster keys of a node: the first makes tickets and ids, every one opens them, so that keys can be rotated (REQ-KEYS-5).</summary>
public sealed record ClusterKeys(ImmutableArray<ClusterKey> All)
{
    /// <summary>More would make every guessed id cost more than it should.</summary>
    public const int MaxKeys = 4;

    private const int RandomSize = 8;

    public ClusterKey First => All[0];

    /// <summary>Derives the set; the cluster keys themselves are not needed afterwards.</summary>
    public static ClusterKeys Derive(ICryptography crypto, IEnumerable<SecretHandle> keys)
    {
        Span<byte> id = stackalloc byte[4];
        var all = ImmutableArray.CreateBuilder<ClusterKey>();
        foreach (SecretHandle key in keys)
        {
            crypto.ExpandPublic(key, "jumping-vpn cluster key id"u8, id);
            all.Add(new(BinaryPrimitives.ReadUInt32LittleEndian(id), crypto.Expand(key, "jumping-vpn ticket"u8), crypto.Expand(key, "jumping-vpn session id"u8)));
        }
        return new(all.ToImmutable());
    }

    public bool TryFind(uint id, out ClusterKey key)
    {
        foreach (ClusterKey candidate in All)
        {
            if (candidate.Id != id) continue;
            key = candidate;
            return true;
        }
        key = default;
        return false;
    }

    /// <summary>A new session id: random bytes drawn from a fresh seed, and their MAC.</summary>
    public SessionId NewSessionId(ICryptography crypto, SecretHandle seed)
    {
        Span<byte> bytes = stackalloc byte[SessionId.Size];
        crypto.ExpandPublic(seed, "session id"u8, bytes[..RandomSize]);
        Mark(crypto, First, bytes);
        return SessionId.Read(bytes);
    }

    /// <summary>True if the id was made with one of the keys: the stateless refusal of guessed ids (REQ-FLOOD-2).</summary>
    public bool Recognises(ICryptography crypto, ReadOnlySpan<byte> id)
    {
        Span<byte> mac = stackalloc byte[ProtocolConstants.MacSize];
        bool found = false;
        foreach (ClusterKey key in All)
        {
            crypto.Mac(key.IdKey, id[..RandomSize], mac);
            found |= ConstantTime.Equal(mac[..RandomSize], id.Slice(RandomSize, RandomSize));
        }
        return found;
    }

    private static void Mark(ICryptography crypto, ClusterKey key, Span<byte> id)
    {
        Span<byte> mac = stackalloc byte[ProtocolConstants.MacSize];
        crypto.Mac(key.IdKey, id[..RandomSize], mac);
        mac[..RandomSize].CopyTo(id[RandomSize..]);
    }
}

/// <summary>Comparison whose time does not depend on where the first difference is (REQ-KEYS-3).</summary>
public static class ConstantTime
{
    public static bool Equal(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
        System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(left, right);
}
