using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>
/// A gateway that lies: answers with any contents and right MACs, BOUND with any plaintext, any control frame. The client may lose its
/// session by it, but not its footing: no exception, and its tables stay bounded.
/// </summary>
internal sealed class HostileGatewayTarget : FuzzTarget
{
    private const int Frame = 8;
    private const int BoundWay = 9;

    private readonly Situations _situations = new(isReal: false);

    public override string Name => "hostile-gateway";

    public override long MostAllocated(int length) => 131_072 + (64L * length);

    public override FuzzInput? Draw(SimRandom random)
    {
        int number = random.Below(_situations.Count);
        Situation situation = _situations[number];
        ClientHost client = situation.Client(0);
        if (!client.IsRunning) return null;
        if (random.Chance(20)) return new(ByteMutation.Mutate(random, FrameOf(random), [], []), number, Frame);
        if (random.Chance(30)) return SealBound(client, random) is { } bound ? new(bound, number, BoundWay) : null;
        byte[][] answers =
        [
            .. situation.Genuine.Where(datagram => client.Addresses.Contains(datagram.To.Address) && datagram.Type is MessageType.Prepared or MessageType.Refused or MessageType.Ended or MessageType.ProbeReply or MessageType.Challenge)
                .Select(datagram => datagram.Bytes),
        ];
        if (client.State.Session is { } session) answers = [.. answers, RefusedOf(session, random), EndedOf(session, random)];
        if (answers.Length == 0) return null;
        byte[] model = random.Pick(answers), bytes = ByteMutation.Mutate(random, model, WireLayouts.Of(model), answers, keepsLength: true);
        if (client.State.Session is { } own) Prove(situation, client, own.Secrets, bytes, random);
        return new(bytes, number, random.Below(4));
    }

    public override bool Take(FuzzInput input)
    {
        Situation situation = _situations[input.Situation];
        ClientHost client = situation.Client(0);
        ClientPath[] paths = [.. client.State.OpenPaths];
        if (!client.IsRunning || paths.Length == 0) return false;
        ClientInput taken = input.Way == Frame
            ? new ClientInput.FrameReceived(client.State.Session?.CommittedIndex ?? 0, input.Bytes)
            : new ClientInput.DatagramReceived(PathFor(client, input, paths).Transport, input.Bytes);
        (ClientState after, ImmutableArray<ClientEffect> effects) = ClientTarget.Step(client, taken, keepsSecrets: true);
        FuzzFailure.Require(after.Paths.Count <= ClientLimits.Paths, $"{situation.Name}: {after.Paths.Count} paths");
        FuzzFailure.Require((after.Reattach?.Attempts.Length ?? 0) <= ProtocolConstants.MaxPendingReattaches, $"{situation.Name}: {after.Reattach?.Attempts.Length} attempts");
        FuzzFailure.Require(after.Session?.Policy.Validate().Count is null or 0, $"{situation.Name}: a policy that nobody may set");
        FuzzFailure.Require(after.Session is not { Bound: not null } session || session.Addresses.Length <= ProtocolConstants.MaxTunnelAddresses, $"{situation.Name}: too many addresses");
        FuzzFailure.Require(effects.Length < 64, $"{situation.Name}: {effects.Length} effects");
        _ = ClientCore.NextDeadline(after);
        return !ReferenceEquals(after, client.State);
    }

    /// <summary>A BOUND goes where it is waited for.</summary>
    private static ClientPath PathFor(ClientHost client, FuzzInput input, ClientPath[] paths)
    {
        if (input.Way != BoundWay) return paths[input.Way % paths.Length];
        uint index = Bound.ReceiverIndex(input.Bytes);
        PathId? waiting = client.State.Handshakes.FirstOrDefault(attempt => attempt.LocalIndex == index)?.Path ?? client.State.Reattach?.Attempts.FirstOrDefault(attempt => attempt.LocalIndex == index)?.Path;
        return paths.FirstOrDefault(path => path.Id == waiting) ?? paths[0];
    }

    private static byte[]? SealBound(ClientHost client, SimRandom random)
    {
        (uint Index, SecretHandle Control)[] waiting =
        [
            .. client.State.Handshakes.Where(attempt => attempt.Stage is HandshakeStage.Confirming).Select(attempt => (attempt.LocalIndex, ((HandshakeStage.Confirming)attempt.Stage).Keys.GatewayControl)),
            .. (client.State.Reattach?.Attempts ?? []).Where(attempt => attempt.Stage is ReattachStage.Confirming).Select(attempt => (attempt.LocalIndex, ((ReattachStage.Confirming)attempt.Stage).GatewayControl)),
        ];
        if (waiting.Length == 0) return null;
        (uint index, SecretHandle control) = random.Pick(waiting);
        byte[] plaintext = new byte[Bound.PlaintextSize], ticket = new byte[Ticket.Size], datagram = new byte[Bound.Size];
        ClientSession? session = client.State.Session;
        new Bound(session?.Version + 1 ?? 1, session?.BindingVersion + 1 ?? 1, session?.OwnershipEpoch ?? 1, session?.KeyEpoch + 1 ?? 1, 1, 5, (ulong)random.Below(9), client.State.Instance, 3_600_000, 1400,
            [new IpPrefix(client.InnerAddress, 32, true)], SessionPolicy.Default, ticket).WritePlaintext(plaintext);
        plaintext = ByteMutation.Mutate(random, plaintext, BoundFields, [], keepsLength: true);
        Bound.WriteHeader(datagram, index);
        client.Cryptography.Crypto.Seal(control, 0, datagram.AsSpan(0, Bound.HeaderSize), plaintext, datagram.AsSpan(Bound.HeaderSize));
        return datagram;
    }

    private static readonly ByteField[] BoundFields =
    [
        new(0, 8), new(8, 8), new(16, 8), new(24, 8), new(32, 8), new(40, 4), new(44, 1), new(45, 1), new(46, 2), new(48, 16), new(64, 8), new(72, 2), new(74, 2), new(76, 1), new(77, 1), new(78, 16),
        .. Enumerable.Range(0, 32).Select(i => new ByteField(Bound.PlaintextSize - Ticket.Size - 128 + (4 * i), 4)),
    ];

    private static byte[] FrameOf(SimRandom random)
    {
        byte[] bytes = new byte[ControlFrame.Size];
        random.Pick<ControlFrame>(
        [
            new ControlFrame.StateChanged((byte)random.Below(8), (ushort)random.Below(60), random.Next()),
            new ControlFrame.Released(random.Next()), new ControlFrame.EpochEnd((uint)random.Next(), random.Next()),
        ]).Write(bytes);
        return bytes;
    }

    private static byte[] RefusedOf(ClientSession session, SimRandom random)
    {
        byte[] bytes = new byte[Refused.Size];
        new Refused(session.Id, (ushort)random.Between(95, 142), session.BindingVersion + (ulong)random.Below(3), (uint)random.Next(), 0, random.Chance(70) ? session.BoundInstance : default).Write(bytes);
        return bytes;
    }

    private static byte[] EndedOf(ClientSession session, SimRandom random)
    {
        byte[] bytes = new byte[Ended.Size];
        new Ended(session.Id, (ushort)random.Below(142), session.Version + 1).Write(bytes);
        return bytes;
    }

    /// <summary>Makes the MAC right, over the hash of a request that is under way.</summary>
    private static void Prove(Situation situation, ClientHost client, SessionSecrets secrets, byte[] bytes, SimRandom random)
    {
        ICryptography crypto = client.Environment.Crypto;
        if (bytes[0] == (byte)MessageType.ProbeReply)
        {
            Datagram[] probes = [.. situation.Genuine.Where(datagram => datagram.Type == MessageType.Probe && client.Addresses.Contains(datagram.From.Address)).TakeLast(8)];
            if (probes.Length == 0 || bytes.Length != ProbeReply.Size) return;
            crypto.Mac(secrets.Probe, [.. Probe.MacOf(random.Pick(probes).Bytes), .. bytes.AsSpan(0, ProbeReply.MacOffset)], bytes.AsSpan(ProbeReply.MacOffset, ProtocolConstants.MacSize));
            return;
        }
        Hash256[] requests = [default, .. (client.State.Reattach?.Attempts ?? []).Select(attempt => attempt.RequestHash), .. client.State.End is { } end ? [end.RequestHash] : Array.Empty<Hash256>()];
        Hash256 request = random.Pick(requests);
        byte[] hash = new byte[Hash256.Size];
        request.Write(hash);
        if (bytes[0] == (byte)MessageType.Refused && bytes.Length == Refused.Size && random.Chance(80)) hash.AsSpan(0, 4).CopyTo(bytes.AsSpan(36));
        (SecretHandle key, int offset) = ((MessageType)bytes[0], bytes.Length) switch
        {
            (MessageType.Prepared, Prepared.Size) => (secrets.Answer, Prepared.MacOffset),
            (MessageType.Refused, Refused.Size) => (secrets.Answer, Refused.MacOffset),
            (MessageType.Ended, Ended.Size) => (client.State.End?.Answer ?? secrets.Answer, Ended.MacOffset),
            (MessageType.Challenge, Challenge.Size) => (secrets.Probe, Challenge.MacOffset),
            _ => (secrets.Probe, -1),
        };
        if (offset < 0) return;
        byte[] covered = bytes[0] == (byte)MessageType.Challenge ? [.. bytes.AsSpan(0, offset)] : [.. hash, .. bytes.AsSpan(0, offset)];
        crypto.Mac(key, covered, bytes.AsSpan(offset, ProtocolConstants.MacSize));
    }
}
