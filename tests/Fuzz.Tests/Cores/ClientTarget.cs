using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>
/// Datagrams from somebody without a key, for the client core in every situation: changed answers of the gateway, those that were
/// withheld included, on any of its paths. The state stays the very same one, and nothing but a counted refusal follows.
/// </summary>
internal sealed class ClientTarget(bool isReal) : FuzzTarget
{
    private readonly Situations _situations = new(isReal);
    private readonly IReadOnlyList<byte[]> _strangers = Corpus.Files("wire");

    public override string Name => isReal ? "client-core-real" : "client-core";

    public override bool RefusesAll => true;

    public override FuzzInput? Draw(SimRandom random)
    {
        int number = random.Below(_situations.Count);
        Situation situation = _situations[number];
        byte[][] genuine = [.. situation.Genuine.Where(datagram => datagram.From.Port == 51830).Select(datagram => datagram.Bytes)];
        byte[] model = genuine.Length > 0 && random.Chance(90) ? random.Pick(genuine) : random.Pick(_strangers);
        byte[] bytes = ByteMutation.Mutate(random, model, WireLayouts.Of(model), genuine, keepsLength: random.Chance(80));
        return genuine.Any(known => known.AsSpan().SequenceEqual(bytes)) ? null : new(bytes, number, random.Below(8));
    }

    public override bool Take(FuzzInput input)
    {
        Situation situation = _situations[input.Situation];
        ClientHost client = situation.Client(input.Way);
        if (!client.IsRunning || ClientCore.NextDeadline(client.State) <= client.Now) return false;
        ClientPath[] paths = [.. client.State.OpenPaths];
        if (paths.Length == 0) return false;
        ClientState before = client.State;
        int live = client.Cryptography.Live;
        (ClientState after, ImmutableArray<ClientEffect> effects) = Step(client, new ClientInput.DatagramReceived(paths[input.Way / 2 % paths.Length].Transport, input.Bytes));
        FuzzFailure.Require(ReferenceEquals(before, after), $"{situation.Name}: the state has changed");
        foreach (ClientEffect effect in effects)
            FuzzFailure.Require(effect is ClientEffect.Report { Event: ClientReport.Rejected }, $"{situation.Name}: {effect} follows");
        FuzzFailure.Require(client.Cryptography.Live == live, $"{situation.Name}: {client.Cryptography.Live - live} secrets are left");
        return true;
    }

    /// <summary>Tries a step on the client's state; the client itself goes on as if nothing had been.</summary>
    public static (ClientState State, ImmutableArray<ClientEffect> Effects) Step(ClientHost client, ClientInput input, bool keepsSecrets = false)
    {
        // Trying one state again and again makes some nonces twice, which the watch over the simulated world would not have.
        ICryptography crypto = client.Cryptography.Crypto;
        ReadOnlySpan<byte> bytes = input switch
        {
            ClientInput.DatagramReceived datagram => datagram.Bytes.Span,
            ClientInput.FrameReceived frame => frame.Bytes.Span,
            _ => [],
        };
        SecretHandle seed = GatewayTarget.Seed(crypto, bytes);
        TrafficCounters counters = client.State.Session is { } session && client.DataPlane.TryReadCounters(session.Id, out TrafficCounters read) ? read : default;
        var result = ClientCore.Step(client.State, input, new(new(client.Now, new WallTime(client.Now.Ticks / 10), seed), counters),
            client.Environment with { Crypto = keepsSecrets ? new HostileClientTarget.KeepsSecrets(crypto) : crypto });
        crypto.Release(seed);
        return result;
    }
}
