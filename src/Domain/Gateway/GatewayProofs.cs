using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// Finds the secrets that a request must prove: in memory, or in the ticket that it carries. Before the proof a request gets
/// no answer and leaves no trace (REQ-OFFPATH-1, REQ-FLOOD-1), whether there is such a session or not (REQ-OFFPATH-3).
/// </summary>
internal static class GatewayProofs
{
    /// <summary>
    /// The session that a request names, with its secrets, if the request proves that it holds them. For a session that
    /// has ended <paramref name="session"/> is null and <paramref name="secrets"/> belong to the caller; its client may have left the
    /// registry, and learns that the session is gone all the same.
    /// </summary>
    /// <param name="verify">True if the request is authentic under these secrets.</param>
    public static bool TryProve(
        GatewayTurn turn, SessionId id, Endpoint source, ReadOnlySpan<byte> ticket, ReadOnlySpan<byte> datagram, Proof verify,
        out GatewaySession? session, out SessionSecrets secrets)
    {
        turn.State.Sessions.TryGetValue(id, out session);
        if (session is { IsDistrusted: true })
        {
            secrets = default;
            turn.Reject(ReasonCode.StoreConflict, source, id);
            return false;
        }
        if (session?.Secrets is { } known)
        {
            secrets = known;
            // REQ-HIJACK-6: what is remembered of another node's session has not been asked for since.
            if (!turn.Environment.Registry.TryFind(session.Session.Client, out _))
            {
                turn.Reject(ReasonCode.UnknownClient, source, id);
                return false;
            }
            if (verify(turn.Crypto, known, datagram)) return true;
            turn.Reject(ReasonCode.BadProof, source, id);
            return false;
        }
        if (!TryOpenTicket(turn, id, session, ticket, out secrets))
        {
            turn.Reject(ReasonCode.BadTicket, source, id);
            return false;
        }
        if (!verify(turn.Crypto, secrets, datagram))
        {
            secrets.Release(turn.Crypto);
            turn.Reject(ReasonCode.BadProof, source, id);
            return false;
        }
        if (session is null) return true;
        session = session with { Secrets = secrets };
        turn.Put(session);
        return true;
    }

    public delegate bool Proof(ICryptography crypto, SessionSecrets secrets, ReadOnlySpan<byte> datagram);

    /// <summary>
    /// REQ-HIJACK-6: the ticket must be of this session and of the client whose session it is, and the client still registered. Where
    /// no session is left there is nothing to grant, so the registry is not asked.
    /// </summary>
    private static bool TryOpenTicket(GatewayTurn turn, SessionId id, GatewaySession? session, ReadOnlySpan<byte> bytes, out SessionSecrets secrets)
    {
        secrets = default;
        if (bytes.IsEmpty || !Ticket.TryOpen(turn.Crypto, turn.Environment.ClusterKeys, bytes, out Ticket ticket)) return false;
        bool fits = ticket.Session == id
            && (session is null || (session.Session.Client == ticket.Client && turn.Environment.Registry.TryFind(ticket.Client, out _)));
        if (!fits)
        {
            turn.Crypto.Release(ticket.Root);
            return false;
        }
        secrets = SessionSecrets.Derive(turn.Crypto, ticket.Root);
        return true;
    }
}

/// <summary>The answers to proven requests, MACed over the request's hash.</summary>
internal static class GatewayAnswers
{
    /// <summary>REFUSED, to the request's source.</summary>
    public static void Refuse(
        GatewayTurn turn, TransportAddress source, SessionId id, SessionSecrets secrets, Hash256 request, Rejection rejection, InstanceId instance)
    {
        byte[] datagram = new byte[Refused.Size];
        Span<byte> hash = stackalloc byte[Hash256.Size];
        request.Write(hash);
        new Refused(id, (ushort)rejection.Reason, rejection.BindingVersion,
            (uint)Math.Clamp(rejection.RetryAfter.TotalMilliseconds, 0, uint.MaxValue), Field.U32(hash, 0), instance).Write(datagram);
        Authenticate(turn.Crypto, secrets.Answer, hash, datagram, Refused.MacOffset);
        turn.Emit(new GatewayEffect.Send(source, datagram));
        turn.Reject(rejection.Reason, source.Remote, id);
    }

    /// <summary>ENDED: to an END, or, with a hash of zeros, to the last bound transport of a session that was ended here.</summary>
    public static void End(GatewayTurn turn, TransportAddress to, SessionId id, SessionSecrets secrets, Hash256 request, ReasonCode reason, ulong version)
    {
        byte[] datagram = new byte[Ended.Size];
        Span<byte> hash = stackalloc byte[Hash256.Size];
        request.Write(hash);
        new Ended(id, (ushort)reason, version).Write(datagram);
        Authenticate(turn.Crypto, secrets.Answer, hash, datagram, Ended.MacOffset);
        turn.Emit(new GatewayEffect.Send(to, datagram));
    }

    /// <summary>Writes the MAC of (prefix, datagram up to the MAC) into the datagram.</summary>
    public static void Authenticate(ICryptography crypto, SecretHandle key, ReadOnlySpan<byte> prefix, Span<byte> datagram, int macOffset)
    {
        Span<byte> covered = stackalloc byte[prefix.Length + macOffset];
        prefix.CopyTo(covered);
        datagram[..macOffset].CopyTo(covered[prefix.Length..]);
        crypto.Mac(key, covered, datagram.Slice(macOffset, ProtocolConstants.MacSize));
    }
}
