using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// The gateway as a state machine without I/O: (state, input) gives (state, effects). It owns the sessions' streams: what
/// grants takes effect only after its append has committed; what withdraws stops traffic first.
/// </summary>
public static class GatewayCore
{
    /// <summary>Takes one input. Total (REQ-OFFPATH-4): any input in any state gives a state; a refused one leaves the sessions as they were.</summary>
    public static (GatewayState State, ImmutableArray<GatewayEffect> Effects) Step(
        GatewayState state, GatewayInput input, StepContext context, GatewayEnvironment environment)
    {
        var turn = new GatewayTurn(state, environment, context);
        switch (input)
        {
            case GatewayInput.DatagramReceived datagram:
                Receive(turn, datagram);
                break;
            case GatewayInput.FrameReceived frame:
                ReceiveFrame(turn, frame);
                break;
            case GatewayInput.UnboundSourceSeen seen:
                GatewayProbing.Challenge(turn, seen);
                break;
            case GatewayInput.AppendFinished finished:
                GatewayCommits.Finish(turn, finished);
                break;
            case GatewayInput.TransportBound bound:
                GatewayCommits.AnswerBound(turn, bound);
                break;
            case GatewayInput.CountersRead read:
                GatewayDeadlines.JudgeSilence(turn, read);
                break;
            case GatewayInput.TimerFired:
                GatewayDeadlines.Run(turn);
                break;
            case GatewayInput.TerminateRequested request:
                GatewayEnds.Terminate(turn, request);
                break;
            case GatewayInput.Drain:
                GatewayEnds.Drain(turn);
                break;
            case GatewayInput.SessionLoaded loaded:
                GatewayOwnership.Loaded(turn, loaded);
                break;
            case GatewayInput.ClientLoaded loaded:
                GatewayHandshakes.ClientLoaded(turn, loaded);
                break;
            case GatewayInput.NodesGone gone:
                GatewayOwnership.NodesGone(turn, gone);
                break;
            case GatewayInput.SessionWanted wanted:
                GatewayOwnership.Wanted(turn, wanted.Session);
                break;
            case GatewayInput.SessionReleased released:
                GatewayOwnership.Released(turn, released.Session);
                break;
            case GatewayInput.SessionsOrphaned orphaned:
                GatewayOwnership.Orphaned(turn, orphaned);
                break;
            case GatewayInput.RegistryChanged:
                GatewayOwnership.RegistryChanged(turn);
                break;
            case GatewayInput.Fenced:
                GatewayOwnership.DropAll(turn);
                break;
            default:
                throw new InvalidOperationException("an input that is none of the known ones");
        }
        return (turn.State, turn.Effects);
    }

    private static void Receive(GatewayTurn turn, GatewayInput.DatagramReceived input)
    {
        ReadOnlySpan<byte> bytes = input.Bytes.Span;
        Endpoint source = input.Source.Remote;
        if (bytes.IsEmpty)
        {
            turn.Reject(ReasonCode.BadLength, source);
            return;
        }
        // REQ-PARTITION-2: a node without a lease answers nobody, so that its clients look elsewhere; only a proven PREPARE is told why.
        if (!turn.Serves && bytes[0] != (byte)MessageType.Prepare)
        {
            turn.Reject(ReasonCode.LeaseLost, source);
            return;
        }
        switch ((MessageType)bytes[0])
        {
            case MessageType.Initiation:
                GatewayHandshakes.Initiate(turn, input.Source, bytes);
                break;
            case MessageType.Prepare:
                GatewayReattaches.Prepare(turn, input.Source, input.Bytes);
                break;
            case MessageType.Confirm:
                Confirm(turn, input);
                break;
            case MessageType.Probe:
                GatewayProbing.Answer(turn, input.Source, bytes, input.Counters);
                break;
            case MessageType.End:
                GatewayEnds.EndByClient(turn, input.Source, input.Bytes);
                break;
            default:
                turn.Reject(ReasonCode.UnknownType, source);
                break;
        }
    }

    private static void Confirm(GatewayTurn turn, GatewayInput.DatagramReceived input)
    {
        if (input.Bytes.Length != Protocol.Messages.Confirm.Size)
        {
            turn.Reject(ReasonCode.BadLength, input.Source.Remote);
            return;
        }
        // Who hands its sessions over takes none.
        if (turn.State.Draining) return;
        uint index = Protocol.Messages.Confirm.ReceiverIndex(input.Bytes.Span);
        if (!turn.State.ByIndex.TryGetValue(index, out ReceiverIndex target)) turn.Reject(ReasonCode.UnknownReceiver, input.Source.Remote);
        else if (target.HalfOpenSlot is { } slot) GatewayHandshakes.Confirm(turn, slot, input.Source, input.Bytes);
        else if (turn.State.Sessions.TryGetValue(target.Session!.Value, out GatewaySession? session)) GatewayReattaches.Confirm(turn, session, index, input.Source, input.Bytes);
        else turn.Reject(ReasonCode.UnknownSession, input.Source.Remote, target.Session);
    }

    private static void ReceiveFrame(GatewayTurn turn, GatewayInput.FrameReceived input)
    {
        if (!turn.State.Sessions.TryGetValue(input.Session, out GatewaySession? session)) return;
        // The client speaks one kind of frame to a gateway: where its old epoch ends.
        if (ControlFrame.TryRead(input.Bytes.Span, out ControlFrame frame) && frame is ControlFrame.EpochEnd end
            && session.Epoch is { Previous: not 0 } epoch && end.OldIndex == epoch.Previous)
            turn.Emit(new GatewayEffect.LimitEpoch(input.Session, end.OldIndex, end.End));
        else
            turn.Reject(ReasonCode.UnknownType, session.Epoch?.Transport.Remote ?? default, input.Session);
    }
}
