using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Bench.Load;

// What the nodes say to the client.
internal sealed partial class LoadClient
{
    /// <summary>Takes a datagram from a node. Whatever is not an authentic answer to something under way is ignored.</summary>
    public void Receive(int node, ReadOnlySpan<byte> datagram, long now)
    {
        if (datagram.Length < ProtocolConstants.PrefixSize) return;
        switch ((MessageType)datagram[0])
        {
            case MessageType.Response when datagram.Length == Response.Size:
                TakeResponse(node, datagram, now);
                break;
            case MessageType.Prepared:
                TakePrepared(node, datagram, now);
                break;
            case MessageType.Bound when datagram.Length == Bound.Size:
                TakeBound(node, datagram, now);
                break;
            case MessageType.Cookie when datagram.Length == Cookie.Size:
                TakeCookie(node, datagram);
                break;
            case MessageType.Refused:
                TakeRefused(node, datagram, now);
                break;
        }
    }

    private LoadAttempt? Find(int node, uint index) => attempts.FirstOrDefault(attempt => attempt.Index == index && attempt.Node == node);

    private void TakeResponse(int node, ReadOnlySpan<byte> datagram, long now)
    {
        if (Find(node, Response.ReceiverIndex(datagram)) is not { Noise: { } noise, Confirm: null } attempt) return;
        byte[] payload = new byte[ResponsePayload.Size];
        NoiseResult? result = noise.Read(Crypto, SecretHandle.None, Response.Noise(datagram), payload).Match<NoiseResult?>(read => read, _ => null);
        if (result is null || !ResponsePayload.TryRead(payload, out ResponsePayload read)) return;
        (EpochSecrets keys, SecretHandle root) = EpochSecrets.FromHandshake(Crypto, result.ChainingKey, result.HandshakeHash);
        result.Release(Crypto);
        secrets.Release(Crypto);
        secrets = SessionSecrets.Derive(Crypto, root);
        Session = read.Session;
        Confirm(attempt, keys, Response.SenderIndex(datagram), stackalloc byte[ProtocolConstants.MacSize], now);
    }

    private void TakePrepared(int node, ReadOnlySpan<byte> datagram, long now)
    {
        if (!Prepared.TryRead(datagram, out Prepared prepared) || Find(node, prepared.ReceiverIndex) is not { Noise: null, Confirm: null } attempt) return;
        if (!IsAnswer(attempt.Hash, datagram, Prepared.MacOffset) || !Crypto.TryAgree(attempt.Ephemeral, prepared.Ephemeral, out SecretHandle shared)) return;
        EpochSecrets keys = EpochSecrets.FromReattach(Crypto, secrets.Root, shared, attempt.Hash, Crypto.Sha256(Prepared.Hashed(datagram)));
        Crypto.Release(shared);
        // The first that answers is confirmed; what is only prepared elsewhere is dropped, as the real client does.
        foreach (LoadAttempt other in attempts.Where(other => other.Confirm is null && other != attempt).ToArray()) Drop(other);
        Confirm(attempt, keys, prepared.SenderIndex, Prepared.TokenOf(datagram), now);
    }

    private void Confirm(LoadAttempt attempt, EpochSecrets keys, uint remoteIndex, ReadOnlySpan<byte> token, long now)
    {
        byte[] datagram = Domain.Protocol.Messages.Confirm.Make(Crypto, keys.Confirmation, remoteIndex, token);
        keys.ReleaseData(Crypto);
        Crypto.Release(keys.Confirmation);
        attempt.GatewayControl = keys.GatewayControl;
        attempt.Confirm = datagram;
        attempt.ConfirmedAt = now;
        attempt.Tries = 1;
        attempt.RetryAt = now + Nanoseconds(ConfirmPause(1));
        world.Send(this, attempt.Node, datagram);
    }

    private void TakeBound(int node, ReadOnlySpan<byte> datagram, long now)
    {
        if (Find(node, Bound.ReceiverIndex(datagram)) is not { Confirm: not null } attempt) return;
        byte[] plaintext = new byte[Bound.PlaintextSize];
        if (!Crypto.TryOpen(attempt.GatewayControl, 0, datagram[..Bound.HeaderSize], datagram[Bound.HeaderSize..], plaintext)
            || !Bound.TryReadPlaintext(plaintext, out Bound bound))
            return;
        BindingVersion = bound.BindingVersion;
        ticket = bound.Ticket.ToArray();
        Node = node;
        Took = now - startedAt;
        DropAll();
    }

    private void TakeCookie(int node, ReadOnlySpan<byte> datagram)
    {
        if (Find(node, Cookie.ReceiverIndex(datagram)) is not { Confirm: null } attempt || attempt.CookieRounds >= ClientLimits.CookieRepeats) return;
        ReadOnlySpan<byte> mac = attempt.Noise is null
            ? Domain.Protocol.Messages.Prepare.ProofOf(attempt.Request)[..ProtocolConstants.MacSize]
            : attempt.Request.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize);
        byte[] cookie = new byte[ProtocolConstants.MacSize];
        if (!AddressMacs.TryOpenCookie(Crypto, world.AddressKeys.Cookie, datagram, mac, cookie)) return;
        cookies[node - 1] = cookie;
        attempt.CookieRounds++;
        world.Send(this, node, Stamped(attempt));
    }

    private void TakeRefused(int node, ReadOnlySpan<byte> datagram, long now)
    {
        if (!Refused.TryRead(datagram, out Refused refused) || refused.Session != Session) return;
        foreach (LoadAttempt attempt in attempts.ToArray())
        {
            if (attempt.Node != node || attempt.Noise is not null || !IsAnswer(attempt.Hash, datagram, Refused.MacOffset)) continue;
            Drop(attempt);
            var reason = (ReasonCode)refused.Reason;
            Refusals[reason] = Refusals.GetValueOrDefault(reason) + 1;
            if (reason == ReasonCode.Gone || reason.IsEnd())
            {
                Ended = reason;
                DropAll();
            }
            else if (reason == ReasonCode.VersionMismatch)
            {
                BindingVersion = Math.Max(BindingVersion, refused.BindingVersion);
                roundAt = now;
            }
            else if (refused.WaitMilliseconds > 0)
            {
                roundAt = Math.Max(roundAt, now + Nanoseconds(TimeSpan.FromMilliseconds(refused.WaitMilliseconds)));
            }

            return;
        }
    }

    private bool IsAnswer(Hash256 request, ReadOnlySpan<byte> datagram, int macOffset)
    {
        Span<byte> covered = stackalloc byte[Hash256.Size + macOffset];
        request.Write(covered);
        datagram[..macOffset].CopyTo(covered[Hash256.Size..]);
        return Crypto.VerifyMac(secrets.Answer, covered, datagram.Slice(macOffset, ProtocolConstants.MacSize));
    }
}
