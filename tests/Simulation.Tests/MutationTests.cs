using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

/// <summary>
/// A simulation that cannot fail shows nothing: each test breaks one check and expects the simulation to notice, in scenarios that hold
/// while nothing is broken.
/// </summary>
public sealed class MutationTests
{
    private const int Scenarios = 12;

    [Fact]
    public void A_gateway_that_takes_every_MAC_is_found_out() => IsFoundOut(
        new() { GatewayCryptography = (_, crypto) => new EveryMacIsTrue(crypto) }, "forged",
        new Transition.UplinkFails(0, 0, LinkFault.Silent, Seconds(1)), new Transition.AttackerFlips(60, false, Seconds(2)), new Transition.AttackerFlips(60, true, Seconds(2)));

    [Fact]
    public void A_token_that_does_not_name_its_source_is_found_out() => IsFoundOut(
        new() { GatewayCryptography = (world, crypto) => new TokensNameNoSource(world, crypto) }, "which is not its client's",
        new Transition.AttackerRaces(Seconds(6)), new Transition.NatRebinds(0, 0, false), new Transition.UplinkFails(0, 0, LinkFault.Silent, Seconds(1)),
        new Transition.NatRebinds(0, 0, true));

    [Fact]
    public void A_store_that_compares_no_versions_is_found_out() => IsFoundOut(
        new() { StoreIgnoresVersions = true }, "cannot be read",
        new Transition.StoreRepeats(100, Seconds(6)), new Transition.UplinkFails(0, 0, LinkFault.Silent, Seconds(1)), new Transition.NatRebinds(0, 0, true),
        new Transition.GatewayDies(Seconds(0.1)));

    [Fact]
    public void A_data_plane_that_delivers_before_the_commit_is_found_out() => IsFoundOut(
        new() { DeliversHeld = true }, "which is not bound",
        new Transition.StoreIsSlow(Seconds(0.2), Seconds(6)), new Transition.UplinkFails(0, 0, LinkFault.Silent, Seconds(1)), new Transition.NatRebinds(0, 0, true));

    [Fact]
    public void A_data_plane_that_delivers_from_anywhere_is_found_out() => IsFoundOut(
        new() { DeliversUnbound = true }, "which is not bound",
        new Transition.NatRebinds(0, 0, true), new Transition.NatRebinds(0, 1, true), new Transition.NatRebinds(0, 0, false));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>Some of the scenarios fail with the mutation, for the reason named; all hold without it.</summary>
    private static void IsFoundOut(Mutation mutation, string reason, params Transition[] transitions)
    {
        int found = 0;
        for (ulong seed = 1; seed <= Scenarios; seed++)
        {
            Scenario scenario = ScenarioWith(seed, transitions);
            if (SimulationRun.Execute(scenario).Failure is not null) Assert.Fail(SimulationRun.Explain(scenario));
            string? failure = SimulationRun.Execute(scenario, mutation).Failure;
            if (failure is not null && failure.Contains(reason, StringComparison.Ordinal)) found++;
        }
        Assert.True(found > 0, $"none of {Scenarios} scenarios notices");
    }

    /// <summary>The seed's world with two NATed uplinks for each client, and only these events, half a second apart.</summary>
    private static Scenario ScenarioWith(ulong seed, Transition[] transitions)
    {
        Scenario scenario = Scenario.From(seed);
        ImmutableArray<UplinkPlan> uplinks = [new(true, Seconds(0.01), TimeSpan.Zero), new(true, Seconds(0.02), TimeSpan.Zero)];
        return scenario with
        {
            Clients = [.. scenario.Clients.Select(client => client with { TrafficEvery = Seconds(0.02), Uplinks = uplinks })],
            Events = [.. transitions.Select((transition, i) => new Scheduled(Seconds(0.5 * (i + 1)), transition))],
            Length = Seconds(4),
        };
    }

    private sealed class EveryMacIsTrue(ICryptography inner) : CryptographyDecorator(inner)
    {
        public override bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac) => true;
    }

    private sealed class TokensNameNoSource(World world, ICryptography inner) : CryptographyDecorator(inner)
    {
        public override void Mac(SecretHandle key, ReadOnlySpan<byte> data, Span<byte> mac) =>
            base.Mac(key, key == world.TokenSecret ? data[..(SessionId.Size + Hash256.Size)] : data, mac);
    }
}
