using System.Buffers.Binary;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol.Messages;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// The two keys that anybody who knows the gateway's public key can derive: MAC1 shows that a sender knows whom it talks
/// to, the cookie key seals cookies (WireGuard 5.4.4, 5.4.7).
/// </summary>
public readonly record struct AddressKeys(SecretHandle Mac1, SecretHandle Cookie)
{
    public static AddressKeys Derive(ICryptography crypto, PublicKey gateway) =>
        new(DeriveOne(crypto, "jumping-vpn mac1"u8, gateway), DeriveOne(crypto, "jumping-vpn cook"u8, gateway));

    private static SecretHandle DeriveOne(ICryptography crypto, ReadOnlySpan<byte> label, PublicKey gateway)
    {
        Span<byte> bytes = stackalloc byte[16 + PublicKey.Size];
        label.CopyTo(bytes);
        gateway.Write(bytes[16..]);
        Span<byte> key = stackalloc byte[Hash256.Size];
        crypto.Sha256(bytes).Write(key);
        return crypto.Import(key);
    }
}

/// <summary>What a node binds to an address by MAC, keeping nothing: cookies and reattach tokens.</summary>
public static class AddressMacs
{
    private const int AddressSize = 18;

    /// <summary>The cookie of an address and port under the gateway's current cookie secret.</summary>
    public static void Cookie(ICryptography crypto, SecretHandle secret, Endpoint remote, Span<byte> cookie)
    {
        Span<byte> bytes = stackalloc byte[AddressSize];
        Write(bytes, remote);
        crypto.Mac(secret, bytes, cookie);
    }

    /// <summary>The token that a CONFIRM must bring from the source that the PREPARE came from.</summary>
    public static void Token(ICryptography crypto, SecretHandle secret, SessionId session, Hash256 prepare, TransportAddress source, Span<byte> token)
    {
        Span<byte> bytes = stackalloc byte[SessionId.Size + Hash256.Size + 2 * AddressSize + 4];
        session.Write(bytes);
        prepare.Write(bytes[SessionId.Size..]);
        Span<byte> addresses = bytes[(SessionId.Size + Hash256.Size)..];
        Write(addresses, source.Remote);
        Write(addresses[AddressSize..], source.Local);
        BinaryPrimitives.WriteInt32LittleEndian(addresses[(2 * AddressSize)..], source.Socket);
        crypto.Mac(secret, bytes, token);
    }

    /// <summary>Seals a cookie for the sender of a request; the request's MAC is the associated data, so only its sender can use it.</summary>
    public static void SealCookie(
        ICryptography crypto, SecretHandle cookieKey, SecretHandle seed, uint receiverIndex, ReadOnlySpan<byte> requestMac, ReadOnlySpan<byte> cookie, Span<byte> datagram)
    {
        datagram = datagram[..Messages.Cookie.Size];
        Messages.Cookie.WriteHeader(datagram, receiverIndex);
        Span<byte> nonce = datagram.Slice(Messages.Cookie.NonceOffset, ICryptography.LongNonceSize);
        crypto.ExpandPublic(seed, "cookie nonce"u8, nonce);
        crypto.SealLong(cookieKey, nonce, requestMac, cookie, SecretHandle.None, datagram[Messages.Cookie.SealedOffset..]);
    }

    /// <summary>Opens a COOKIE against the MAC of the request that it answers.</summary>
    public static bool TryOpenCookie(ICryptography crypto, SecretHandle cookieKey, ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> requestMac, Span<byte> cookie) =>
        datagram.Length == Messages.Cookie.Size
        && crypto.TryOpenLong(cookieKey, datagram.Slice(Messages.Cookie.NonceOffset, ICryptography.LongNonceSize), requestMac,
            datagram[Messages.Cookie.SealedOffset..], cookie);

    private static void Write(Span<byte> bytes, Endpoint endpoint)
    {
        BinaryPrimitives.WriteUInt128BigEndian(bytes, endpoint.Address);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[16..], endpoint.Port);
    }
}
