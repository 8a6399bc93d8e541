using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>
/// Datagrams from somebody without a key, for the filter and the gateway core in every situation: genuine messages that were changed,
/// with MAC1 made anew where there is one. Nothing that matters may change, nothing may be answered, no secret may be left.
/// </summary>
internal sealed class GatewayTarget(bool isReal) : FuzzTarget
{
    /// <summary>As its sender, as the other client, as a stranger.</summary>
    private const int Ways = 3;

    private readonly Situations _situations = new(isReal);
    private readonly IReadOnlyList<byte[]> _strangers = Corpus.Files("wire");

    public override string Name => isReal ? "gateway-core-real" : "gateway-core";

    public override bool RefusesAll => true;

    /// <summary>The filter's buckets, which are made for each input, are 32 KiB of it.</summary>
    public override long MostAllocated(int length) => 65_536 + (16L * length);

    public override FuzzInput? Draw(SimRandom random)
    {
        int number = random.Below(_situations.Count);
        Situation situation = _situations[number];
        byte[][] genuine = [.. situation.Genuine.Where(datagram => datagram.To.Port == 51830).Select(datagram => datagram.Bytes)];
        byte[] model = genuine.Length > 0 && random.Chance(90) ? random.Pick(genuine) : random.Pick(_strangers);
        byte[] bytes = ByteMutation.Mutate(random, model, WireLayouts.Of(model), genuine, keepsLength: random.Chance(80));
        if (random.Chance(60)) SealMac1(situation, bytes);
        bool isGenuine = genuine.Any(known => WireLayouts.Essence(known).SequenceEqual(WireLayouts.Essence(bytes)));
        return isGenuine ? null : new(bytes, number, random.Below(Ways));
    }

    public override bool Take(FuzzInput input)
    {
        Situation situation = _situations[input.Situation];
        if (!situation.Gateway.IsRunning) return false;
        GatewayEnvironment environment = situation.Gateway.Environment with { Crypto = situation.Gateway.Cryptography.Crypto };
        GatewayState before = situation.Gateway.State;
        int live = situation.Gateway.Cryptography.Live;
        TransportAddress source = Source(situation, input.Way);
        ICryptography crypto = environment.Crypto;
        Instant now = situation.Gateway.Now;
        AddressKeys keys = AddressKeys.Derive(crypto, environment.Identity.Public);
        // Without the proof gate: the core must stand by itself against whatever the filter lets through.
        var filter = new ControlFilter(crypto, keys, environment.ClusterKeys);
        AdmissionVerdict verdict = ControlFilter.CheckShape(input.Bytes) != ReasonCode.None || filter.CheckMark(input.Bytes) != ReasonCode.None
            ? AdmissionVerdict.Drop
            : filter.Admit(input.Bytes, source.Remote, now, out _);
        crypto.Release(keys.Mac1);
        crypto.Release(keys.Cookie);
        FuzzFailure.Require(verdict != AdmissionVerdict.SendCookie, "a cookie is asked for without load");
        if (verdict == AdmissionVerdict.Drop) return false;
        SecretHandle seed = Seed(crypto, input.Bytes);
        (GatewayState after, ImmutableArray<GatewayEffect> effects) =
            GatewayCore.Step(before, new GatewayInput.DatagramReceived(source, input.Bytes), new(now, new WallTime(now.Ticks / 10), seed), environment);
        crypto.Release(seed);
        foreach (GatewayEffect effect in effects)
        {
            if (effect is GatewayEffect.Forget forget) crypto.Release(forget.Secret);
            else FuzzFailure.Require(effect is GatewayEffect.Rejected, $"{situation.Name}: {effect} follows");
        }
        // What was counted against a budget is all that may be left.
        GatewayState counted = before with { HandshakeBudget = after.HandshakeBudget, ReattachBudget = after.ReattachBudget };
        FuzzFailure.Require(after == counted, $"{situation.Name}: the state has changed");
        FuzzFailure.Require(situation.Gateway.Cryptography.Live == live, $"{situation.Name}: {situation.Gateway.Cryptography.Live - live} secrets are left");
        return true;
    }

    private static TransportAddress Source(Situation situation, int way)
    {
        Endpoint remote = way == Ways - 1
            ? Situation.Stranger
            : situation.Genuine.FirstOrDefault(datagram => datagram.To.Port == 51830 && situation.Client(way).Addresses.Contains(datagram.From.Address))?.From ?? Situation.Stranger;
        return new(1, situation.World.GatewayEndpoints[0], remote);
    }

    /// <summary>Anybody who knows the gateway's public key can make it.</summary>
    private static void SealMac1(Situation situation, byte[] bytes)
    {
        if (bytes.Length != Initiation.Size || bytes[0] != (byte)MessageType.Initiation || !situation.Gateway.IsRunning) return;
        ICryptography crypto = situation.Gateway.Environment.Crypto;
        AddressKeys keys = AddressKeys.Derive(crypto, situation.World.GatewayPublic);
        crypto.Mac(keys.Mac1, bytes.AsSpan(0, Initiation.Mac1Offset), bytes.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize));
        crypto.Release(keys.Mac1);
        crypto.Release(keys.Cookie);
    }

    /// <summary>A fresh seed, and yet the same each time that the same input is taken.</summary>
    public static SecretHandle Seed(ICryptography crypto, ReadOnlySpan<byte> bytes)
    {
        Span<byte> seed = stackalloc byte[Hash256.Size];
        crypto.Sha256(bytes).Write(seed);
        return crypto.Import(seed);
    }
}
