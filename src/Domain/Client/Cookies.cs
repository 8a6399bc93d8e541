using System.Buffers.Binary;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// Cookies: a gateway under load answers a request with one instead of working; the request is then repeated at once
/// with a MAC under it, a bounded number of times (REQ-FLOOD-3).
/// </summary>
internal static class Cookies
{
    /// <summary>
    /// The request as it is sent now: with a MAC under the path's cookie over all that stands before it, if there is a fresh one.
    /// </summary>
    public static ReadOnlyMemory<byte> Stamp(ClientTurn turn, ClientPath path, ReadOnlyMemory<byte> request, int macOffset)
    {
        if (path.Cookie is not { } cookie || !cookie.IsFresh(turn.Now)) return request;
        byte[] stamped = request.ToArray();
        Span<byte> value = stackalloc byte[ProtocolConstants.MacSize];
        BinaryPrimitives.WriteUInt128BigEndian(value, cookie.Value);
        ControlFilter.CookieMac(turn.Crypto, value, stamped.AsSpan(0, macOffset), stamped.AsSpan(macOffset, ProtocolConstants.MacSize));
        return stamped;
    }

    /// <summary>A COOKIE counts only for whom it was sealed to: it names one of our requests, and only that request's MAC opens it.</summary>
    public static void Receive(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length != Cookie.Size)
        {
            turn.Reject(ReasonCode.BadLength, "COOKIE on " + path.Name);
            return;
        }
        uint index = Cookie.ReceiverIndex(datagram);
        foreach (HandshakeAttempt attempt in turn.State.Handshakes)
        {
            if (attempt.LocalIndex != index || attempt.Path != path.Id || attempt.Stage is not HandshakeStage.Initiating initiating) continue;
            if (Take(turn, path, datagram, initiating.Datagram.Span.Slice(Initiation.Mac1Offset, ProtocolConstants.MacSize)) is { } fresh)
                ClientHandshakes.RepeatWithCookie(turn, fresh, attempt);
            return;
        }
        foreach (ReattachAttempt attempt in turn.State.Reattach?.Attempts ?? [])
        {
            if (attempt.LocalIndex != index || attempt.Path != path.Id || attempt.Stage is not ReattachStage.Preparing) continue;
            if (Take(turn, path, datagram, Prepare.ProofOf(attempt.Datagram.Span)[..ProtocolConstants.MacSize]) is { } fresh)
                ClientReattaches.RepeatWithCookie(turn, fresh, attempt);
            return;
        }
        if (turn.State.End is { } end && Take(turn, path, datagram, end.Datagram.Span.Slice(End.ProofOffset, ProtocolConstants.MacSize)) is { } known)
            SessionEnds.RepeatWithCookie(turn, known, end);
        else
            turn.Reject(ReasonCode.UnknownReceiver, "COOKIE on " + path.Name);
    }

    private static ClientPath? Take(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> requestMac)
    {
        Span<byte> value = stackalloc byte[ProtocolConstants.MacSize];
        if (!AddressMacs.TryOpenCookie(turn.Crypto, turn.State.AddressKeys.Cookie, datagram, requestMac, value))
        {
            turn.Reject(ReasonCode.BadTag, "COOKIE on " + path.Name);
            return null;
        }
        ClientPath fresh = path with { Cookie = new(BinaryPrimitives.ReadUInt128BigEndian(value), turn.Now) };
        turn.Put(fresh);
        return fresh;
    }
}
