using System.Diagnostics;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Shell;
using Xunit.Abstractions;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>REQ-OFFPATH-3: who sends requests without a proof cannot tell a session that is there from one that is not.</summary>
public sealed class OffPathTests : IDisposable
{
    private const int Proofless = 3;

    private readonly ITestOutputHelper output;
    private readonly GatewayStory story = new GatewayStory().Connected();

    public OffPathTests(ITestOutputHelper output)
    {
        this.output = output;
        story.Now += TimeSpan.FromSeconds(5);
    }

    public void Dispose() => story.Dispose();

    [Theory]
    [InlineData(MessageType.Prepare)]
    [InlineData(MessageType.Probe)]
    [InlineData(MessageType.End)]
    public void REQ_OFFPATH_3_an_unknown_id_and_a_wrong_proof_are_both_met_with_silence(MessageType type)
    {
        foreach ((string what, byte[] datagram) in Requests(type))
        {
            GatewayState before = story.State;
            int effects = story.Effects.Count;
            Assert.True(story.Receive(GatewayStory.Attacker, datagram).Count == 0, what);
            Assert.True(before with { ReattachBudget = story.State.ReattachBudget } == story.State, what);
            Assert.All(story.Effects.Skip(effects), effect => Assert.IsType<GatewayEffect.Rejected>(effect));
        }
    }

    /// <summary>
    /// The time until the gateway is ready again is for people to read; see "Timing" in docs/THREATS.md. What does not depend on which
    /// sessions there are is asserted: a guessed id never gets beyond the filter, whose work is the same for all of them.
    /// </summary>
    [Fact]
    public void REQ_OFFPATH_3_a_guessed_id_does_not_come_to_where_sessions_are_looked_up()
    {
        ICryptography crypto = story.Crypto;
        var filter = new ControlFilter(crypto, AddressKeys.Derive(crypto, story.Environment.Identity.Public), story.Environment.ClusterKeys);
        var admission = ControlAdmission.Create(story.Crypto, filter, story.Environment.TokenSecret);
        foreach (MessageType type in new[] { MessageType.Prepare, MessageType.Probe, MessageType.End })
        {
            (string What, byte[] Datagram)[] requests = Requests(type);
            foreach ((string what, byte[] datagram) in requests) output.WriteLine($"{type}, {what}: {Median(() => Handle(admission, datagram)):0.00} us");
            byte[] guessed = [.. requests[0].Datagram];
            guessed[Prepare.SessionOffset + SessionId.Size - 1] ^= 1;
            AdmissionResult refused = admission.Check(story.State, GatewayStory.Attacker, guessed, story.Now, story.Now);
            Assert.Equal((AdmissionVerdict.Drop, ReasonCode.BadSessionId), (refused.Verdict, refused.Reason));
            output.WriteLine($"{type}, guessed id: {Median(() => Handle(admission, guessed)):0.00} us");
        }
    }

    /// <summary>A session's id with a wrong proof, an id of this cluster that no session has, and the same with another client's ticket.</summary>
    private (string What, byte[] Datagram)[] Requests(MessageType type)
    {
        byte[] wrong = type switch
        {
            MessageType.Prepare => story.Client.Prepare().Datagram,
            MessageType.Probe => ProbeWithTicket(),
            _ => story.Client.End(EndKind.Explicit, out _),
        };
        int proof = type switch { MessageType.Prepare => Prepare.ProofOffset, MessageType.Probe => Probe.MacOffset, _ => End.ProofOffset };
        int ticket = type switch { MessageType.Prepare => Prepare.TicketOffset, MessageType.Probe => Probe.Size, _ => End.TicketOffset };
        wrong[proof] ^= 1;
        byte[] unknown = [.. wrong], garbage = [.. wrong];
        SecretHandle seed = story.Crypto.GenerateSecret();
        story.Environment.ClusterKeys.NewSessionId(story.Crypto, seed).Write(unknown.AsSpan(Prepare.SessionOffset));
        unknown.AsSpan(Prepare.SessionOffset, SessionId.Size).CopyTo(garbage.AsSpan(Prepare.SessionOffset));
        story.Crypto.Release(seed);
        new Random(1).NextBytes(garbage.AsSpan(ticket + 4, Ticket.Size - 4));
        (string, byte[])[] requests = [("wrong proof", wrong), ("unknown id", unknown), ("unknown id, ticket that does not open", garbage)];
        Assert.Equal(Proofless, requests.Length);
        return requests;
    }

    private byte[] ProbeWithTicket()
    {
        byte[] datagram = new byte[Probe.SizeWithTicket];
        new Probe(story.Client.Session, 3, 1, story.Client.Instance, 7, 0, 0, 0, story.Client.RemoteIndex, 0, story.Client.Bound!.BindingVersion, Probe.SizeWithTicket)
            .Write(datagram, story.Client.Bound.Ticket.Span);
        return datagram;
    }

    private void Handle(ControlAdmission admission, byte[] datagram)
    {
        // Time passes for the admission alone, so that it never comes under load and no meter runs dry.
        story.Now += TimeSpan.FromMilliseconds(60);
        if (admission.Check(story.State, GatewayStory.Attacker, datagram, story.Now, story.Now).Verdict == AdmissionVerdict.Pass)
            GatewayCore.Step(story.State, new GatewayInput.DatagramReceived(GatewayStory.Attacker, datagram), new(story.Now, default, default), story.Environment);
    }

    private static double Median(Action action)
    {
        const int times = 2000;
        var took = new double[times];
        for (int i = -times; i < times; i++)
        {
            long began = Stopwatch.GetTimestamp();
            action();
            if (i >= 0) took[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        }
        Array.Sort(took);
        return took[times / 2];
    }
}
