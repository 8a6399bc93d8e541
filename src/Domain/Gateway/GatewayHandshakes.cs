using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Gateway;

/// <summary>New sessions: a first message leaves only a slot in a ring; the client's CONFIRM makes the session.</summary>
internal static class GatewayHandshakes
{
    /// <summary>INITIATION: answers, and keeps what a CONFIRM will need. REQ-REPLAY-4: a replayed one gets no further than this.</summary>
    public static void Initiate(GatewayTurn turn, TransportAddress source, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Initiation.Size || bytes[1..ProtocolConstants.PrefixSize].ContainsAnyExcept((byte)0))
        {
            turn.Reject(ReasonCode.BadLength, source.Remote);
            return;
        }
        if (turn.State.Draining) return;
        int slot = turn.State.NextSlot;
        bool isTaken = turn.State.HalfOpen.TryGetValue(slot, out HalfOpenHandshake? oldest);
        if (!turn.State.HandshakeBudget.TryTake(turn.Now, GatewayLimits.Handshakes, out Admission.TokenBucket budget) || oldest?.Append is not null)
        {
            turn.Reject(ReasonCode.RateLimited, source.Remote);
            return;
        }
        turn.State = turn.State with { HandshakeBudget = budget };
        if (!TryRead(turn, source, bytes, out NoiseResponder responder, out InitiationPayload payload, out RegisteredClient client)) return;
        HalfOpenHandshake? handshake = Respond(turn, source, Initiation.SenderIndex(bytes), responder, payload, client);
        responder.Release(turn.Crypto);
        if (handshake is null)
        {
            turn.Reject(ReasonCode.BadHandshake, source.Remote);
            return;
        }
        if (isTaken) Forget(turn, slot, oldest!);
        turn.AddIndex(handshake.Index, new ReceiverIndex(slot, null));
        turn.State = turn.State with
        {
            HalfOpen = turn.State.HalfOpen.SetItem(slot, handshake),
            NextSlot = (slot + 1) % turn.Environment.HalfOpenHandshakes,
            HalfOpenExpiry = Instant.Min(turn.State.HalfOpenExpiry, handshake.ExpiresAt),
        };
    }

    /// <summary>CONFIRM of a handshake: counts only from the first message's source (REQ-HIJACK-4).</summary>
    public static void Confirm(GatewayTurn turn, int slot, TransportAddress source, ReadOnlyMemory<byte> bytes)
    {
        HalfOpenHandshake handshake = turn.State.HalfOpen[slot];
        if (handshake.Append is not null) return;
        ReasonCode problem =
            handshake.Source != source ? ReasonCode.TokenMismatch
            : turn.Now >= handshake.ExpiresAt ? ReasonCode.HandshakeExpired
            : !Protocol.Messages.Confirm.IsAuthentic(turn.Crypto, handshake.Keys.Confirmation, bytes.Span) ? ReasonCode.BadMac
            : Protocol.Messages.Confirm.TokenOf(bytes.Span).ContainsAnyExcept((byte)0) ? ReasonCode.TokenMismatch
            : ReasonCode.None;
        if (problem != ReasonCode.None)
        {
            turn.Reject(problem, source.Remote);
            return;
        }
        if (!turn.Environment.IsCluster || OwnsSessionOf(turn, handshake.Client.Key))
        {
            Establish(turn, slot, handshake, bytes);
            return;
        }
        // The client may have a session that this node does not know.
        turn.State = turn.State with { HalfOpen = turn.State.HalfOpen.SetItem(slot, handshake with { Held = bytes }) };
        if (turn.State.LoadingClients.Contains(handshake.Client.Key)) return;
        turn.State = turn.State with { LoadingClients = turn.State.LoadingClients.Add(handshake.Client.Key) };
        turn.Emit(new GatewayEffect.LoadClient(handshake.Client.Key));
    }

    /// <summary>The store has said which live session a client has: its confirmed handshakes go on.</summary>
    public static void ClientLoaded(GatewayTurn turn, GatewayInput.ClientLoaded input)
    {
        turn.State = turn.State with { LoadingClients = turn.State.LoadingClients.Remove(input.Client) };
        foreach ((int slot, HalfOpenHandshake waiting) in turn.State.HalfOpen)
        {
            if (waiting.Client.Key != input.Client || waiting.Held is not { } confirm || waiting.Append is not null) continue;
            HalfOpenHandshake handshake = waiting with { Held = null };
            turn.State = turn.State with { HalfOpen = turn.State.HalfOpen.SetItem(slot, handshake) };
            if (!turn.Serves || turn.State.Draining) continue;
            switch (input.Loaded)
            {
                case LoadedSession.Found { Session: var old } when GatewayOwnership.HasLivingOwner(turn, old):
                    // Its owner lets go first; the client repeats its CONFIRM.
                    turn.Emit(new GatewayEffect.Want(old.Id, (long)old.Version));
                    break;
                case LoadedSession.Found { Session: var old }:
                    Establish(turn, slot, handshake, confirm, old);
                    break;
                case LoadedSession.Missing:
                    Establish(turn, slot, handshake, confirm);
                    break;
                default:
                    turn.Reject(ReasonCode.StoreUnavailable, handshake.Source.Remote);
                    break;
            }
        }
    }

    private static bool OwnsSessionOf(GatewayTurn turn, PublicKey client) =>
        turn.State.ByClient.TryGetValue(client, out SessionId id) && GatewayOwnership.Owns(turn, turn.State.Sessions[id].Session);

    /// <summary>Zeroes a half-open handshake and frees its slot.</summary>
    public static void Forget(GatewayTurn turn, int slot, HalfOpenHandshake handshake)
    {
        handshake.Keys.Release(turn.Crypto);
        turn.Crypto.Release(handshake.Root);
        turn.State = turn.State with
        {
            HalfOpen = turn.State.HalfOpen.Remove(slot),
            ByIndex = turn.State.ByIndex.Remove(handshake.Index),
        };
    }

    /// <summary>Zeroes the half-open handshakes whose time is over.</summary>
    public static void Expire(GatewayTurn turn)
    {
        if (turn.Now < turn.State.HalfOpenExpiry) return;
        Instant next = Instant.Never;
        foreach ((int slot, HalfOpenHandshake handshake) in turn.State.HalfOpen)
        {
            if (handshake.Append is not null) continue;
            if (turn.Now >= handshake.ExpiresAt) Forget(turn, slot, handshake);
            else next = Instant.Min(next, handshake.ExpiresAt);
        }
        turn.State = turn.State with { HalfOpenExpiry = next };
    }

    private static bool TryRead(
        GatewayTurn turn, TransportAddress source, ReadOnlySpan<byte> bytes,
        out NoiseResponder responder, out InitiationPayload payload, out RegisteredClient client)
    {
        payload = null!;
        client = null!;
        Span<byte> plaintext = stackalloc byte[InitiationPayload.Size];
        Either<NoiseError, NoiseResponder> read = NoiseResponder.Read(
            turn.Crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, turn.Environment.Identity, Initiation.Noise(bytes), plaintext);
        responder = read.MatchUnsafe(right => right, _ => null!);
        if (responder is null)
        {
            turn.Reject(ReasonCode.BadHandshake, source.Remote);
            return false;
        }
        ReasonCode problem =
            !InitiationPayload.TryRead(plaintext, out payload) || payload.Version != ProtocolConstants.Version ? ReasonCode.BadHandshake
            : !turn.Environment.Registry.TryFind(responder.RemoteStatic, out client) ? ReasonCode.UnknownClient
            : ReasonCode.None;
        if (problem == ReasonCode.None) return true;
        responder.Release(turn.Crypto);
        turn.Reject(problem, source.Remote);
        return false;
    }

    private static HalfOpenHandshake? Respond(
        GatewayTurn turn, TransportAddress source, uint remoteIndex, NoiseResponder responder, InitiationPayload payload, RegisteredClient client)
    {
        SecretHandle seed = turn.Draw();
        SessionId session = turn.Environment.ClusterKeys.NewSessionId(turn.Crypto, seed);
        turn.Crypto.Release(seed);
        CipherSuite suite = CipherSuites.Choose(turn.Environment.Suites, payload.Suites);
        Span<byte> plaintext = stackalloc byte[ResponsePayload.Size];
        uint index = turn.DrawIndex();
        new ResponsePayload(session, suite, index).Write(plaintext);
        Span<byte> noise = stackalloc byte[Response.NoiseSize];
        NoiseResult? result = responder.Write(turn.Crypto, turn.Draw(), client.PresharedKey, plaintext, noise).MatchUnsafe(right => right, _ => null!);
        if (result is null) return null;
        (EpochSecrets keys, SecretHandle root) = EpochSecrets.FromHandshake(turn.Crypto, result.ChainingKey, result.HandshakeHash);
        result.Release(turn.Crypto);
        byte[] response = new byte[Response.Size];
        Response.Write(response, remoteIndex, index, noise);
        turn.Emit(new GatewayEffect.Send(source, response));
        return new(index, remoteIndex, client, session, payload.Instance, payload.Path, suite, root, keys, source,
            turn.Now + GatewayLimits.HalfOpenLifetime, Append: null);
    }

    /// <param name="read">In a cluster: the client's live session as the store has it, if this node does not own it.</param>
    private static void Establish(GatewayTurn turn, int slot, HalfOpenHandshake handshake, ReadOnlyMemory<byte> confirm, Session? read = null)
    {
        StreamAppend? superseded = null;
        SessionId? known = turn.Environment.IsCluster && !OwnsSessionOf(turn, handshake.Client.Key) ? read?.Id
            : turn.State.ByClient.TryGetValue(handshake.Client.Key, out SessionId current) ? current : null;
        if (known is { } oldId)
        {
            bool isHeld = turn.State.Sessions.TryGetValue(oldId, out GatewaySession? held);
            // One append at a time per session: the client repeats its CONFIRM.
            if (held?.Append is not null) return;
            if (held is { IsDistrusted: true })
            {
                turn.Reject(ReasonCode.StoreConflict, handshake.Source.Remote, oldId);
                return;
            }
            Session old = isHeld && (read is null || GatewayOwnership.Owns(turn, held!.Session)) ? held!.Session : read!;
            Either<Rejection, Option<StreamAppend>> end = turn.Decide(
                old, new SessionCommand.Supersede(turn.Now, turn.Environment.Self, turn.Fenced(old), handshake.Session));
            superseded = end.IfLeft(Option<StreamAppend>.None).MatchUnsafe(stream => stream, () => null!);
            if (superseded is null)
            {
                turn.Reject(end.Match(_ => ReasonCode.WrongState, rejection => rejection.Reason), handshake.Source.Remote, oldId);
                return;
            }
        }
        var candidate = new TransportCandidate(handshake.Source.Remote, handshake.Source.Local, new Paths.PathId(handshake.Path));
        var command = new SessionCommand.Establish(turn.Now, turn.Environment.Self, handshake.Client.Key, handshake.Client.Name,
            handshake.Client.Addresses, handshake.Instance, candidate, turn.Environment.PolicyHash);
        turn.Decide(Session.Birth(handshake.Session), command).Match(
            decided => decided.IfSome(stream =>
            {
                var pending = new PendingAppend.Establishing(slot, stream, superseded, confirm);
                long number = superseded is null ? turn.Append(pending, stream) : turn.Append(pending, superseded, stream);
                turn.State = turn.State with { HalfOpen = turn.State.HalfOpen.SetItem(slot, handshake with { Append = number }) };
                if (superseded is not null && turn.State.Sessions.TryGetValue(superseded.Before.Id, out GatewaySession? former)) turn.Put(former with { Append = number });
            }),
            rejection => turn.Reject(rejection.Reason, handshake.Source.Remote));
    }
}
