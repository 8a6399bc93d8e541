using System.Net;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Admission;

/// <summary>What the checks of a flood may cost (REQ-FLOOD-8).</summary>
public sealed class SourceStandingTests
{
    private static readonly Instant Start = Instant.FromMilliseconds(5000);
    private static readonly Endpoint Honest = At("192.0.2.7", 40_000);

    private readonly SourceStanding _standing = new(new KeyedMix(seed: 7), SourceBudgets.Default);

    [Fact]
    public void Without_a_flood_everybody_is_checked()
    {
        for (int i = 0; i < 10_000; i++)
        {
            Instant now = Start + TimeSpan.FromMilliseconds(i);
            Assert.True(TryTake(Honest, now));
            _standing.Failed(Honest, isForgery: true, now);
        }
    }

    [Fact]
    public void One_wrong_MAC_makes_a_source_a_failing_one_and_a_few_refusals_do_not()
    {
        _standing.Failed(Neighbour(1), isForgery: true, Start);
        Assert.Equal(SourceRecord.Failing, _standing.Of(Neighbour(1), Start));
        for (int i = 0; i < 3; i++) _standing.Failed(Neighbour(2), isForgery: false, Start);
        Assert.Equal(SourceRecord.Unknown, _standing.Of(Neighbour(2), Start));
        _standing.Failed(Neighbour(2), isForgery: false, Start);
        Assert.Equal(SourceRecord.Failing, _standing.Of(Neighbour(2), Start));
        Assert.Equal(SourceRecord.Unknown, _standing.Of(Neighbour(3), Start));
    }

    [Fact]
    public void What_a_source_has_done_is_forgotten_in_time_however_much_it_was()
    {
        for (int i = 0; i < 1000; i++) _standing.Failed(Neighbour(1), isForgery: true, Start);
        Assert.Equal(SourceRecord.Failing, _standing.Of(Neighbour(1), Start + TimeSpan.FromSeconds(13)));
        Assert.Equal(SourceRecord.Unknown, _standing.Of(Neighbour(1), Start + SourceStanding.MaxPenalty - SourceStanding.Tolerance));
    }

    [Fact]
    public void A_proof_speaks_for_its_source_whatever_else_comes_from_there_and_for_a_time()
    {
        _standing.Proved(Honest, Start);
        for (int i = 0; i < 1000; i++) _standing.Failed(Honest, isForgery: true, Start);
        Assert.Equal(SourceRecord.Proven, _standing.Of(Honest, Start + SourceStanding.ProofLifetime - TimeSpan.FromTicks(1)));
        Assert.Equal(SourceRecord.Unknown, _standing.Of(Honest, Start + SourceStanding.ProofLifetime));
    }

    [Fact]
    public void A_flood_from_ten_thousand_neighbours_takes_no_turn_of_a_client_or_of_a_newcomer()
    {
        _standing.Proved(Honest, Start);
        int refused = 0, checks = 0;
        for (int i = 0; i < 600_000; i++)
        {
            // 300,000 a second.
            Instant now = Start + TimeSpan.FromTicks(i * 33L);
            Endpoint source = Neighbour(i % 10_000);
            if (!TryTake(source, now)) refused++;
            else
            {
                checks++;
                _standing.Failed(source, isForgery: true, now);
            }

            if (i % 1000 != 0) continue;
            Assert.True(TryTake(Honest, now));
            // In the first moments nobody is known to be failing, and newcomers and flood draw from one budget.
            if (i > 100_000) Assert.True(TryTake(At("198.51.100.9", (ushort)(1 + i / 1000)), now));
        }

        Assert.InRange(refused, 550_000, 600_000);
        Assert.InRange(checks, 10_000, 50_000);
    }

    [Fact]
    public void A_flood_from_ever_new_sources_is_checked_at_a_bounded_rate_and_pushes_no_proven_source_out()
    {
        Endpoint[] clients = [.. Enumerable.Range(0, 1000).Select(number => At("203.0.113.5", (ushort)(1024 + number)))];
        foreach (Endpoint client in clients) _standing.Proved(client, Start);
        int checks = 0;
        for (int i = 0; i < 500_000; i++)
        {
            Instant now = Start + TimeSpan.FromTicks(i * 20L);
            var source = Endpoint.FromIPv4(0x0A00_0000 + (uint)i, 1);
            if (!TryTake(source, now)) continue;
            checks++;
            _standing.Failed(source, isForgery: true, now);
        }

        // One second's tokens, and the burst.
        Assert.InRange(checks, 35_000, 45_000);
        Assert.All(clients, client => Assert.Equal(SourceRecord.Proven, _standing.Of(client, Start + TimeSpan.FromSeconds(1))));
    }

    [Fact]
    public void A_flood_never_pushes_a_proven_source_out_even_where_only_such_share_a_place()
    {
        var small = new SourceStanding(new KeyedMix(seed: 7), SourceBudgets.Default, entries: 4);
        Endpoint[] clients = [.. Enumerable.Range(1, 4).Select(port => At("203.0.113.5", (ushort)port))];
        foreach (Endpoint client in clients) small.Proved(client, Start);
        for (int i = 0; i < 100; i++) small.Failed(Neighbour(i), isForgery: true, Start);
        Assert.All(clients, client => Assert.Equal(SourceRecord.Proven, small.Of(client, Start)));

        small.Proved(Honest, Start + TimeSpan.FromSeconds(1));
        Assert.Equal(SourceRecord.Proven, small.Of(Honest, Start + TimeSpan.FromSeconds(1)));
        Assert.Equal(3, clients.Count(client => small.Of(client, Start) == SourceRecord.Proven));
    }

    [Fact]
    public void A_flood_that_bears_the_source_of_a_client_takes_that_clients_turns_and_no_others()
    {
        Endpoint forged = At("192.0.2.99", 9);
        _standing.Proved(forged, Start);
        _standing.Proved(Honest, Start);
        int checks = 0;
        for (int i = 0; i < 400_000; i++)
        {
            Instant now = Start + TimeSpan.FromTicks(i * 25L);
            if (TryTake(forged, now)) checks++;
            if (i % 4000 == 0) Assert.True(TryTake(Honest, now));
            if (i % 4000 == 1) Assert.True(TryTake(At("198.51.100.1", (ushort)(1 + i / 4000)), now));
        }

        // One second's tokens, and the burst.
        Assert.InRange(checks, 1150, 1250);
    }

    [Fact]
    public void All_of_an_IPv6_network_of_64_bits_fails_together_and_is_proven_one_by_one()
    {
        Endpoint neighbour = At("2001:db8::1", 1), client = At("2001:db8::2", 2);
        for (int i = 0; i < 4; i++) _standing.Failed(At($"2001:db8::{i + 10}", 5), isForgery: true, Start);
        Assert.Equal(SourceRecord.Failing, _standing.Of(neighbour, Start));
        _standing.Proved(client, Start);
        Assert.Equal(SourceRecord.Proven, _standing.Of(client, Start));
        Assert.Equal(SourceRecord.Failing, _standing.Of(neighbour, Start));
        Assert.Equal(SourceRecord.Unknown, _standing.Of(At("2001:db8:0:1::1", 1), Start));
    }

    [Fact]
    public void It_gives_what_it_knows_and_says_when_that_changes()
    {
        int before = _standing.Version;
        _standing.Proved(Honest, Start);
        Assert.NotEqual(before, before = _standing.Version);
        _standing.Proved(Honest, Start);
        Assert.Equal(before, _standing.Version);
        _standing.Failed(Neighbour(1), isForgery: true, Start);
        _standing.Failed(At("2001:db8::1", 77), isForgery: true, Start);

        var sources = new Endpoint[_standing.Capacity];
        Assert.Equal(1, _standing.Read(SourceRecord.Proven, sources, Start));
        Assert.Equal(Honest, sources[0]);
        Assert.Equal(2, _standing.Read(SourceRecord.Failing, sources, Start));
        Assert.Equal(new[] { Neighbour(1), At("2001:db8::", 0) }.Order(), sources[..2].Order());
        Assert.Equal(0, _standing.Read(SourceRecord.Failing, sources, Start + TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public void It_allocates_nothing()
    {
        void All()
        {
            for (int i = 0; i < 1000; i++)
            {
                TryTake(Neighbour(i), Start);
                _standing.Failed(Neighbour(i), isForgery: true, Start);
                _standing.Proved(Neighbour(i + 5000), Start);
            }
        }

        // The runtime allocates now and then while it compiles anew what runs often; what the checks allocate they allocate each time.
        Assert.Contains(0L, Enumerable.Range(0, 10).Select(_ =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            All();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }));
    }

    private bool TryTake(Endpoint source, Instant now) => _standing.TryTake(source, _standing.Of(source, now), now);

    private static Endpoint Neighbour(int number) => Endpoint.FromIPv4(0xC633_6401, (ushort)(10_000 + number));

    private static Endpoint At(string address, ushort port) => Endpoint.From(IPAddress.Parse(address), port);
}
