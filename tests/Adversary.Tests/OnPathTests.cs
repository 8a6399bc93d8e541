using System.Collections.Concurrent;
using System.Net;
using JumpingVpn.Adversary.Codec;
using JumpingVpn.Adversary.OnPath;
using JumpingVpn.EndToEnd.Tests;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Adversary.Tests;

/// <summary>An attacker between router and gateway, whose hands every packet of a path goes through (REQ-PATH-1, REQ-PATH-2, REQ-REPLAY-1 to 3).</summary>
public sealed class OnPathTests
{
    /// <summary>What becomes of a datagram, beside what the attacker does with copies of it.</summary>
    public enum Tampering
    {
        Delay,
        Drop,
        Reorder,
        Duplicate,
        Truncate,
        FlipBit,
    }

    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(30);

    [PrivilegedTheory]
    [InlineData(Tampering.Delay, null)]
    [InlineData(Tampering.Drop, null)]
    [InlineData(Tampering.Reorder, null)]
    [InlineData(Tampering.Duplicate, "REPLAY_DETECTED")]
    [InlineData(Tampering.Truncate, "BAD_TAG")]
    [InlineData(Tampering.FlipBit, "BAD_TAG")]
    public void Whatever_is_done_to_packets_the_session_stays_with_its_client(Tampering tampering, string? refusal)
    {
        using Attack attack = Attack.Begin();
        FrameRelay relay = attack.Lab.PutOnPath(1);
        var random = new Random(4);
        long touched = 0;
        relay.Rule = (relay, to, frame) =>
        {
            Interlocked.Increment(ref touched);
            Tamper(relay, to, frame, tampering, random);
        };
        Attack.Last(3);
        relay.Rule = FrameRelay.Pass;

        Assert.True(touched > 300, $"the attacker saw {touched} datagrams");
        if (refusal is not null)
        {
            attack.TookHold(refusal, 100);
            // Copies, whole or not, are all that the attacker added: nothing has moved.
            attack.MovedNothing();
        }

        attack.Survived();
    }

    [PrivilegedFact]
    public void What_was_recorded_and_comes_again_later_and_from_elsewhere_moves_nothing()
    {
        using Attack attack = Attack.Begin(new NodeTunnelOptions { State = true });
        // The client that comes back may choose either path.
        FrameRelay[] relays = [attack.Lab.PutOnPath(1), attack.Lab.PutOnPath(2)];
        var recorded = new ConcurrentQueue<Frame>();
        foreach (FrameRelay place in relays)
            place.Rule = (relay, to, frame) =>
            {
                if (to == Towards.Gateway && recorded.Count < 5000) recorded.Enqueue(frame);
                relay.Forward(to, frame);
            };
        // A client that starts anew says all that it can say: PREPARE, CONFIRM, PROBE with its ticket, DATA.
        attack.Lab.Nodes.Client.Kill();
        attack.Lab.Nodes.StartClient(0);
        attack.Lab.Nodes.Client.AwaitAttached();
        attack.Await("traffic after the restart", () => recorded.Count(frame => frame.Type == WireType.Data) > 100);
        foreach (FrameRelay place in relays) place.Rule = FrameRelay.Pass;
        foreach (byte type in (byte[])[WireType.Prepare, WireType.Confirm, WireType.Probe, WireType.Data]) Assert.Contains(recorded, frame => frame.Type == type);
        Attack.Last(0.5);
        Node.Control.SessionStatus before = attack.Session;

        PacketSocket injector = attack.Lab.Injector();
        IPEndPoint own = new(IPAddress.Parse(Lab.AttackLab.Address4), 4444), otherPath = new(IPAddress.Parse(LabNetwork.RouterOutside4(2)), 30_500);
        foreach (Frame frame in recorded)
            foreach (IPEndPoint source in (IPEndPoint[])[frame.Source, own, otherPath])
                injector.TrySend(attack.Lab.Forge(source, frame.Payload).Bytes);
        Attack.Last(1);

        attack.TookHold("REPLAY_DETECTED", 20);
        attack.TookHold("UNBOUND_SOURCE", 20);
        attack.TookHold("TOKEN_MISMATCH");
        Node.Control.SessionStatus now = attack.Session;
        Assert.Equal((before.Id, before.Version, before.BindingVersion, before.KeyEpoch, before.Transport!.Remote, "Attached"),
            (now.Id, now.Version, now.BindingVersion, now.KeyEpoch, now.Transport?.Remote, now.State));
        attack.Survived();
    }

    [PrivilegedFact]
    public void A_copied_reattach_that_arrives_first_from_elsewhere_gains_nothing()
    {
        using Attack attack = Attack.Begin(calm: false);
        FrameRelay relay = attack.Lab.PutOnPath(2);
        PacketSocket injector = attack.Lab.Injector();
        IPEndPoint own = new(IPAddress.Parse(Lab.AttackLab.Address4), 4444);
        int copied = 0;
        relay.Rule = (relay, to, frame) =>
        {
            if (to == Towards.Gateway && frame.Type is WireType.Prepare or WireType.Confirm)
            {
                copied++;
                injector.TrySend(attack.Lab.Forge(own, frame.Payload).Bytes);
                relay.ForwardLater(to, frame, TimeSpan.FromMilliseconds(5));
            }
            else
            {
                relay.Forward(to, frame);
            }
        };
        new LinkDownFault(attack.Lab.Topology, 1).Apply();
        attack.Await("the jump to wan2", () => attack.Session is { State: "Attached" } now && now.Transport!.Remote.StartsWith(LabNetwork.RouterOutside4(2), StringComparison.Ordinal));

        Assert.True(copied >= 2, $"{copied} copies");
        attack.TookHold("TOKEN_MISMATCH");
        attack.Survived();
    }

    /// <summary>The attacker's token reaches the client before its own: the client confirms both, and only its own counts.</summary>
    [PrivilegedFact]
    public void A_token_for_the_attackers_address_that_overtakes_the_clients_own_binds_nobody_else()
    {
        using Attack attack = Attack.Begin(calm: false);
        FrameRelay relay = attack.Lab.PutOnPath(2);
        using System.Net.Sockets.Socket own = attack.Lab.Socket();
        int swapped = 0;
        relay.Rule = (relay, to, frame) =>
        {
            if (to == Towards.Gateway && frame.Type == WireType.Prepare) own.SendTo(frame.Payload, Lab.AttackLab.GatewayEndpoint);
            if (to == Towards.Client && frame.Type == WireType.Prepared && own.Poll(20_000, System.Net.Sockets.SelectMode.SelectRead))
            {
                byte[] answer = new byte[2048];
                int length = own.Receive(answer);
                if (answer[0] == WireType.Prepared)
                {
                    swapped++;
                    relay.Forward(to, frame.With(answer.AsSpan(0, length)));
                }

                relay.ForwardLater(to, frame, TimeSpan.FromMilliseconds(2));
                return;
            }

            relay.Forward(to, frame);
        };
        new LinkDownFault(attack.Lab.Topology, 1).Apply();
        attack.Await("the jump to wan2", () => attack.Session is { State: "Attached" } now && now.Transport!.Remote.StartsWith(LabNetwork.RouterOutside4(2), StringComparison.Ordinal));

        Assert.True(swapped >= 1, "no token was put before the client's own");
        attack.TookHold("TOKEN_MISMATCH");
        attack.Survived();
    }

    [PrivilegedFact]
    public void Between_two_paths_an_attacker_can_copy_and_carry_and_the_session_comes_back_to_its_client()
    {
        using Attack attack = Attack.Begin();
        FrameRelay first = attack.Lab.PutOnPath(1), second = attack.Lab.PutOnPath(2);
        IPEndPoint? mapping = null;
        long carried = 0;
        second.Rule = (relay, to, frame) =>
        {
            if (to == Towards.Gateway) Volatile.Write(ref mapping, frame.Source);
            relay.Forward(to, frame);
        };
        attack.Await("a probe on the second path", () => Volatile.Read(ref mapping) is not null);

        // Copies of what comes by the first path come by the second as well.
        first.Rule = (relay, to, frame) =>
        {
            relay.Forward(to, frame);
            if (to != Towards.Gateway || Volatile.Read(ref mapping) is not { } source) return;
            Interlocked.Increment(ref carried);
            second.Forward(to, attack.Lab.Forge(source, frame.Payload));
        };
        Attack.Last(2);
        attack.TookHold("UNBOUND_SOURCE", 50);
        attack.MovedNothing();

        // What comes by the first path comes by the second alone: a router would do that, and the client may follow it.
        first.Rule = (relay, to, frame) =>
        {
            if (to == Towards.Gateway && Volatile.Read(ref mapping) is { } source) second.Forward(to, attack.Lab.Forge(source, frame.Payload));
            else relay.Forward(to, frame);
        };
        Attack.Last(2);
        first.Rule = second.Rule = FrameRelay.Pass;

        Assert.True(carried > 100, $"{carried} datagrams carried over");
        attack.Survived();
    }

    private static void Tamper(FrameRelay relay, Towards to, Frame frame, Tampering tampering, Random random)
    {
        switch (tampering)
        {
            case Tampering.Delay:
                relay.ForwardLater(to, frame, Later);
                break;
            case Tampering.Drop:
                if (random.Next(10) != 0) relay.Forward(to, frame);
                break;
            case Tampering.Reorder:
                if (random.Next(2) == 0) relay.Forward(to, frame);
                else relay.ForwardLater(to, frame, Later);
                break;
            case Tampering.Duplicate:
                relay.Forward(to, frame);
                relay.Forward(to, frame);
                relay.ForwardLater(to, frame, Later);
                break;
            case Tampering.Truncate:
                if (frame.Payload.Length > 1) relay.Forward(to, frame.With(frame.Payload[..random.Next(1, frame.Payload.Length)]));
                relay.Forward(to, frame);
                break;
            case Tampering.FlipBit:
                byte[] altered = frame.Payload.ToArray();
                int bit = random.Next(altered.Length * 8);
                altered[bit / 8] ^= (byte)(1 << (bit % 8));
                relay.Forward(to, frame.With(altered));
                relay.Forward(to, frame);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(tampering));
        }
    }
}
