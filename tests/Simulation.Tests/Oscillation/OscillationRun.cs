using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests.Oscillation;

/// <summary>What an attack came to.</summary>
/// <param name="Delivered">Share of inner packets that arrived during the attack, the worse direction.</param>
/// <param name="BestFixed">The same, had every packet gone by the better one of the two uplinks, without any protocol.</param>
/// <param name="RoundTrips">Share of instants from which a round trip passes, on the better uplink: without any, nothing can be bound.</param>
/// <param name="Choices">Most moves by choice within a minute.</param>
/// <param name="Recoveries">Most moves from dead or rebound paths within a minute.</param>
/// <param name="Moves">All moves in the attack's last minute.</param>
/// <param name="Sessions">Sessions that the client had: one, if it never lost it.</param>
/// <param name="WasDegraded">The session was Degraded at some time.</param>
/// <param name="Calm">How long after the attack the session was Attached for good; null if it was not.</param>
internal sealed record OscillationResult(
    double Delivered, double BestFixed, double RoundTrips, int Choices, int Recoveries, int Moves, int Sessions, bool WasDegraded, SessionState AtTheEnd, TimeSpan? Calm)
{
    /// <summary>What several runs of one attack come to: their mean delivery, and the worst of all else. The state is that of the first.</summary>
    public static OscillationResult Of(IReadOnlyList<OscillationResult> runs) => new(
        runs.Average(run => run.Delivered), runs.Average(run => run.BestFixed), runs.Average(run => run.RoundTrips),
        runs.Max(run => run.Choices), runs.Max(run => run.Recoveries), runs.Max(run => run.Moves), runs.Max(run => run.Sessions),
        runs.Any(run => run.WasDegraded), runs[0].AtTheEnd, runs.Any(run => run.Calm is null) ? null : runs.Max(run => run.Calm));
}

/// <summary>Both shipped cores, two uplinks, a packet every 9.7 ms each way, and an attacker who cuts the uplinks periodically.</summary>
internal static class OscillationRun
{
    public static readonly SessionPolicy Policy = SessionPolicy.Default;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    /// <summary>Four of the longest periods.</summary>
    public static readonly TimeSpan Attack = TimeSpan.FromSeconds(120);

    /// <summary>The stability window of a Degraded session, and time for measuring.</summary>
    public static readonly TimeSpan CalmBound = Policy.DegradedStabilityWindow + TimeSpan.FromSeconds(10);

    /// <summary>Attached for so long after the attack is Attached for good.</summary>
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(8);

    /// <summary>Where so few round trips pass, a session that has to be bound anew is so by luck.</summary>
    private const double HardlyAnyRoundTrip = 0.1;

    /// <summary>Runs with other seeds where luck decides: one says little.</summary>
    private const int RunsOfLuck = 4;

    public static OscillationResult Execute(OscillationAttack attack)
    {
        OscillationResult first = Execute(attack, 1);
        if (first.RoundTrips >= HardlyAnyRoundTrip) return first;
        return OscillationResult.Of([first, .. Enumerable.Range(2, RunsOfLuck - 1).Select(seed => Execute(attack, (ulong)seed))]);
    }

    private static OscillationResult Execute(OscillationAttack attack, ulong seed)
    {
        var uplink = new UplinkPlan(HasNat: true, TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(1));
        var scenario = new Scenario(seed, 1, Policy, new StorePolicy(64, 40_000, 2_000, TimeSpan.FromHours(1)),
            [new ClientPlan(KeepsState: false, TimeSpan.FromMilliseconds(9.7), [uplink, uplink])], [], Settling + Attack);
        var world = new World(scenario, keepsTrace: false);
        var moves = new List<(Instant At, ReattachKind Kind)>();
        bool wasDegraded = false;
        Instant attachedAt = Instant.Never;
        world.Oracle.Stored = (happened, after) =>
        {
            if (happened is SessionEvent.TransportSwitched switched) moves.Add((world.Agenda.Now, switched.Binding.Kind));
            wasDegraded |= after.State == SessionState.Degraded;
            attachedAt = after.State != SessionState.Attached ? Instant.Never : Instant.Min(attachedAt, world.Agenda.Now);
        };
        world.Begin();
        world.Agenda.RunUntil(world.Agenda.Now + Settling);
        ClientHost client = world.Clients[0];
        Instant begin = world.Agenda.Now, end = begin + Attack;
        for (int i = 0; i < client.Uplinks.Length; i++)
            if (attack.Shift(i) is { } shift) CutPeriodically(world.Agenda, client.Uplinks[i], attack, begin + shift, end);
        var channels = new Channel[client.Uplinks.Length];
        for (int i = 0; i < channels.Length; i++) channels[i] = new(world.Agenda, client.Uplinks[i], end);
        world.Offering = _ =>
        {
            foreach (Channel channel in channels) channel.Offer();
        };
        (int offered, int up, int down) = world.Delivery(client);
        moves.Clear();
        world.Agenda.RunUntil(end);
        (int offeredAtEnd, int upAtEnd, int downAtEnd) = world.Delivery(client);
        SessionState state = client.State.Session?.State ?? SessionState.Terminated;
        int[] counts = [Most(moves, isChoice: true), Most(moves, isChoice: false), moves.Count(move => move.At >= end - TimeSpan.FromMinutes(1))];
        while (world.Agenda.Now < end + CalmBound && world.Agenda.Now - Instant.Max(attachedAt, end) < Lasting) world.Agenda.RunUntil(world.Agenda.Now + TimeSpan.FromSeconds(1));
        return new(
            (double)Math.Min(upAtEnd - up, downAtEnd - down) / (offeredAtEnd - offered),
            channels.Max(channel => channel.Delivered), channels.Max(channel => channel.RoundTrips), counts[0], counts[1], counts[2],
            world.Oracle.Sessions.Count(), wasDegraded, state,
            attachedAt == Instant.Never ? null : attachedAt <= end ? TimeSpan.Zero : attachedAt - end);
    }

    private static void CutPeriodically(Agenda agenda, SimUplink uplink, OscillationAttack attack, Instant from, Instant until)
    {
        if (from >= until) return;
        agenda.At(from, () =>
        {
            uplink.LosesUp = uplink.LosesDown = true;
            agenda.At(Instant.Min(from + attack.Cut, until), () => uplink.LosesUp = uplink.LosesDown = false);
            CutPeriodically(agenda, uplink, attack, from + attack.Period, until);
        });
    }

    /// <summary>What an uplink alone lets through, of packets offered at the same instants.</summary>
    private sealed class Channel(Agenda agenda, SimUplink uplink, Instant until)
    {
        private int _offered, _up, _down, _back;

        public double Delivered => (double)Math.Min(_up, _down) / _offered;

        public double RoundTrips => (double)_back / _offered;

        public void Offer()
        {
            if (agenda.Now >= until) return;
            _offered++;
            TimeSpan oneWay = uplink.Delay + (uplink.Jitter / 2);
            bool passesUp = !uplink.LosesUp;
            if (passesUp) _up++;
            agenda.After(oneWay, () => _down += uplink.LosesDown ? 0 : 1);
            agenda.After(2 * oneWay, () => _back += passesUp && !uplink.LosesDown ? 1 : 0);
        }
    }

    private static int Most(List<(Instant At, ReattachKind Kind)> moves, bool isChoice)
    {
        Instant[] times = [.. moves.Where(move => (move.Kind == ReattachKind.Voluntary) == isChoice).Select(move => move.At)];
        return times.Length == 0 ? 0 : times.Max(start => times.Count(at => at >= start && at - start < TimeSpan.FromMinutes(1)));
    }
}
