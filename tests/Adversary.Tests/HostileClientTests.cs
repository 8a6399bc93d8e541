using System.Diagnostics;
using System.Net;
using JumpingVpn.Adversary.Codec;
using JumpingVpn.Adversary.Lab;
using JumpingVpn.EndToEnd.Tests;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Adversary.Tests;

/// <summary>A registered client that is hostile, beside an honest one whose traffic runs.</summary>
public sealed class HostileClientTests
{
    private const string Honest = "10.77.0.2", Own = "10.77.0.3", Gateway = "10.77.0.1";

    /// <summary>Reason numbers of docs/PROTOCOL.md, section 13.</summary>
    private const ushort Cooldown = 102, BudgetExceeded = 103, TooManyPending = 123;

    [PrivilegedFact]
    public void It_speaks_inside_for_itself_alone()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = Connect(attack);
        foreach (string source in (string[])[Honest, Gateway, "192.0.2.7", "127.0.0.1"])
            for (int i = 0; i < 50; i++) hostile.Send(hostile.MakeData(Ping.Make(IPAddress.Parse(source), IPAddress.Parse(Gateway))));

        attack.Await("the refusals", () => attack.Lab.Refused("SPOOFED_SOURCE") >= 200);
        Assert.Null(NextData(hostile, TimeSpan.FromSeconds(0.5)));
        hostile.Send(hostile.MakeData(Ping.Make(IPAddress.Parse(Own), IPAddress.Parse(Gateway))));
        Assert.NotNull(NextData(hostile, TimeSpan.FromSeconds(2)));
        attack.MovedNothing();
        attack.Survived();
    }

    [PrivilegedFact]
    public void It_reattaches_as_fast_as_it_can_and_is_held_to_its_budget()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = Connect(attack);
        int bound = 0, refused = 0;
        long end = Stopwatch.GetTimestamp() + 4 * Stopwatch.Frequency;
        while (Stopwatch.GetTimestamp() < end)
        {
            ReattachOutcome outcome = hostile.Reattach();
            if (outcome.IsBound) bound++;
            if (outcome.Refusal is Cooldown or BudgetExceeded) refused++;
        }

        // 30 recoveries a minute, half of them at once; then one in over_budget_spacing.
        Assert.InRange(bound, 5, 25);
        Assert.True(refused > 20, $"{bound} bound, {refused} refused");
        attack.MovedNothing();
        attack.Survived();
    }

    [PrivilegedFact]
    public void It_opens_sessions_without_end_and_has_one()
    {
        using Attack attack = Attack.Begin();
        List<HostileClient> all = [];
        for (int i = 0; i < 40; i++)
        {
            HostileClient another = attack.Lab.Hostile();
            all.Add(another);
            Assert.True(another.Connect(), attack.Lab.Nodes.Logs());
        }

        Assert.Equal(40, all.Select(client => Convert.ToHexString(client.Session)).Distinct().Count());
        Node.Control.SessionStatus left = Assert.Single(attack.Lab.Nodes.Gateway.ReadStatus()!.Sessions, session => session.Client == "client1");
        Assert.Equal(Convert.ToHexString(all[^1].Session), left.Id, ignoreCase: true);
        // What was superseded is over: its tickets and keys bring nothing back.
        Assert.False(all[0].Reattach().IsBound);
        foreach (HostileClient client in all) client.Dispose();
        attack.MovedNothing();
        attack.Survived();
    }

    [PrivilegedFact]
    public void It_probes_from_thousands_of_addresses_and_moves_nothing()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = Connect(attack);
        OnPath.PacketSocket injector = attack.Lab.Injector();
        for (int number = 0; number < 5000; number++)
        {
            // Each with an address and a path of its own, and a right MAC.
            IPEndPoint source = new(new IPAddress([198, 18, (byte)(number >> 8), (byte)number]), 1024 + number);
            injector.TrySend(attack.Lab.Forge(source, hostile.MakeProbe(ticket: number % 2 == 0, path: (uint)number)).Bytes);
        }

        attack.TookHold("RATE_LIMITED", 1000);
        ulong binding = hostile.BindingVersion;
        byte[]? reply = hostile.Ask(hostile.MakeProbe(), WireType.ProbeReply, 0);
        Assert.NotNull(reply);
        Assert.Equal(3, reply[1]);
        Assert.Equal(binding, BitConverter.ToUInt64(reply, 24));
        attack.MovedNothing();
        attack.Survived();
    }

    [PrivilegedFact]
    public void Anothers_id_and_its_own_ticket_open_nothing()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = Connect(attack);
        byte[] victim = Convert.FromHexString(attack.Before.Id);
        void Steal(byte[] request) => victim.CopyTo(request, 4);

        // Before the proof is made: everything about it is right but whose session it names.
        Assert.Null(hostile.Ask(hostile.MakePrepare(out _, out _, lie: Steal), WireType.Prepared, 252, WireType.Refused));
        Assert.Null(hostile.Ask(Wire.Probe(hostile.Keys, victim, 0, 1, hostile.Instance, hostile.Epoch.RemoteIndex, 1, hostile.Ticket), WireType.ProbeReply, 0));
        Assert.Null(hostile.Ask(Wire.End(hostile.Keys, victim, 99, hostile.Instance, hostile.Ticket), WireType.Ended, 220));
        // Its own id with a ticket of nobody's is no help either way: the session is in memory, and the proof is what counts.
        Assert.Null(hostile.Ask(hostile.MakePrepare(out _, out _, lie: bytes => bytes[4] ^= 1), WireType.Prepared, 252, WireType.Refused));

        attack.TookHold("BAD_PROOF", 10);
        attack.TookHold("BAD_SESSION_ID", 3);
        // A restarted gateway knows nobody's secrets and has to open the ticket: it names another session.
        attack.Lab.Nodes.RestartGateway();
        attack.Lab.Nodes.Gateway.AwaitReady();
        Assert.Null(hostile.Ask(hostile.MakePrepare(out _, out _, lie: Steal), WireType.Prepared, 252, WireType.Refused));
        attack.Await("the honest client's return", () => attack.Lab.HonestSession() is { State: "Attached", Id: var id } && id == attack.Before.Id);
        attack.Survived();
    }

    [PrivilegedFact]
    public void Thousands_of_pending_reattaches_are_four()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = Connect(attack);
        int prepared = 0;
        List<ushort> refusals = [];
        void Count(byte[] answer)
        {
            if (answer[0] == WireType.Prepared) prepared++;
            if (answer[0] == WireType.Refused) refusals.Add(BitConverter.ToUInt16(answer, 20));
        }

        // Highest nonce first, so that those that follow lie below all that are pending.
        for (ulong nonce = 3000; nonce > 0; nonce--)
        {
            hostile.Send(hostile.MakePrepare(out _, out _, nonce: nonce));
            while (hostile.Receive(TimeSpan.Zero) is { } answer) Count(answer);
            if (nonce % 20 == 0) Thread.Sleep(10);
        }

        while (hostile.Receive(TimeSpan.FromMilliseconds(200)) is { } answer) Count(answer);
        Assert.InRange(prepared, 1, 4);
        Assert.Contains(TooManyPending, refusals);
        attack.TookHold("RATE_LIMITED", 1000);
        hostile.NextNonce = 4000;
        attack.Await("the hostile client's own reattach, when its bucket has filled", () => hostile.Reattach().IsBound);
        attack.MovedNothing();
        attack.Survived();
    }

    [PrivilegedFact]
    public void Control_frames_of_every_size_kind_and_nesting_change_nothing()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = Connect(attack);
        var random = new Random(5);
        foreach (int size in (int[])[1, 2, 31, 32, 33, 64, 512, 1024, 1025, 1400])
        {
            for (byte type = 0; type < 16; type++)
            {
                byte[] frame = new byte[size];
                random.NextBytes(frame);
                frame[0] = type;
                hostile.Send(hostile.MakeData(frame));
                // A frame in a frame, and a data packet in a data packet.
                hostile.Send(hostile.MakeData([type, .. new byte[31], .. frame.AsSpan(0, Math.Min(size, 1300))]));
                hostile.Send(hostile.MakeData(hostile.MakeData(frame.AsSpan(0, Math.Min(size, 1300)))));
            }
        }

        // Ends of epochs that are not its own, as many as it can say.
        for (uint i = 0; i < 20_000; i++)
        {
            byte[] end = new byte[32];
            end[0] = 1;
            Wire.Put(end, 4, i);
            hostile.Send(hostile.MakeData(end));
        }

        attack.TookHold("RATE_LIMITED", 1000);
        hostile.Send(hostile.MakeData(Ping.Make(IPAddress.Parse(Own), IPAddress.Parse(Gateway))));
        Assert.NotNull(NextData(hostile, TimeSpan.FromSeconds(2)));
        attack.MovedNothing();
        attack.Survived();
    }

    /// <summary>What the gateway says before an address is proven is never more than it was asked.</summary>
    [PrivilegedFact]
    public void Nobody_gets_more_bytes_than_it_sent_before_its_address_is_proven()
    {
        using Attack attack = Attack.Begin();
        using HostileClient hostile = attack.Lab.Hostile();
        var noise = new Noise(Convert.FromBase64String(File.ReadAllText(attack.Lab.Nodes.PathOf("client1.key")).Trim()), attack.Lab.GatewayKey);
        byte[] initiation = Wire.Initiation(attack.Lab.GatewayKey, 1, noise.First(Wire.InitiationPayload(hostile.Instance, 0)));
        long sent = 0, received = 0;
        for (int i = 0; i < 2000; i++)
        {
            hostile.Send(initiation);
            sent += initiation.Length;
            while (hostile.Receive(TimeSpan.Zero) is { } answer) received += answer.Length;
        }

        while (hostile.Receive(TimeSpan.FromMilliseconds(300)) is { } answer) received += answer.Length;
        Assert.InRange(received, 64, sent / 2);
        attack.TookHold("COOKIE_REQUIRED", 500);
        attack.MovedNothing();
        attack.Survived();
    }

    private static HostileClient Connect(Attack attack)
    {
        HostileClient hostile = attack.Lab.Hostile();
        Assert.True(hostile.Connect(), attack.Lab.Nodes.Logs());
        return hostile;
    }

    private static byte[]? NextData(HostileClient client, TimeSpan patience)
    {
        while (client.Receive(patience) is { } datagram)
            if (datagram[0] == WireType.Data && DataSeal.Open(client.Epoch.Suite, client.Epoch.GatewayData, datagram) is { Length: > 32 } inner)
                return inner;
        return null;
    }
}
