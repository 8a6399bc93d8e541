using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Hosts;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>The situations are what they are called, and the same each time.</summary>
public sealed class SituationTests
{
    private static readonly Dictionary<string, Func<ClientState, GatewayState, bool>> Expected = new()
    {
        ["connecting"] = (client, gateway) => client.Session is null && client.Handshakes.Any(attempt => attempt.Stage is HandshakeStage.Initiating) && gateway.HalfOpen.Count > 0,
        ["confirming"] = (client, gateway) => client.Session is null && client.Handshakes.Any(attempt => attempt.Stage is HandshakeStage.Confirming) && gateway.Sessions.Count == 2,
        ["attached"] = (client, _) => client.Session is { State: SessionState.Attached },
        ["preparing"] = (client, gateway) => client.Reattach is { IsConfirming: false } && gateway.Sessions.Values.Any(session => session.Prepared.Length > 0),
        ["rebinding"] = (client, _) => client.Reattach is { IsConfirming: true },
        ["moving by choice"] = (client, _) => client.Reattach is { IsGentle: true },
        ["volatile"] = (client, _) => client.Session is { State: SessionState.Volatile },
        ["degraded"] = (client, _) => client.Session is { State: SessionState.Degraded },
        ["recovering"] = (client, _) => client.Session is { State: SessionState.Recovering },
        ["gateway restarted"] = (client, gateway) => client.Session is not null && gateway.Sessions.Values.All(session => session.Secrets is null),
        ["gateway restarted, claimed"] = (client, gateway) => client.Session is { OwnershipEpoch: > 1 } && gateway.Sessions.Values.All(session => session.Secrets is not null),
        ["store away"] = (_, gateway) => gateway.Appends.Count > 0,
        ["ending, store away"] = (_, gateway) => gateway.Appends.Count > 0,
        ["ended"] = (client, gateway) => client.Session is null && gateway.Sessions.Count == 1,
        ["client stopping"] = (client, _) => client.Life == ClientLife.Stopping || client.Life == ClientLife.Stopped,
        ["draining"] = (_, gateway) => gateway.Draining,
    };

    [Fact]
    public void Each_is_what_it_is_called()
    {
        for (int i = 0; i < Situation.Count; i++)
        {
            var situation = Situation.Make(i, isReal: false);
            ClientHost client = situation.Client(0);
            Assert.True(Expected[situation.Name](client.State, situation.Gateway.State),
                $"{situation.Name}: client {client.State.Life} {client.State.Session?.State} {client.State.Reattach?.Kind} {client.State.Reattach?.IsConfirming}, gateway {situation.Gateway.State.Sessions.Count} sessions, {situation.Gateway.State.Appends.Count} appends");
            Assert.True(situation.Genuine.Count > 0);
        }
        Assert.Equal(Situation.Count, Expected.Count);
    }

    [Fact]
    public void The_same_one_is_the_same_each_time()
    {
        for (int i = 0; i < Situation.Count; i += 5)
            Assert.Equal(Situation.Make(i, isReal: true).Genuine.Select(datagram => Convert.ToHexString(datagram.Bytes)), Situation.Make(i, isReal: true).Genuine.Select(datagram => Convert.ToHexString(datagram.Bytes)));
    }
}
