using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>
/// A client that has a session and lies: PREPARE, PROBE, END and control frames with any contents and right MACs. The gateway core
/// withstands it, every session keeps its invariants, and the other client's stays as it was.
/// </summary>
internal sealed class HostileClientTarget : FuzzTarget
{
    private const int Frame = 3;

    private readonly Situations _situations = new(isReal: false);

    public override string Name => "hostile-client";

    public override long MostAllocated(int length) => 65_536 + (64L * length);

    public override FuzzInput? Draw(SimRandom random)
    {
        int number = random.Below(_situations.Count), way = random.Below(4);
        if (_situations[number].Client(0) is not { IsRunning: true, State.Session: { } session } client) return null;
        byte[] model = way switch
        {
            0 => PrepareOf(session, random),
            1 => ProbeOf(session, random),
            2 => EndOf(session, random),
            _ => FrameOf(random),
        };
        byte[] bytes = ByteMutation.Mutate(random, model, way == Frame ? [] : WireLayouts.Of(model), [], keepsLength: way != Frame || random.Chance(70));
        if (way != Frame) Prove(client.Environment.Crypto, session.Secrets, bytes);
        return new(bytes, number, way);
    }

    public override bool Take(FuzzInput input)
    {
        Situation situation = _situations[input.Situation];
        if (!situation.Gateway.IsRunning || situation.Client(0).State.Session is not { } session) return false;
        GatewayEnvironment environment = situation.Gateway.Environment;
        GatewayState before = situation.Gateway.State;
        Instant now = situation.Gateway.Now;
        var source = new TransportAddress(1, situation.World.GatewayEndpoints[0],
            situation.Genuine.FirstOrDefault(datagram => situation.Client(0).Addresses.Contains(datagram.From.Address))?.From ?? Situation.Stranger);
        GatewayInput taken = input.Way == Frame
            ? new GatewayInput.FrameReceived(session.Id, before.Sessions.GetValueOrDefault(session.Id)?.Epoch?.Index ?? 0, input.Bytes)
            : new GatewayInput.DatagramReceived(source, input.Bytes, situation.Gateway.DataPlane.TryReadCounters(session.Id, out TrafficCounters counters) ? counters : null);
        SecretHandle seed = GatewayTarget.Seed(environment.Crypto, input.Bytes);
        (GatewayState after, ImmutableArray<GatewayEffect> effects) =
            GatewayCore.Step(before, taken, new(now, new WallTime(now.Ticks / 10), seed), environment with { Crypto = new KeepsSecrets(situation.Gateway.Cryptography.Crypto) });
        environment.Crypto.Release(seed);
        foreach ((SessionId id, GatewaySession other) in before.Sessions)
        {
            if (id == session.Id) continue;
            FuzzFailure.Require(ReferenceEquals(after.Sessions.GetValueOrDefault(id), other), $"{situation.Name}: another client's session has changed");
        }
        foreach (GatewaySession kept in after.Sessions.Values)
        {
            IReadOnlyList<string> broken = SessionInvariants.Check(kept.Session);
            FuzzFailure.Require(broken.Count == 0, $"{situation.Name}: {string.Join("; ", broken)}");
            FuzzFailure.Require(kept.Prepared.Length <= ProtocolConstants.MaxPendingReattaches, $"{situation.Name}: {kept.Prepared.Length} reattaches are pending");
        }
        FuzzFailure.Require(after.Sessions.Count <= before.Sessions.Count && after.ByIndex.Count <= before.ByIndex.Count + 1, $"{situation.Name}: tables grow");
        int answered = effects.OfType<GatewayEffect.Send>().Sum(send => send.Bytes.Length);
        FuzzFailure.Require(answered <= input.Bytes.Length || input.Way == Frame, $"{situation.Name}: {answered} bytes answer {input.Bytes.Length}");
        return !effects.Any(effect => effect is GatewayEffect.Rejected);
    }

    /// <summary>The state that a step was tried on is needed again: nothing in it is released.</summary>
    public sealed class KeepsSecrets(ICryptography inner) : CryptographyDecorator(inner)
    {
        public override void Release(SecretHandle secret)
        {
        }
    }

    private static byte[] PrepareOf(ClientSession session, SimRandom random)
    {
        byte[] bytes = new byte[Prepare.Size], share = new byte[PublicKey.Size];
        random.Fill(share);
        new Prepare(session.Id, (uint)random.Next(), session.Nonces.Next + (ulong)random.Below(5), session.BindingVersion, PublicKey.Read(share), session.Instances[^1], (uint)random.Below(4),
            (ReattachKind)random.Between(1, 6), 3).Write(bytes, session.Ticket.Span);
        return bytes;
    }

    private static byte[] ProbeOf(ClientSession session, SimRandom random)
    {
        bool hasTicket = random.Chance(50);
        ushort length = (ushort)random.Pick([hasTicket ? Probe.SizeWithTicket : Probe.Size, 700, ProtocolConstants.MaxControlDatagram]);
        byte[] bytes = new byte[length];
        new Probe(session.Id, (uint)random.Below(4), random.Next(), session.Instances[^1], random.Next(), (ulong)random.Below(5_000), (ulong)random.Below(5_000), (ulong)random.Below(5_000),
            session.Epochs.IsEmpty ? 0 : session.Epochs[^1].RemoteIndex, (uint)random.Below(100_000), session.BindingVersion, length).Write(bytes, hasTicket ? session.Ticket.Span : default);
        return bytes;
    }

    private static byte[] EndOf(ClientSession session, SimRandom random)
    {
        byte[] bytes = new byte[End.Size];
        new End(session.Id, session.Nonces.Next + (ulong)random.Below(5), session.Instances[^1], default, (EndKind)random.Between(1, 2)).Write(bytes, session.Ticket.Span);
        return bytes;
    }

    private static byte[] FrameOf(SimRandom random)
    {
        byte[] bytes = new byte[ControlFrame.Size];
        random.Pick<ControlFrame>(
        [
            new ControlFrame.EpochEnd((uint)random.Next(), random.Next()), new ControlFrame.StateChanged((byte)random.Below(8), (ushort)random.Below(60), random.Next()),
            new ControlFrame.Released(random.Next()),
        ]).Write(bytes);
        return bytes;
    }

    private static void Prove(ICryptography crypto, SessionSecrets secrets, byte[] bytes)
    {
        switch ((MessageType)bytes[0])
        {
            case MessageType.Prepare when bytes.Length == Prepare.Size:
                crypto.Mac(secrets.Proof, Prepare.Proven(bytes), bytes.AsSpan(Prepare.ProofOffset, ProtocolConstants.ProofSize));
                break;
            case MessageType.End when bytes.Length == End.Size:
                crypto.Mac(secrets.Proof, bytes.AsSpan(0, End.ProofOffset), bytes.AsSpan(End.ProofOffset, ProtocolConstants.ProofSize));
                break;
            case MessageType.Probe when bytes.Length >= Probe.Size:
                crypto.Mac(secrets.Probe, [.. bytes.AsSpan(0, Probe.MacOffset), .. bytes.AsSpan(Probe.Size)], bytes.AsSpan(Probe.MacOffset, ProtocolConstants.MacSize));
                break;
        }
    }
}
