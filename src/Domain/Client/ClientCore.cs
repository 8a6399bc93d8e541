using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// The client as a state machine without I/O: (state, input) gives (state, effects). It mirrors what the gateway says of the
/// session and decides only which path to try.
/// </summary>
public static class ClientCore
{
    /// <summary>
    /// Takes one input and does all that is due. Total (REQ-OFFPATH-4): any input in any state gives a state; datagrams that are not authentic
    /// change nothing.
    /// </summary>
    public static (ClientState State, ImmutableArray<ClientEffect> Effects) Step(
        ClientState state, ClientInput input, ClientStep step, ClientEnvironment environment)
    {
        if (state.Life == ClientLife.Stopped) return (state, []);
        var turn = new ClientTurn(state, step, environment);
        Take(turn, input);
        if (turn.State.Life is ClientLife.Running or ClientLife.Stopping) RunDue(turn);
        return (turn.State, turn.Effects);
    }

    /// <summary>When the core wants a TimerFired at the latest; <see cref="Instant.Never"/> if nothing waits.</summary>
    public static Instant NextDeadline(ClientState state)
    {
        if (state.Life is ClientLife.New or ClientLife.Stopped) return Instant.Never;
        Instant at = ClientLifecycle.Deadline(state);
        at = Instant.Min(at, ClientPaths.Deadline(state));
        at = Instant.Min(at, ClientHandshakes.Deadline(state));
        at = Instant.Min(at, ClientReattaches.Deadline(state));
        at = Instant.Min(at, MtuProbing.Deadline(state));
        at = Instant.Min(at, StateSaving.Deadline(state));
        at = Instant.Min(at, SessionEnds.Deadline(state));
        at = Instant.Min(at, SessionUpkeep.Deadline(state));
        return Instant.Min(at, ClientWatch.Deadline(state));
    }

    private static void Take(ClientTurn turn, ClientInput input)
    {
        if (turn.State.Life == ClientLife.New)
        {
            // Nothing means anything before the start.
            if (input is ClientInput.Start start) ClientLifecycle.Start(turn, start);
            return;
        }
        switch (input)
        {
            case ClientInput.Start:
                throw new InvalidOperationException("the client core has been started before");
            case ClientInput.UplinksChanged changed:
                ClientPaths.TakeUplinks(turn, changed.Uplinks);
                break;
            case ClientInput.EndpointsResolved resolved:
                ClientPaths.TakeEndpoints(turn, resolved.Endpoints);
                break;
            case ClientInput.SocketOpened opened:
                ClientPaths.TakeSocket(turn, opened);
                break;
            case ClientInput.SocketFailed failed:
                ClientPaths.TakeSocketFailure(turn, failed);
                break;
            case ClientInput.DatagramReceived datagram:
                Receive(turn, datagram);
                break;
            case ClientInput.FrameReceived frame:
                SessionUpkeep.ReceiveFrame(turn, frame);
                break;
            case ClientInput.TimerFired:
                break;
            case ClientInput.TrafficResumed:
                ClientWatch.TrafficResumed(turn);
                break;
            case ClientInput.EpochHeard heard:
                ReattachAttempts.EpochHeard(turn, heard.LocalIndex);
                break;
            case ClientInput.SendFailed failed:
                ClientWatch.SendFailed(turn, failed);
                break;
            case ClientInput.TransportBound bound:
                SessionUpkeep.TransportBound(turn, bound);
                break;
            case ClientInput.StateSaved saved:
                StateSaving.Saved(turn, saved.Save);
                break;
            case ClientInput.StateSaveFailed failed:
                StateSaving.Failed(turn, failed.Save, failed.Problem);
                break;
            case ClientInput.TerminateRequested request:
                if (turn.State.Life == ClientLife.Running && turn.State.Session?.Id == request.Session) SessionEnds.EndForGood(turn, "an operator ended it");
                break;
            case ClientInput.Stop:
                ClientLifecycle.Stop(turn);
                break;
            default:
                throw new InvalidOperationException("an input that is none of the known ones");
        }
    }

    /// <summary>Each does what is due now and is due again only later, so that no step runs in circles.</summary>
    private static void RunDue(ClientTurn turn)
    {
        ClientPaths.Run(turn);
        StateSaving.Run(turn);
        SessionUpkeep.Run(turn);
        ClientHandshakes.Run(turn);
        ClientReattaches.Run(turn);
        SessionEnds.Run(turn);
        ClientWatch.RunResolve(turn);
        if (ClientWatch.IsDue(turn)) ClientWatch.Run(turn);
        MtuProbing.Run(turn);
        ClientLifecycle.Run(turn);
    }

    private static void Receive(ClientTurn turn, ClientInput.DatagramReceived input)
    {
        ReadOnlySpan<byte> datagram = input.Bytes.Span;
        if (turn.State.PathOf(input.Source) is not { } path)
        {
            turn.Reject(ReasonCode.UnboundSource, "a datagram from " + input.Source.Remote);
            return;
        }
        if (datagram.Length < ProtocolConstants.PrefixSize)
        {
            turn.Reject(ReasonCode.BadLength, path.Name);
            return;
        }
        // What is reserved is zero; a PROBE REPLY alone has flags in its second byte.
        int reserved = (MessageType)datagram[0] == MessageType.ProbeReply ? 2 : 1;
        if (datagram[reserved..ProtocolConstants.PrefixSize].ContainsAnyExcept((byte)0))
        {
            turn.Reject(ReasonCode.Malformed, path.Name);
            return;
        }
        switch ((MessageType)datagram[0])
        {
            case MessageType.Response:
                ClientHandshakes.ReceiveResponse(turn, path, datagram);
                break;
            case MessageType.Cookie:
                Cookies.Receive(turn, path, datagram);
                break;
            case MessageType.Prepared:
                ReattachAttempts.ReceivePrepared(turn, path, datagram);
                break;
            case MessageType.Bound:
                ReceiveBound(turn, path, datagram);
                break;
            case MessageType.Refused:
                Refusals.Receive(turn, path, datagram);
                break;
            case MessageType.Challenge:
                ClientProbes.ReceiveChallenge(turn, path, datagram);
                break;
            case MessageType.ProbeReply:
                ClientProbes.ReceiveReply(turn, path, datagram);
                break;
            case MessageType.Ended:
                SessionEnds.ReceiveEnded(turn, path, datagram);
                break;
            default:
                turn.Reject(ReasonCode.UnknownType, path.Name);
                break;
        }
    }

    private static void ReceiveBound(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length != Bound.Size)
        {
            turn.Reject(ReasonCode.BadLength, "BOUND on " + path.Name);
            return;
        }
        // A repeated BOUND whose first one has arrived is nobody's any more; it comes late by rule.
        if (!ClientHandshakes.TryReceiveBound(turn, path, datagram)) ReattachAttempts.TryReceiveBound(turn, path, datagram);
    }
}
