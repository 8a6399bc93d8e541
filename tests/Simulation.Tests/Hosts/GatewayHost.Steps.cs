using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Simulation.Tests.Hosts;

// Steps of the core, their effects, and what must hold after each.
internal abstract partial class GatewayHost
{
    private readonly HashSet<ulong> _seen = [];

    private void Run()
    {
        _isStepping = true;
        while (IsRunning && _inputs.TryDequeue(out (GatewayInput Input, Datagram? Cause) next)) Step(next.Input, next.Cause);
        _isStepping = false;
        if (IsRunning) Schedule();
    }

    private void Step(GatewayInput input, Datagram? cause)
    {
        GatewayState before = State;
        SecretHandle seed = Draw();
        (State, ImmutableArray<GatewayEffect> effects) = GatewayCore.Step(State, input, new(Now, new WallTime(Now.Ticks / 10), seed, Serves), _environment);
        _crypto.Release(seed);
        foreach (GatewayEffect effect in effects) CarryOut(effect);
        // What the input led to at once has still to be taken.
        if (input is GatewayInput.TimerFired && _inputs.Count == 0 && State.NextDeadline <= Now)
            throw new SimulationException($"the gateway asks for a timer at {State.NextDeadline} again, and it is {Now}");
        CheckAnswers(input, cause, effects);
        if (cause is not null) CheckAttack(cause, before, effects);
        CheckState(before);
    }

    private void CarryOut(GatewayEffect effect)
    {
        switch (effect)
        {
            case GatewayEffect.Send send:
                if (send.Bytes.Span[0] == (byte)MessageType.Bound) CheckBound(send);
                world.Trace.Line(name, () => $"-> {(MessageType)send.Bytes.Span[0]} {send.To.Remote}");
                world.Network.SendDown(send.To.Local, send.To.Remote, send.Bytes.ToArray());
                break;
            case GatewayEffect.SendFrame frame:
                byte[] bytes = new byte[ControlFrame.Size];
                frame.Frame.Write(bytes);
                DataPlane.SendControl(frame.Session, bytes);
                break;
            case GatewayEffect.Append append:
                Append(append);
                break;
            case GatewayEffect.OpenSession open:
                world.Oracle.Opening(open.Session);
                DataPlane.OpenSession(open.Session, open.Prefixes, InnerMtu);
                break;
            case GatewayEffect.InstallEpoch install:
                DataPlane.InstallEpoch(install.Session, install.Keys, install.Source, install.Held);
                break;
            case GatewayEffect.Bind bind:
                // Who hears of its commit after the end of its lease binds what another may have taken over, and delivers nothing.
                if (Serves) world.Oracle.Binding(bind.Session, bind.Transport);
                ulong end = DataPlane.Bind(bind.Session, bind.LocalIndex, bind.Transport, bind.OldUntil);
                Post(new GatewayInput.TransportBound(bind.Session, bind.LocalIndex, end));
                break;
            case GatewayEffect.LimitEpoch limit:
                DataPlane.LimitEpoch(limit.Session, limit.LocalIndex, limit.End);
                break;
            case GatewayEffect.RemoveEpoch remove:
                DataPlane.RemoveEpoch(remove.Session, remove.LocalIndex);
                break;
            case GatewayEffect.Unbind unbind:
                DataPlane.Unbind(unbind.Session);
                break;
            case GatewayEffect.CloseSession close:
                DataPlane.CloseSession(close.Session);
                break;
            case GatewayEffect.ReadCounters read:
                Post(new GatewayInput.CountersRead(read.Session, DataPlane.TryReadCounters(read.Session, out TrafficCounters counters) ? counters : null));
                break;
            case GatewayEffect.Forget forget:
                _crypto.Release(forget.Secret);
                break;
            case GatewayEffect.Transitioned told:
                world.Oracle.Told(told);
                break;
            case GatewayEffect.Rejected rejected:
                Count(rejected.Reason);
                world.Trace.Line(name, () => $"refuses {rejected.Reason.Name()} {rejected.Source}");
                break;
            case GatewayEffect.Answer answer:
                Answers[answer.Request] = answer.Problem;
                break;
            case GatewayEffect.Drained:
                HasDrained = true;
                world.Oracle.Require(State.Appends.IsEmpty, () => "the gateway says that it has drained while appends are under way");
                break;
            default:
                if (TryCarryOut(effect)) break;
                throw new SimulationException($"an effect that nobody carries out: {effect}");
        }
    }

    /// <summary>BOUND is an acknowledgement: the store holds it and the data plane has done it.</summary>
    private void CheckBound(GatewayEffect.Send send)
    {
        uint index = Bound.ReceiverIndex(send.Bytes.Span);
        bool isBound = State.Sessions.Values.Any(session =>
            session.Epoch is { } epoch && epoch.RemoteIndex == index && epoch.Transport == send.To
            && DataPlane.Find(session.Session.Id)?.Binding is { } binding && binding.Epoch.LocalIndex == epoch.Index && binding.Transport == send.To
            && (session.Append is not null || world.Oracle.Find(session.Session.Id)!.Transport.Exists(stored => stored.Remote == send.To.Remote)));
        world.Oracle.Require(isBound, () => $"a BOUND goes to {send.To.Remote}, where nothing is bound");
    }

    /// <summary>What goes to a source that has proved nothing is never larger than what came from it (REQ-FLOOD).</summary>
    private void CheckAnswers(GatewayInput input, Datagram? cause, ImmutableArray<GatewayEffect> effects)
    {
        if (input is not GatewayInput.DatagramReceived received || cause is null) return;
        int answered = 0;
        foreach (GatewayEffect effect in effects)
        {
            if (effect is not GatewayEffect.Send send) continue;
            bool isBound = State.Sessions.Values.Any(session => session.Epoch?.Transport == send.To);
            if (isBound && send.Bytes.Span[0] == (byte)MessageType.Bound) continue;
            world.Oracle.Require(send.To == received.Source, () => $"a {cause.Type} from {received.Source.Remote} makes the gateway send to {send.To.Remote}");
            answered += send.Bytes.Length;
        }
        // A CONFIRM that is refused was proven by its token.
        bool isProven = cause.Type == MessageType.Confirm && answered == Refused.Size;
        world.Oracle.Require(isProven || answered <= cause.Bytes.Length, () => $"{answered} bytes answer the {cause.Bytes.Length} bytes of a {cause.Type}");
    }

    /// <summary>What an attacker may not bring about: with a forged datagram nothing at all, with a repeated one nothing that is stored.</summary>
    private void CheckAttack(Datagram cause, GatewayState before, ImmutableArray<GatewayEffect> effects)
    {
        bool isNew = _seen.Add(SealWatch.Digest(cause.Bytes) ^ (ulong)cause.From.GetHashCode());
        if (cause.Origin is Origin.Altered or Origin.Invented)
        {
            world.Oracle.Require(ReferenceEquals(before.Sessions, State.Sessions) && ReferenceEquals(before.HalfOpen, State.HalfOpen),
                () => $"a forged {cause.Type} changes the gateway's state");
            world.Oracle.Require(!effects.Any(effect => effect is not GatewayEffect.Rejected), () => $"a forged {cause.Type} is answered");
        }
        if (isNew) return;
        world.Oracle.Require(!effects.Any(effect => effect is GatewayEffect.Append or GatewayEffect.Bind) || IsHandshake(cause, effects),
            () => $"a replayed {cause.Type} is stored");
        foreach ((SessionId id, GatewaySession session) in State.Sessions)
        {
            if (!before.Sessions.TryGetValue(id, out GatewaySession? earlier)) continue;
            world.Oracle.Require(session.HeardAt == earlier.HeardAt, () => $"a replayed {cause.Type} counts as a sign of life");
            world.Oracle.Require(session.Quality == earlier.Quality, () => $"a replayed {cause.Type} counts as a measurement");
        }
    }

    /// <summary>A CONFIRM that waited for another append is repeated by its sender and granted then.</summary>
    private static bool IsHandshake(Datagram cause, ImmutableArray<GatewayEffect> effects) =>
        cause.Type == MessageType.Confirm && effects.Any(effect => effect is GatewayEffect.Append);

    private void CheckState(GatewayState before)
    {
        Oracle oracle = world.Oracle;
        int indices = State.HalfOpen.Count, secrets = 5 * State.HalfOpen.Count;
        foreach (GatewaySession session in State.Sessions.Values)
        {
            oracle.Require(session.Prepared.Length <= ProtocolConstants.MaxPendingReattaches, () => $"{session.Prepared.Length} reattaches are pending");
            indices += session.Prepared.Length + (session.Epoch is null ? 0 : 1);
            secrets += 4 * session.Prepared.Length + (session.Secrets is null ? 0 : 4) + (session.Epoch is { Control.IsNone: false } ? 1 : 0);
            bool isBound = DataPlane.Find(session.Session.Id)?.Binding is not null;
            oracle.Require(isBound == session.Epoch is not null, () => $"the data plane and the gateway disagree whether session {session.Session.Id} is bound");
        }
        int binding = State.Appends.Values.Count(pending => pending is PendingAppend.Binding);
        oracle.Require(State.HalfOpen.Count <= _environment.HalfOpenHandshakes, () => "too many half-open handshakes");
        oracle.Require(State.ByIndex.Count == indices + binding, () => $"{State.ByIndex.Count} receiver indices are kept for {indices + binding} uses");
        // A session of another node may be remembered without being its client's here.
        bool fits = _environment.IsCluster ? State.ByClient.Values.All(State.Sessions.ContainsKey) : State.ByClient.Count == State.Sessions.Count;
        oracle.Require(fits, () => "clients and sessions do not fit each other");
        oracle.Require(State.Deadlines.Count <= State.Sessions.Count, () => "deadlines of no session are kept");
        oracle.Require(DataPlane.Sessions <= State.Sessions.Count, () => "the data plane keeps sessions that are over");
        int live = _secrets!.Live - _baseline, expected = secrets + (4 * binding);
        oracle.Require(live == expected, () => $"{live} secrets are live where {expected} have an owner");
        CheckMemory(before);
        world.Trace.Mark((ulong)State.LastAppend + ((ulong)State.ByIndex.Count << 40));
    }
}
