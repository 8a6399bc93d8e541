using System.Net;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Adversary.Lab;
using JumpingVpn.EndToEnd.Tests;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;

namespace JumpingVpn.Adversary.Tests;

/// <summary>
/// Floods from off the path, at a rate that leaves the machine some room (`bench/run flood` measures at full rate): each kind, while
/// the honest client's traffic runs and moves (REQ-FLOOD-1 to REQ-FLOOD-8).
/// </summary>
public sealed class OffPathTests
{
    private const double Rate = 20_000;
    private const int Sources = 10_000;
    private const long Least = 5_000;

    /// <summary>The address of the translator that the honest client stands behind: 10,000 neighbours of it.</summary>
    private static readonly IPEndPoint Neighbours = new(IPAddress.Parse(LabNetwork.RouterOutside4(1)), 10_000);

    [PrivilegedTheory]
    [InlineData(FloodKind.Initiation, "COOKIE_REQUIRED")]
    [InlineData(FloodKind.InitiationBadMac, "BAD_MAC")]
    [InlineData(FloodKind.InitiationGarbage, "COOKIE_REQUIRED")]
    [InlineData(FloodKind.ReattachRandomId, "BAD_SESSION_ID")]
    [InlineData(FloodKind.ReattachWrongProof, "BAD_PROOF")]
    [InlineData(FloodKind.EndWrongProof, "BAD_PROOF")]
    [InlineData(FloodKind.ProbeWrongMac, "BAD_PROOF")]
    [InlineData(FloodKind.Confirm, "UNKNOWN_RECEIVER")]
    [InlineData(FloodKind.Cookie, "UNKNOWN_TYPE")]
    [InlineData(FloodKind.DataRandomIndex, "UNKNOWN_RECEIVER")]
    [InlineData(FloodKind.DataGarbage, "UNBOUND_SOURCE")]
    public void Ten_thousand_neighbours_behind_one_translator_do_not_keep_a_client_from_moving(FloodKind kind, string refusal)
    {
        using Attack attack = Attack.Begin(calm: false);
        using HostileClient seen = attack.Lab.Hostile();
        Assert.True(seen.Connect(), attack.Lab.Nodes.Logs());
        var known = new FloodKnowledge(attack.Lab.GatewayKey, Convert.FromHexString(attack.Before.Id), seen.Epoch.RemoteIndex);
        using FloodSender flood = attack.Lab.Flood(kind, known, Neighbours, SourceSpread.Ports, Sources);

        During(flood, () =>
        {
            Attack.Last(0.5);
            new LinkDownFault(attack.Lab.Topology, 1).Apply();
            attack.Await("the jump to wan2", () => attack.Lab.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan2" }, 5);
            Attack.Last(1);
        });

        attack.TookHold(refusal, Least);
        Assert.True(attack.Survived().Up!.Delivered > 0.8);
    }

    /// <summary>The id was a session's once: the gateway made it, and knows it no more.</summary>
    [PrivilegedFact]
    public void Ids_of_sessions_that_have_ended_cost_a_bounded_number_of_looks()
    {
        using Attack attack = Attack.Begin();
        using HostileClient ended = attack.Lab.Hostile();
        Assert.True(ended.Connect(), attack.Lab.Nodes.Logs());
        Assert.NotNull(ended.Ask(ended.MakeEnd(), Codec.WireType.Ended, 220));
        using FloodSender flood = attack.Lab.Flood(
            FloodKind.ReattachWrongProof, new FloodKnowledge(attack.Lab.GatewayKey, ended.Session), Neighbours, SourceSpread.Ports, Sources);
        During(flood, () => Attack.Last(1.5));

        attack.TookHold("RATE_LIMITED", Least);
        attack.MovedNothing();
        attack.Survived();
    }

    /// <summary>Whoever has seen a reattach once can send it for ever, and in anybody's name.</summary>
    [PrivilegedTheory]
    [InlineData(Codec.WireType.Prepare)]
    [InlineData(Codec.WireType.Probe)]
    [InlineData(Codec.WireType.Confirm)]
    public void What_was_seen_once_and_comes_again_for_ever_does_not_keep_its_sender_from_moving(byte type)
    {
        using Attack attack = Attack.Begin(calm: false);
        OnPath.FrameRelay relay = attack.Lab.PutOnPath(1);
        byte[]? seen = null;
        relay.Rule = (relay, to, frame) =>
        {
            if (to == OnPath.Towards.Gateway && frame.Type == type) Volatile.Write(ref seen, frame.Payload.ToArray());
            relay.Forward(to, frame);
        };
        // There and back again, so that the client says everything by the first path.
        var fault = new LinkDownFault(attack.Lab.Topology, 1);
        fault.Apply();
        attack.Await("the jump to wan2", () => attack.Lab.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan2" });
        fault.Lift();
        Attack.Last(1.5);
        new LinkDownFault(attack.Lab.Topology, 2).Apply();
        attack.Await("the jump back", () => attack.Lab.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan1" });
        new LinkDownFault(attack.Lab.Topology, 2).Lift();
        attack.Await($"a message of type {type}", () => Volatile.Read(ref seen) is not null);
        Attack.Last(1.5);

        ulong before = attack.Session.Version;
        using FloodSender flood = attack.Lab.Flood(
            FloodKind.Replay, new FloodKnowledge(attack.Lab.GatewayKey, Datagram: seen), Neighbours, SourceSpread.Ports, Sources);
        During(flood, () =>
        {
            Attack.Last(1);
            Assert.True(attack.Session.Version <= before + 1, "copies have moved the session");
            new LinkDownFault(attack.Lab.Topology, 1).Apply();
            attack.Await("a move under copies", () => attack.Lab.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan2" }, 5);
        });

        attack.TookHold(type == Codec.WireType.Confirm ? "TOKEN_MISMATCH" : "RATE_LIMITED", Least);
        attack.Survived();
    }

    [PrivilegedTheory]
    [InlineData(SourceSpread.Addresses)]
    [InlineData(SourceSpread.Networks)]
    public void Whole_networks_of_IPv6_do_not_keep_a_client_from_connecting_and_moving(SourceSpread spread)
    {
        using Attack attack = Attack.Begin(new Node.Lab.Tunnels.NodeTunnelOptions { OutsideIPv6 = true, Policy = CalmPolicy }, ipv6: true, calm: false);
        IPEndPoint first = new(IPAddress.Parse("2001:db8:bad::1"), 4444);
        using FloodSender flood = attack.Lab.Flood(
            FloodKind.Initiation, new FloodKnowledge(attack.Lab.GatewayKey), first, spread, Sources, AttackLab.GatewayEndpoint6);
        During(flood, () =>
        {
            Attack.Last(0.5);
            new LinkDownFault(attack.Lab.Topology, 1).Apply();
            attack.Await("the jump to wan2", () => attack.Lab.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan2" }, 5);
        });

        attack.TookHold("COOKIE_REQUIRED", Least);
        attack.Survived();
    }

    /// <summary>REQ-FLOOD-8: from sources that fail, and with data packets.</summary>
    [PrivilegedTheory]
    [InlineData(FloodKind.ReattachWrongProof)]
    [InlineData(FloodKind.DataRandomIndex)]
    public void At_full_rate_the_kernel_keeps_a_flood_off_and_a_client_moves(FloodKind kind)
    {
        using Attack attack = Attack.Begin(calm: false);
        var known = new FloodKnowledge(attack.Lab.GatewayKey, Convert.FromHexString(attack.Before.Id));
        using FloodSender flood = attack.Lab.Flood(kind, known, Neighbours, SourceSpread.Ports, Sources);

        During(flood, () =>
        {
            attack.Await("the shield", () => attack.Lab.Nodes.Logs().Contains("flood on ", StringComparison.Ordinal));
            Attack.Last(1.5);
            new LinkDownFault(attack.Lab.Topology, 1).Apply();
            attack.Await("the jump to wan2", () => attack.Lab.Nodes.Client.ReadSession() is { State: "Attached", Uplink: "wan2" }, 5);
            Attack.Last(1);
        }, rate: 0);

        // Ten seconds later; once is enough.
        if (kind == FloodKind.ReattachWrongProof)
            attack.Await("the end of the flood", () => attack.Lab.Nodes.Logs().Contains("is over", StringComparison.Ordinal), 20);
        attack.TookHold("RATE_LIMITED", 10 * Least);
        Assert.True(attack.Survived().Up!.Delivered > 0.8);
    }

    /// <summary>
    /// REQ-FLOOD-8: from ever new sources. The client's address is a new one too, and the id of its session lets it in. Chance alone would let in
    /// one of its datagrams in sixteen, of which it sends one each 25 ms.
    /// </summary>
    [PrivilegedFact]
    public void At_full_rate_a_flood_from_ever_new_sources_does_not_hide_a_client_at_a_new_address()
    {
        using Attack attack = Attack.Begin(calm: false);
        using FloodSender flood = attack.Lab.Flood(
            FloodKind.ReattachRandomId, new FloodKnowledge(attack.Lab.GatewayKey), Neighbours, SourceSpread.Addresses, 20 * Sources);

        During(flood, () =>
        {
            attack.Await("the shield", () => attack.Lab.Nodes.Logs().Contains("flood on ", StringComparison.Ordinal));
            Attack.Last(1.5);
            NatRebindingFault[] faults = [new(attack.Lab.Topology, 1), new(attack.Lab.Topology, 2)];
            List<double> times = [];
            for (int round = 0; round < 5; round++)
            {
                // A packet between two of the fault's steps makes two rebindings of it, and the session may go to the other uplink.
                NatRebindingFault fault = faults[attack.Lab.Nodes.ReadSession()!.Uplink == "wan2" ? 1 : 0];
                string before = attack.Lab.Nodes.Gateway.ReadSession()!.Remote!;
                long start = LabClock.Now;
                fault.Apply();
                attack.Await("the binding to the new address", () => attack.Lab.Nodes.Gateway.ReadSession()?.Remote is { } remote && remote != before, 3);
                times.Add(LabClock.ToMilliseconds(LabClock.Now - start));
                fault.AssertTookHold();
                Attack.Last(1);
            }

            Assert.True(times.Order().ElementAt(2) <= 250, string.Join(", ", times));
        }, rate: 0);

        attack.TookHold("RATE_LIMITED", 10 * Least);
        Assert.True(attack.Survived().Up!.Delivered > 0.8);
    }

    private static Dictionary<string, string> CalmPolicy => new() { ["standby_probe_interval"] = "500ms" };

    private static void During(FloodSender flood, Action action, double rate = Rate)
    {
        using var stop = new CancellationTokenSource();
        FloodReport? report = null;
        var sending = new Thread(() => report = flood.Run(TimeSpan.FromSeconds(30), rate, stop.Token));
        sending.Start();
        try
        {
            action();
        }
        finally
        {
            stop.Cancel();
            sending.Join();
        }

        Assert.True(report!.Sent > Least, $"only {report.Sent} datagrams were sent");
    }
}
