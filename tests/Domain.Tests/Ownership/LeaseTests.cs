using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Ownership;

/// <summary>REQ-PARTITION-2: a node counts its own time from before it asked, the others from after they saw.</summary>
public sealed class LeaseTests
{
    private static readonly LeaseTimes Times = LeaseTimes.Default;
    private static readonly Owner Other = new("gw-b", new IncarnationId(2));

    private LeaseState lease = LeaseState.Entered(At(0));

    [Fact]
    public void A_node_that_has_entered_serves_only_after_its_first_renewal()
    {
        Assert.False(lease.Serves(At(0)));
        Assert.Equal(At(0), lease.RenewAt);
        Renew(10, 30);
        Assert.True(lease.Serves(At(30)));
    }

    [Fact]
    public void The_lease_runs_from_the_question_however_late_the_answer_comes()
    {
        Renew(1_000, 1_900);
        Assert.True(lease.Serves(At(2_699)));
        Assert.False(lease.Serves(At(2_700)));
    }

    [Fact]
    public void A_renewal_that_took_longer_than_the_lease_grants_nothing()
    {
        Renew(1_000, 4_000);
        Assert.False(lease.Serves(At(4_000)));
        Assert.Equal(At(4_000), lease.RenewAt);
    }

    [Fact]
    public void An_answer_that_was_overtaken_shortens_nothing()
    {
        Renew(1_000, 1_010);
        lease = LeaseCore.Renewed(lease, Renewed(), At(500), At(1_020), Times);
        Assert.True(lease.Serves(At(2_699)));
    }

    [Fact]
    public void Nobody_is_held_for_gone_before_its_number_has_stood_still_for_lease_and_margin_by_this_clock()
    {
        Renew(0, 10, Row(5));
        Renew(2_309, 2_320, Row(5));
        Assert.Empty(lease.Gone);
        Renew(2_310, 2_330, Row(5));
        Assert.Equal(new FenceEvidence(Other, 5), Assert.Single(lease.Gone).Value);
    }

    [Fact]
    public void A_number_that_moves_begins_its_watch_anew()
    {
        Renew(0, 10, Row(5));
        Renew(2_000, 2_010, Row(6));
        Renew(2_400, 2_410, Row(6));
        Assert.Empty(lease.Gone);
        Renew(4_310, 4_320, Row(6));
        Assert.Single(lease.Gone);
        Renew(4_400, 4_410, Row(7));
        Assert.Empty(lease.Gone);
    }

    [Fact]
    public void A_store_that_could_not_be_read_in_between_proves_nothing()
    {
        Renew(0, 10, Row(5));
        lease = LeaseCore.Renewed(lease, new Renewal.Failed("the store is away"), At(1_000), At(1_250), Times);
        Renew(2_400, 2_410, Row(5));
        Assert.Empty(lease.Gone);
        Renew(4_710, 4_720, Row(5));
        Assert.Single(lease.Gone);
    }

    [Fact]
    public void A_failed_renewal_leaves_what_the_last_one_granted_and_is_tried_again_in_time()
    {
        Renew(0, 10);
        lease = LeaseCore.Renewed(lease, new Renewal.Failed("the store is away"), At(250), At(500), Times);
        Assert.True(lease.Serves(At(1_699)));
        Assert.False(lease.Serves(At(1_700)));
        Assert.Equal(At(500), lease.RenewAt);
    }

    [Fact]
    public void Who_is_fenced_already_is_gone_at_once()
    {
        Renew(0, 10, Row(5) with { IsFenced = true });
        Assert.Single(lease.Gone);
    }

    [Fact]
    public void Who_is_fenced_itself_serves_nothing_and_knows_of_nobody()
    {
        Renew(0, 10, Row(5) with { IsFenced = true });
        lease = LeaseCore.Renewed(lease, new Renewal.Fenced(), At(250), At(260), Times);
        Assert.False(lease.Serves(At(260)));
        Assert.Empty(lease.Gone);
        Renew(500, 510);
        Assert.False(lease.Serves(At(510)));
    }

    [Fact]
    public void Renewals_follow_each_other_at_the_interval_and_never_overlap()
    {
        lease = LeaseCore.Renewing(lease);
        Assert.Equal(Instant.Never, lease.RenewAt);
        Renew(0, 10);
        Assert.Equal(At(250), lease.RenewAt);
        Renew(250, 700);
        Assert.Equal(At(700), lease.RenewAt);
    }

    [Fact]
    public void While_nothing_changes_the_same_map_says_so()
    {
        Renew(0, 10, Row(5) with { IsFenced = true });
        ImmutableSortedDictionary<IncarnationId, FenceEvidence> before = lease.Gone;
        Renew(250, 260, Row(5) with { IsFenced = true });
        Assert.Same(before, lease.Gone);
    }

    private static Instant At(long milliseconds) => Instant.FromMilliseconds(milliseconds);

    private static NodeRow Row(long number) => new(Other, number, false);

    private static Renewal.Renewed Renewed(params NodeRow[] others) => new(Instant.Zero, 0, [.. others], []);

    private void Renew(long started, long ended, params NodeRow[] others) => lease = LeaseCore.Renewed(lease, Renewed(others), At(started), At(ended), Times);
}
