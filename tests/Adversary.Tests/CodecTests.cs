using System.Buffers.Binary;
using System.Net;
using JumpingVpn.Adversary.Codec;
using JumpingVpn.Adversary.Lab;
using JumpingVpn.EndToEnd.Tests;

namespace JumpingVpn.Adversary.Tests;

/// <summary>The attacker's own codec, against the real gateway: what it says in truth is understood, so what it says in lies is refused for the lie.</summary>
public sealed class CodecTests
{
    [PrivilegedFact]
    public void A_client_written_from_the_protocols_text_connects_moves_and_ends()
    {
        using AttackLab lab = AttackLab.Start();
        using HostileClient client = lab.Hostile();
        Assert.True(client.Connect(), lab.Nodes.Logs());
        Assert.Equal(1u, client.Version);
        Assert.True(client.Reattach().IsBound, lab.Nodes.Logs());
        Assert.Equal(2u, client.Version);

        byte[]? reply = client.Ask(client.MakeProbe(), WireType.ProbeReply, 0);
        Assert.NotNull(reply);
        Assert.Equal(3, reply[1]);
        Assert.Equal(client.BindingVersion, BinaryPrimitives.ReadUInt64LittleEndian(reply.AsSpan(24)));

        client.Send(client.MakeData(Ping.Make(IPAddress.Parse("10.77.0.3"), IPAddress.Parse("10.77.0.1"))));
        byte[]? answer = client.Receive(TimeSpan.FromSeconds(2));
        while (answer is not null && answer[0] != WireType.Data) answer = client.Receive(TimeSpan.FromSeconds(2));
        Assert.NotNull(answer);
        byte[]? inner = DataSeal.Open(client.Epoch.Suite, client.Epoch.GatewayData, answer);
        Assert.NotNull(inner);
        Assert.True(Ping.IsReply(inner));

        byte[]? ended = client.Ask(client.MakeEnd(), WireType.Ended, 220);
        Assert.NotNull(ended);
        Assert.Null(lab.Nodes.Gateway.ReadStatus()!.Sessions.FirstOrDefault(session => session.Client == "client1"));
    }
}
