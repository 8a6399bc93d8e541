using System.Buffers.Binary;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// The session's resumption secret, sealed under a cluster key and held by the client: any node of the cluster can check
/// a proof of possession with it. It binds the session id and the client's key.
/// </summary>
/// <param name="Session">Whose ticket it is.</param>
/// <param name="Client">The client's public key; the registry is asked for it again whenever a ticket is opened.</param>
/// <param name="Root">The root secret; the caller owns the handle.</param>
public readonly record struct Ticket(SessionId Session, PublicKey Client, SecretHandle Root)
{
    private const int KeyIdSize = 4;
    private const int PlaintextSize = SessionId.Size + PublicKey.Size;

    /// <summary>Key id 4, nonce 24, sealed (session 16, client 32, root 32) and tag 16.</summary>
    public const int Size = KeyIdSize + ICryptography.LongNonceSize + PlaintextSize + ICryptography.SecretSize + ICryptography.TagSize;

    /// <summary>Seals under the first cluster key. The nonce is drawn from <paramref name="seed"/>, which must be fresh.</summary>
    public byte[] Seal(ICryptography crypto, ClusterKeys keys, SecretHandle seed)
    {
        byte[] ticket = new byte[Size];
        ClusterKey key = keys.First;
        BinaryPrimitives.WriteUInt32LittleEndian(ticket, key.Id);
        Span<byte> nonce = ticket.AsSpan(KeyIdSize, ICryptography.LongNonceSize);
        crypto.ExpandPublic(seed, "ticket nonce"u8, nonce);
        Span<byte> plaintext = stackalloc byte[PlaintextSize];
        Session.Write(plaintext);
        Client.Write(plaintext[SessionId.Size..]);
        crypto.SealLong(key.TicketKey, nonce, ticket.AsSpan(0, KeyIdSize), plaintext, Root, ticket.AsSpan(KeyIdSize + ICryptography.LongNonceSize));
        return ticket;
    }

    /// <summary>False if no cluster key opens it. On success the caller owns the root's handle.</summary>
    public static bool TryOpen(ICryptography crypto, ClusterKeys keys, ReadOnlySpan<byte> bytes, out Ticket ticket)
    {
        ticket = default;
        if (bytes.Length != Size || !keys.TryFind(BinaryPrimitives.ReadUInt32LittleEndian(bytes), out ClusterKey key)) return false;
        Span<byte> plaintext = stackalloc byte[PlaintextSize];
        if (!crypto.TryOpenLong(key.TicketKey, bytes.Slice(KeyIdSize, ICryptography.LongNonceSize), bytes[..KeyIdSize],
            bytes[(KeyIdSize + ICryptography.LongNonceSize)..], plaintext, out SecretHandle root))
            return false;
        ticket = new(SessionId.Read(plaintext), PublicKey.Read(plaintext[SessionId.Size..]), root);
        return true;
    }
}
