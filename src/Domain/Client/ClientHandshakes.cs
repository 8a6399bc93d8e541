using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// New sessions. Every open path is tried, the best first and the others shortly after, so that a dead first uplink costs
/// a moment; the first path that answers is confirmed and the others are forgotten.
/// </summary>
internal static class ClientHandshakes
{
    /// <summary>Starts, repeats and gives up what is due.</summary>
    public static void Run(ClientTurn turn)
    {
        if (WantedAt(turn.State) > turn.Now) return;
        foreach (HandshakeAttempt attempt in turn.State.Handshakes)
        {
            if (attempt.GiveUpAt <= turn.Now) GiveUp(turn, attempt);
            else if (attempt.RetryAt <= turn.Now) Repeat(turn, attempt);
        }
        if (turn.State.Connect.NextAt > turn.Now || NextPath(turn.State) is not { } path) return;
        Start(turn, path);
        turn.State = turn.State with { Connect = turn.State.Connect with { NextAt = turn.Now + ClientLimits.HandshakeStagger } };
    }

    public static Instant Deadline(ClientState state)
    {
        Instant wanted = WantedAt(state);
        if (wanted == Instant.Never) return Instant.Never;
        Instant at = NextPath(state) is null ? Instant.Never : state.Connect.NextAt;
        foreach (HandshakeAttempt attempt in state.Handshakes) at = Instant.Min(at, Instant.Min(attempt.RetryAt, attempt.GiveUpAt));
        return at == Instant.Never ? Instant.Never : Instant.Max(at, wanted);
    }

    public static void ReceiveResponse(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length != Response.Size)
        {
            turn.Reject(ReasonCode.BadLength, "RESPONSE on " + path.Name);
            return;
        }
        uint index = Response.ReceiverIndex(datagram);
        HandshakeAttempt? attempt = turn.State.Handshakes.FirstOrDefault(attempt => attempt.LocalIndex == index && attempt.Path == path.Id);
        // A second answer to a repeated initiation comes late by rule, not by fault.
        if (attempt is { Stage: HandshakeStage.Confirming }) return;
        if (attempt?.Stage is not HandshakeStage.Initiating initiating)
        {
            turn.Reject(ReasonCode.UnknownReceiver, "RESPONSE on " + path.Name);
            return;
        }
        Span<byte> payload = stackalloc byte[ResponsePayload.Size];
        NoiseResult? result = initiating.Noise.Read(turn.Crypto, turn.Environment.PresharedKey, Response.Noise(datagram), payload)
            .MatchUnsafe(right => right, _ => null!);
        if (result is null)
        {
            turn.Reject(ReasonCode.BadHandshake, "RESPONSE on " + path.Name);
            return;
        }
        // REQ-PATH-1: the index lies outside of what is sealed; whoever changes it on the way would send our CONFIRM into the void.
        if (!ResponsePayload.TryRead(payload, out ResponsePayload response) || response.SenderIndex != Response.SenderIndex(datagram))
            turn.Reject(ReasonCode.Malformed, "RESPONSE on " + path.Name);
        else if (turn.State.Session is null) Confirm(turn, path, attempt, response, result);
        else SessionUpkeep.GatewayLives(turn);
        result.Release(turn.Crypto);
    }

    /// <summary>True if the datagram is the BOUND of one of our handshakes, whether it opens or not.</summary>
    public static bool TryReceiveBound(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        uint index = Bound.ReceiverIndex(datagram);
        HandshakeAttempt? attempt = turn.State.Handshakes.FirstOrDefault(attempt => attempt.LocalIndex == index && attempt.Path == path.Id);
        if (attempt?.Stage is not HandshakeStage.Confirming confirming) return false;
        if (!BoundArrival.TryOpen(turn, path, confirming.Keys.GatewayControl, datagram, out Bound bound)) return true;
        if (bound.Instance != turn.State.Instance || !((SessionState)bound.State).IsBound())
        {
            turn.Reject(ReasonCode.Malformed, "BOUND on " + path.Name);
            return true;
        }
        // What follows owns the secrets of this attempt; those of the others go.
        turn.State = turn.State with { Handshakes = turn.State.Handshakes.Remove(attempt) };
        DropWhere(turn, _ => true);
        BoundArrival.Establish(turn, path, attempt.LocalIndex, confirming, bound);
        return true;
    }

    public static void RepeatWithCookie(ClientTurn turn, ClientPath path, HandshakeAttempt attempt)
    {
        if (attempt.CookieRounds >= ClientLimits.CookieRepeats || attempt.Stage is not HandshakeStage.Initiating initiating) return;
        turn.Send(path, Cookies.Stamp(turn, path, initiating.Datagram, Initiation.Mac2Offset));
        Replace(turn, attempt, attempt with { CookieRounds = attempt.CookieRounds + 1 });
    }

    public static void DropWhere(ClientTurn turn, Func<HandshakeAttempt, bool> isDropped)
    {
        foreach (HandshakeAttempt attempt in turn.State.Handshakes)
        {
            if (!isDropped(attempt)) continue;
            attempt.Stage.Release(turn.Crypto);
            turn.State = turn.State with { Handshakes = turn.State.Handshakes.Remove(attempt) };
        }
    }

    /// <summary>How long the client waits after so many sessions that ended in a row: nothing after the first.</summary>
    public static TimeSpan Pause(ClientTurn turn, int failures) =>
        failures <= 1 ? TimeSpan.Zero : turn.Jitter(Backoff.Double(ClientLimits.ReconnectPause, failures - 2, ClientLimits.ReconnectPauseMax));

    /// <summary>
    /// From when on handshakes are made: always without a session; with one that the gateway has long been silent about, to
    /// learn whether it lives at all.
    /// </summary>
    private static Instant WantedAt(ClientState state) => state switch
    {
        { Life: not ClientLife.Running } => Instant.Never,
        { Session: null } => Instant.Zero,
        { Session.State: SessionState.Recovering, DisownedAt.Ticks: long.MaxValue } => state.AnsweredAt + ClientLimits.StrandedAfter,
        _ => Instant.Never,
    };

    /// <summary>The best open path that is not being tried; none while an answer is being confirmed.</summary>
    private static ClientPath? NextPath(ClientState state) =>
        state.Handshakes.Any(attempt => attempt.Stage is HandshakeStage.Confirming)
            ? null
            : state.OpenPaths.FirstOrDefault(path => state.Handshakes.All(attempt => attempt.Path != path.Id));

    private static void Start(ClientTurn turn, ClientPath path)
    {
        ClientEnvironment environment = turn.Environment;
        Span<byte> payload = stackalloc byte[InitiationPayload.Size];
        new InitiationPayload(ProtocolConstants.Version, environment.Suites, turn.State.Instance, path.Id.Value).Write(payload);
        Span<byte> message = stackalloc byte[Initiation.NoiseSize];
        // Only a gateway key of low order fails, and the configuration has been refused then.
        NoiseInitiator noise = NoiseInitiator.Start(
            turn.Crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, environment.Identity, environment.Gateway, turn.Draw(), payload, message)
            .IfLeft(() => throw new InvalidOperationException("the gateway's public key is not usable"));
        uint index = turn.DrawIndex();
        byte[] datagram = new byte[Initiation.Size];
        Initiation.Write(datagram, index, message);
        turn.Crypto.Mac(turn.State.AddressKeys.Mac1, datagram.AsSpan(0, Initiation.Mac1Offset), datagram.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize));
        var attempt = new HandshakeAttempt(
            index, path.Id, path.Socket, new HandshakeStage.Initiating(noise, datagram),
            turn.Now + turn.Jitter(ClientLimits.HandshakeRetry), 1, turn.Now + ClientLimits.InitiationLifetime, 0);
        turn.State = turn.State with { Handshakes = turn.State.Handshakes.Add(attempt) };
        turn.Send(path, Cookies.Stamp(turn, path, datagram, Initiation.Mac2Offset));
    }

    private static void Confirm(
        ClientTurn turn, ClientPath path, HandshakeAttempt attempt, ResponsePayload response, NoiseResult result)
    {
        (EpochSecrets keys, SecretHandle root) = EpochSecrets.FromHandshake(turn.Crypto, result.ChainingKey, result.HandshakeHash);
        byte[] confirm = Protocol.Messages.Confirm.Make(turn.Crypto, keys.Confirmation, response.SenderIndex, stackalloc byte[ProtocolConstants.MacSize]);
        DropWhere(turn, other => other.LocalIndex != attempt.LocalIndex);
        attempt.Stage.Release(turn.Crypto);
        Replace(turn, attempt, attempt with
        {
            Stage = new HandshakeStage.Confirming(response.Session, response.Suite, response.SenderIndex, keys, root, confirm),
            RetryAt = turn.Now + Backoff.Confirm(1),
            Tries = 1,
            GiveUpAt = turn.Now + ClientLimits.HandshakePatience,
        });
        turn.Send(path, confirm);
    }

    private static void Repeat(ClientTurn turn, HandshakeAttempt attempt)
    {
        if (turn.State.PathOf(attempt.Path) is not { } path) return;
        bool confirms = attempt.Stage is HandshakeStage.Confirming;
        turn.Send(path, attempt.Stage switch
        {
            HandshakeStage.Initiating initiating => Cookies.Stamp(turn, path, initiating.Datagram, Initiation.Mac2Offset),
            HandshakeStage.Confirming confirming => confirming.Confirm,
            _ => throw new InvalidOperationException("a handshake in no known stage"),
        });
        TimeSpan pause = confirms
            ? Backoff.Confirm(attempt.Tries + 1)
            : turn.Jitter(Backoff.Double(ClientLimits.HandshakeRetry, attempt.Tries, ClientLimits.HandshakeRetryMax));
        Replace(turn, attempt, attempt with { Tries = attempt.Tries + 1, RetryAt = turn.Now + pause });
    }

    private static void GiveUp(ClientTurn turn, HandshakeAttempt attempt)
    {
        DropWhere(turn, other => other.LocalIndex == attempt.LocalIndex);
        if (attempt.Stage is not HandshakeStage.Confirming) return;
        // The gateway answered and then did not commit: its store may be down, so the next tries come slower.
        int failures = turn.State.Connect.Failures + 1;
        turn.State = turn.State with { Connect = new(turn.Now + Pause(turn, failures), failures) };
        turn.Reject(ReasonCode.HandshakeExpired, "no BOUND on " + (turn.State.PathOf(attempt.Path)?.Name ?? "a path that is gone"));
    }

    private static void Replace(ClientTurn turn, HandshakeAttempt old, HandshakeAttempt next) =>
        turn.State = turn.State with { Handshakes = turn.State.Handshakes.Replace(old, next) };
}
