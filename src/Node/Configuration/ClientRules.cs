using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Configuration;

/// <summary>What a gateway asks of each client by itself, wherever its registry lies; each method gives what is wrong, or null.</summary>
internal static class ClientRules
{
    /// <summary>Reads the other side's public key.</summary>
    /// <param name="own">This node's public key.</param>
    /// <param name="privateDigest">By this a private key is known that was written where a public one belongs.</param>
    public static string? PublicKeyOf(string text, PublicKey own, Hash256 privateDigest, out PublicKey key)
    {
        if (!PublicKey.TryParse(text, out key)) return WrongKey(text);
        if (KeyPairs.IsPrivateKey(key, privateDigest)) return "this is this node's private key; keep it secret and write the other side's public key here";
        if (key == own) return "this is this node's own public key; the other side's belongs here";
        return KeyPairs.IsLowOrder(key) ? "no key that can be used: a point of low order (RFC 7748, section 6.1)" : null;
    }

    /// <summary>A client's prefix must lie in one of the tunnel's networks, and not cover the gateway's address there.</summary>
    public static string? WrongInTunnel(IpPrefix prefix, ImmutableArray<IpPrefix> networks)
    {
        foreach (IpPrefix mine in networks)
        {
            if (!mine.Network.Overlaps(prefix)) continue;
            if (prefix.Contains(mine.Address) && prefix.IsIPv4 == mine.IsIPv4) return $"{prefix} covers the gateway's own address {mine}";
            return prefix.Length >= mine.Length ? null : $"{prefix} is larger than the tunnel's network {mine.Network}";
        }
        return $"{prefix} lies outside the tunnel's networks ({string.Join(", ", networks.Select(a => a.Network))})";
    }

    private static string WrongKey(string text)
    {
        Span<byte> bytes = stackalloc byte[64];
        if (text.Length <= 88 && Convert.TryFromBase64String(text, bytes, out int length))
            return $"a key of 32 bytes is expected, these are {length.ToString(CultureInfo.InvariantCulture)}";
        return "not a public key; 44 characters of base64 are expected, as `jumping-vpn pubkey` prints them";
    }
}
