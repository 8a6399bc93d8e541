using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>HMAC-SHA256 (RFC 2104, RFC 4231).</summary>
public static unsafe class HmacSha256
{
    /// <summary>Size of a MAC, in bytes.</summary>
    public const int MacSize = 32;

    /// <summary>A key of any length.</summary>
    public static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac) => Mac(key, data, default, default, mac);

    /// <summary>MAC of three pieces put one behind the other; <paramref name="mac"/> may overlap the first piece.</summary>
    internal static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, Span<byte> mac)
    {
        Sizes.Require(mac, MacSize);
        Span<byte> state = stackalloc byte[LibSodium.HmacSha256StateSize];
        fixed (byte* s = state, k = key, a = first, b = second, c = third, output = mac)
        {
            _ = LibSodium.crypto_auth_hmacsha256_init(s, k, (nuint)key.Length);
            _ = LibSodium.crypto_auth_hmacsha256_update(s, a, (ulong)first.Length);
            _ = LibSodium.crypto_auth_hmacsha256_update(s, b, (ulong)second.Length);
            _ = LibSodium.crypto_auth_hmacsha256_update(s, c, (ulong)third.Length);
            _ = LibSodium.crypto_auth_hmacsha256_final(s, output);
        }
        CryptographicOperations.ZeroMemory(state);
    }
}
