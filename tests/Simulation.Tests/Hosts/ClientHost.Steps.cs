using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
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
internal sealed partial class ClientHost
{
    /// <summary>More inputs in one instant than this, and the core runs in circles.</summary>
    private const int MaxInputsAtOnce = 2000;

    private void Run()
    {
        _isStepping = true;
        for (int i = 0; IsRunning && _inputs.TryDequeue(out (ClientInput Input, Datagram? Cause) next); i++)
        {
            if (i > MaxInputsAtOnce) throw new SimulationException($"{Name} runs in circles: {next.Input}");
            Step(next.Input, next.Cause);
        }
        _isStepping = false;
        if (IsRunning) Schedule();
    }

    private void Step(ClientInput input, Datagram? cause)
    {
        ClientState before = State;
        Span<byte> bytes = stackalloc byte[ICryptography.SecretSize];
        _random.Fill(bytes);
        SecretHandle seed = _crypto.Import(bytes);
        TrafficCounters counters = State.Session is { } session && DataPlane.TryReadCounters(session.Id, out TrafficCounters read) ? read : default;
        (State, ImmutableArray<ClientEffect> effects) = ClientCore.Step(State, input, new(new(Now, new WallTime(Now.Ticks / 10), seed), counters), _environment);
        _crypto.Release(seed);
        bool hasStopped = false;
        foreach (ClientEffect effect in effects)
        {
            hasStopped |= effect is ClientEffect.Stopped;
            CarryOut(effect);
        }
        CheckState(before);
        if (cause is { Origin: Origin.Altered or Origin.Invented }) CheckForged(cause, before);
        Instant next = ClientCore.NextDeadline(State);
        if (input is ClientInput.TimerFired && next <= Now && next == ClientCore.NextDeadline(before))
            throw new SimulationException($"{Name} asks for a timer at {next} again, and it is {Now}");
        if (!hasStopped) return;
        HasStopped = true;
        _world.Oracle.Require(_secrets!.Live == _baseline, () => $"{Name} has stopped with {_secrets.Live - _baseline} secrets in memory");
        End();
    }

    private void CarryOut(ClientEffect effect)
    {
        switch (effect)
        {
            case ClientEffect.OpenSocket open:
                Open(open);
                break;
            case ClientEffect.CloseSocket close:
                _sockets.Remove(close.Socket);
                _closed.Add(close.Socket);
                break;
            case ClientEffect.Send send:
                _world.Trace.Line(Name, () => $"-> {(MessageType)send.Bytes.Span[0]} socket {send.Socket} {send.Remote}");
                NoteNonce(send.Bytes.Span);
                Transmit(send.Socket, send.Remote, send.Bytes.ToArray());
                break;
            case ClientEffect.SendFrame frame:
                byte[] bytes = new byte[ControlFrame.Size];
                frame.Frame.Write(bytes);
                DataPlane.SendControl(frame.Session, bytes);
                break;
            case ClientEffect.ConfigureTunnel configure:
                _world.Oracle.Require(configure.Addresses.Any(address => address.Address == InnerAddress), () => $"{Name} is given another client's address");
                break;
            case ClientEffect.OpenSession open:
                DataPlane.OpenSession(open.Session, open.Prefixes, open.InnerMtu);
                break;
            case ClientEffect.InstallEpoch install:
                DataPlane.InstallEpoch(install.Session, install.Keys, install.Source, held: false);
                break;
            case ClientEffect.Bind bind:
                ulong end = DataPlane.Bind(bind.Session, bind.LocalIndex, bind.Transport, bind.OldUntil);
                Post(new ClientInput.TransportBound(bind.LocalIndex, end));
                break;
            case ClientEffect.LimitEpoch limit:
                DataPlane.LimitEpoch(limit.Session, limit.LocalIndex, limit.End);
                break;
            case ClientEffect.RemoveEpoch remove:
                DataPlane.RemoveEpoch(remove.Session, remove.LocalIndex);
                break;
            case ClientEffect.CloseSession close:
                DataPlane.CloseSession(close.Session);
                break;
            case ClientEffect.SetInnerMtu mtu:
                DataPlane.SetInnerMtu(mtu.Session, mtu.InnerMtu);
                break;
            case ClientEffect.ArmTrafficResumed arm:
                DataPlane.ArmTrafficResumed(arm.Session);
                break;
            case ClientEffect.Resolve:
                long process = _process;
                _world.Agenda.After(_random.Time(TimeSpan.Zero, TimeSpan.FromMilliseconds(5)), () =>
                {
                    if (process == _process) Post(new ClientInput.EndpointsResolved(_world.GatewayEndpoints));
                });
                break;
            case ClientEffect.SaveState save:
                Save(save);
                break;
            case ClientEffect.DeleteState:
                Disk = null;
                break;
            case ClientEffect.Forget forget:
                _crypto.Release(forget.Secret);
                break;
            case ClientEffect.Report report:
                _world.Trace.Line(Name, () => report.Event.ToString());
                if (report.Event is ClientReport.Transition { To: SessionState.Terminated } ended) Ended(ended);
                break;
            case ClientEffect.Stopped:
                break;
            default:
                throw new SimulationException($"an effect that nobody carries out: {effect}");
        }
    }

    private void Ended(ClientReport.Transition ended)
    {
        if (ended.Reason is ReasonCode.DualClient or ReasonCode.Explicit) _world.Oracle.AskedToEnd.Add(ended.Session);
        if (ended.Reason == ReasonCode.DualClient) _world.Oracle.Require(_world.HasCopies, () => $"{Name} believes that somebody has copied it");
        bool mayBeUnsure = ended.Reason == ReasonCode.Ambiguity && _world.HadDiskFailures;
        if (!mayBeUnsure) _world.Oracle.ClientEnded(ended.Session, ended.Reason);
    }

    private void NoteNonce(ReadOnlySpan<byte> bytes)
    {
        // Two hosts with one state file use one nonce twice: that is how they are found out.
        if (_world.HasCopies) return;
        if (Prepare.TryRead(bytes, out Prepare prepare)) _world.Oracle.NonceUsed(prepare.Session, prepare.Nonce, Prepare.Hashed(bytes));
        else if (Domain.Protocol.Messages.End.TryRead(bytes, out End end))
            _world.Oracle.NonceUsed(end.Session, end.Nonce, bytes[..Domain.Protocol.Messages.End.CookieMacOffset]);
    }

    private void CheckState(ClientState before)
    {
        Oracle oracle = _world.Oracle;
        if (State.Session is { } session && !ReferenceEquals(session, before.Session) && session.OwnershipEpoch != 0) oracle.Compare(session);
        oracle.Require(State.Paths.Count <= ClientLimits.Paths, () => $"{Name} keeps {State.Paths.Count} paths");
        oracle.Require((State.Reattach?.Attempts.Length ?? 0) <= ProtocolConstants.MaxPendingReattaches, () => $"{Name} has {State.Reattach!.Attempts.Length} attempts under way");
        oracle.Require(DataPlane.Sessions <= 1 && DataPlane.Epochs <= 16, () => $"{Name} keeps {DataPlane.Epochs} epochs of {DataPlane.Sessions} sessions");
        oracle.Require(_sockets.Count <= ClientLimits.Paths, () => $"{Name} has {_sockets.Count} sockets open");
        oracle.Require(State.Session is not null || DataPlane.Sessions == 0, () => $"{Name} has no session and its data plane has one");
        int expected = State.Life is ClientLife.New or ClientLife.Stopped ? 0 : 2;
        expected += State.Session is null ? 0 : 4;
        foreach (ReattachAttempt attempt in State.Reattach?.Attempts ?? []) expected += attempt.Stage is ReattachStage.Confirming ? 2 : 1;
        expected += State.End is not null && State.Session?.Secrets.Answer != State.End.Answer ? 1 : 0;
        foreach (HandshakeAttempt attempt in State.Handshakes) expected += attempt.Stage is HandshakeStage.Confirming ? 5 : 2;
        int live = _secrets!.Live - _baseline;
        oracle.Require(live == expected, () => $"{live} secrets are live in {Name} where {expected} have an owner");
        if (State.Session is { } held)
        {
            uint sending = DataPlane.Find(held.Id)?.Binding?.Epoch.LocalIndex ?? 0;
            oracle.Require(held.SendingIndex == sending, () => $"{Name} believes that it sends under {held.SendingIndex:x8}, and it sends under {sending:x8}");
        }
        _world.Trace.Mark((ulong)(State.Session?.Version ?? 0) + ((ulong)State.Paths.Count << 40));
    }

    /// <summary>A forged datagram changes nothing that matters.</summary>
    private void CheckForged(Datagram cause, ClientState before)
    {
        _world.Oracle.Require(
            State.Session?.Id == before.Session?.Id && State.Session?.BindingVersion == before.Session?.BindingVersion
            && State.Session?.Bound == before.Session?.Bound && State.Session?.Ticket.Equals(before.Session?.Ticket ?? default) != false,
            () => $"a forged {cause.Type} changes what {Name} knows of its session");
    }
}
