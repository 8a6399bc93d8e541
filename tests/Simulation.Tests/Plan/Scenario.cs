using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Plan;

/// <summary>One uplink of one client as a scenario begins.</summary>
internal sealed record UplinkPlan(bool HasNat, TimeSpan Delay, TimeSpan Jitter);

/// <summary>One client of a scenario.</summary>
internal sealed record ClientPlan(bool KeepsState, TimeSpan TrafficEvery, ImmutableArray<UplinkPlan> Uplinks);

/// <summary>A whole scenario: the world at its beginning and all that will happen to it. A seed gives one; a test may write its own.</summary>
internal sealed record Scenario(
    ulong Seed, int Endpoints, SessionPolicy Policy, StorePolicy Store, ImmutableArray<ClientPlan> Clients, ImmutableArray<Scheduled> Events, TimeSpan Length,
    ClusterPlan? Cluster = null)
{
    /// <summary>What the seed says.</summary>
    public static Scenario From(ulong seed)
    {
        // Two steps, so that neighbouring seeds have nothing in common.
        var random = new SimRandom(new SimRandom(seed ^ 0x6A09E667F3BCC908).Next());
        // Most are short and stormy; a few are long and quiet, so that rekeys, idle probes and long windows come up.
        bool isLong = random.Chance(4);
        ImmutableArray<ClientPlan> clients = [.. Enumerable.Range(0, random.Between(1, 3)).Select(_ => Client(random, isLong))];
        TimeSpan length = isLong ? random.Milliseconds(70_000, 150_000) : random.Milliseconds(1_500, 9_000);
        int count = random.Between(1, isLong ? 8 : 10);
        var draw = new TransitionDraw(random, clients, isLong);
        ImmutableArray<Scheduled> events =
        [
            .. Enumerable.Range(0, count).Select(_ => new Scheduled(random.Time(TimeSpan.Zero, length), draw.Next())).OrderBy(scheduled => scheduled.At),
        ];
        var store = new StorePolicy(random.Chance(30) ? random.Between(4, 12) : 64, 40_000, 2_000, TimeSpan.FromHours(1));
        return new(seed, random.Between(1, 2), PolicyOf(random, isLong), store, clients, events, length);
    }

    /// <summary>What the seed says for several gateways that share a store.</summary>
    public static Scenario OfCluster(ulong seed)
    {
        var random = new SimRandom(new SimRandom(seed ^ 0xBB67AE8584CAA73B).Next());
        ImmutableArray<ClientPlan> clients = [.. Enumerable.Range(0, random.Between(1, 3)).Select(_ => Client(random, isLong: false))];
        ClusterPlan cluster = ClusterPlan.Draw(random);
        TimeSpan length = random.Milliseconds(1_500, 8_000);
        var draw = new ClusterDraw(random, clients, cluster);
        ImmutableArray<Scheduled> events =
        [
            .. Enumerable.Range(0, random.Between(1, 9)).Select(_ => new Scheduled(random.Time(TimeSpan.Zero, length), draw.Next())).OrderBy(scheduled => scheduled.At),
        ];
        var store = new StorePolicy(random.Chance(30) ? random.Between(6, 12) : 64, 40_000, 2_000, TimeSpan.FromHours(1));
        return new(seed, cluster.Nodes[0].Endpoints, PolicyOf(random, isLong: false), store, clients, events, length, cluster);
    }

    private static ClientPlan Client(SimRandom random, bool isLong) => new(
        random.Chance(50),
        isLong ? random.Milliseconds(500, 5_000) : random.Milliseconds(20, 150),
        [.. Enumerable.Range(0, random.Between(1, 3)).Select(_ => new UplinkPlan(random.Chance(70), random.Milliseconds(1, 40), random.Milliseconds(0, random.Chance(30) ? 20 : 1)))]);

    private static SessionPolicy PolicyOf(SimRandom random, bool isLong) => SessionPolicy.Default with
    {
        ReportInterval = TimeSpan.FromMilliseconds(isLong ? 1000 : random.Pick([25, 50, 50, 100, 200])),
        ReportLinger = TimeSpan.FromSeconds(random.Pick([1, 2, 10])),
        RecoveryWindow = TimeSpan.FromSeconds(random.Pick([20, 30, 60])),
        Cooldown = TimeSpan.FromMilliseconds(random.Pick([100, 500, 2000])),
        RekeyInterval = TimeSpan.FromSeconds(isLong ? 60 : 3600),
        StandbyProbeInterval = TimeSpan.FromMilliseconds(random.Pick([500, 1000, 3000])),
        ReturnHold = TimeSpan.FromSeconds(random.Pick([1, 3, 30])),
        MaxSwitchesPerMinute = random.Pick([2, 12, 60]),
        MaxRecoveriesPerMinute = random.Pick([4, 30, 120]),
        OverBudgetSpacing = TimeSpan.FromSeconds(random.Pick([1, 3])),
        SessionLifetime = isLong && random.Chance(30) ? TimeSpan.FromSeconds(75) : TimeSpan.FromHours(24),
    };
}
