using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Paths;

public class PathHealthStories
{
    private static readonly PathId First = new(1), Second = new(2);

    private static Instant At(double ms) => new((long)(ms * TimeSpan.TicksPerMillisecond));

    [Fact]
    public void Round_trips_are_smoothed_as_RFC_6298_says()
    {
        RttEstimator rtt = RttEstimator.None.Measure(TimeSpan.FromMilliseconds(100), At(0));
        Assert.Equal(TimeSpan.FromMilliseconds(100), rtt.Smoothed);
        Assert.Equal(TimeSpan.FromMilliseconds(50), rtt.Variation);
        rtt = rtt.Measure(TimeSpan.FromMilliseconds(180), At(10));
        Assert.Equal(TimeSpan.FromMilliseconds(110), rtt.Smoothed);
        Assert.Equal(TimeSpan.FromMilliseconds(57.5), rtt.Variation);
        Assert.Equal(TimeSpan.FromMilliseconds(100), rtt.Min);
        Assert.Equal(TimeSpan.FromMilliseconds(200), rtt.Measure(TimeSpan.FromMilliseconds(200), At(5000)).Measure(TimeSpan.FromMilliseconds(250), At(7000)).Min);
    }

    [Fact]
    public void An_unanswered_probe_is_overdue_from_when_its_answer_was_due()
    {
        PathHealth health = PathHealth.New.ProbeSent(1, At(0)).ProbeAnswered(1, At(10)).ProbeSent(2, At(100)).ProbeSent(3, At(125));
        Assert.Equal(PathState.Live, health.State);
        Assert.Equal(At(110), health.SilentSince);
        Assert.Equal(TimeSpan.Zero, health.Overdue(At(110), At(0)));
        Assert.Equal(TimeSpan.FromMilliseconds(40), health.Overdue(At(150), At(0)));
        Assert.Equal(TimeSpan.FromMilliseconds(5), health.Overdue(At(150), At(145)));
        health = health.ProbeAnswered(2, At(151));
        Assert.Equal(TimeSpan.Zero, health.Overdue(At(130), At(0)));
        Assert.Equal(Instant.Never, health.ProbeAnswered(3, At(155)).SilentSince);
    }

    [Fact]
    public void A_silent_standby_becomes_suspect_and_then_dead_and_comes_back_by_two_answers()
    {
        PathHealth health = PathHealth.New.ProbeSent(1, At(0)).ProbeAnswered(1, At(10));
        health = health.ProbeSent(2, At(1000)).Expire(At(1200), isBound: false);
        Assert.Equal(PathState.Suspect, health.State);
        health = health.ProbeSent(3, At(1300)).ProbeSent(4, At(1400)).Expire(At(1600), isBound: false);
        Assert.Equal(PathState.Dead, health.State);
        Assert.Equal(Instant.Never, health.HealthySince);
        health = health.ProbeSent(5, At(2000)).ProbeAnswered(5, At(2010));
        Assert.Equal(PathState.Suspect, health.State);
        Assert.Equal(PathState.Live, health.ProbeSent(6, At(2100)).ProbeAnswered(6, At(2110)).State);
    }

    [Fact]
    public void The_bound_path_never_dies_of_silence_alone()
    {
        PathHealth health = PathHealth.New.ProbeSent(1, At(0)).ProbeAnswered(1, At(10));
        for (ulong probe = 2; probe < 60; probe++) health = health.ProbeSent(probe, At(probe * 25.0));
        Assert.Equal(PathState.Suspect, health.Expire(At(9000), isBound: true).State);
    }

    [Fact]
    public void An_ICMP_error_raises_suspicion_and_nothing_more()
    {
        PathHealth health = PathHealth.New.ProbeSent(1, At(0)).ProbeAnswered(1, At(10)).ErrorClaimed();
        Assert.Equal(PathState.Suspect, health.State);
        Assert.True(health.IsLinkUp);
        Assert.False(health.ProbeSent(2, At(20)).ProbeAnswered(2, At(30)).IsDoubtful);
    }

    [Fact]
    public void Loss_is_counted_in_each_direction_and_a_new_epoch_counts_anew()
    {
        PathHealth health = PathHealth.New.Counted(new(1, 100, 100, 50, 50), At(0)).Counted(new(1, 120, 110, 70, 70), At(100));
        Assert.Equal(500_000, health.Up.Sum(At(100), 20).Ppm);
        Assert.Equal(0, health.Down.Sum(At(100), 20).Ppm);
        Assert.Equal(500_000, health.LossPpm(At(100)));
        health = health.Counted(new(2, 5, 5, 5, 5), At(200)).Counted(new(2, 15, 15, 15, 14), At(300));
        Assert.Equal(new LossFigure(30, 10), health.Up.Sum(At(300), 20));
        Assert.Equal(new LossFigure(30, 1), health.Down.Sum(At(300), 20));
        Assert.Equal(0, health.LossPpm(At(5000)));
    }

    [Fact]
    public void Reordered_packets_give_back_what_was_counted_as_lost()
    {
        PathHealth health = PathHealth.New.Counted(new(1, 10, 10, 0, 0), At(0)).Counted(new(1, 20, 15, 0, 0), At(20)).Counted(new(1, 30, 30, 0, 0), At(40));
        Assert.Equal(new LossFigure(20, 0), health.Up.Sum(At(40), 20));
    }

    [Fact]
    public void Few_packets_prove_little()
    {
        Assert.Equal(0, new LossFigure(10, 0).LowerPpm);
        Assert.True(new LossFigure(4, 2).LowerPpm < 150_000);
        Assert.InRange(new LossFigure(1000, 300).LowerPpm, 250_000, 300_000);
    }

    [Fact]
    public void What_is_kept_of_a_path_is_bounded()
    {
        PathHealth health = PathHealth.New;
        for (ulong probe = 1; probe < 10_000; probe++) health = health.ProbeSent(probe, At(probe));
        health = health.Expire(At(20_000), isBound: true);
        Assert.InRange(health.LostInRow, 1, PathConstants.MaxOutstanding);
        PathSelection selection = PathSelection.Create(SessionPolicy.Default);
        for (uint path = 0; path < PathConstants.MaxPaths; path++) Assert.True(selection.TryAdd(new(path), 0, out selection));
        Assert.False(selection.TryAdd(new(99), 0, out _));
        Assert.True(selection.TryAdd(new(3), 5, out _));
    }

    [Fact]
    public void A_changed_address_and_a_challenge_ask_for_a_reattach_on_the_same_path()
    {
        PathSelection selection = Ready();
        PathStep step = selection.AddressChanged(First).Step(At(10_000), At(9_990));
        Assert.Equal(new PathDecision.Switch(First, null, ReattachKind.Rebound, MoveCause.Rebound), step.Decision);
        Assert.Equal(new PathDecision.Stay(StayReason.Moving), step.Next.Step(At(10_001), At(9_990)).Decision);
        Assert.Equal(new PathDecision.Switch(First, null, ReattachKind.Challenge, MoveCause.Rebound), selection.Challenged().Step(At(10_000), At(9_990)).Decision);
        selection = selection.ProbeSent(First, 50, At(10_000));
        Assert.IsType<PathDecision.Switch>(selection.ProbeAnswered(First, 50, At(10_001), fromBoundSource: false).Step(At(10_002), At(9_990)).Decision);
        Assert.IsType<PathDecision.Stay>(selection.ProbeAnswered(First, 50, At(10_001), fromBoundSource: true).Step(At(10_002), At(9_990)).Decision);
        PathSelection bound = step.Next.Bind(First, ReattachKind.Rebound, At(10_005));
        Assert.Null(bound.Moving);
        Assert.NotEqual(selection.Budgets.Recovery, bound.Budgets.Recovery);
        Assert.Equal(selection.Budgets.Quality, bound.Budgets.Quality);
        Assert.Equal(0, bound.Paths[First].Relapses);
    }

    [Fact]
    public void A_lost_link_names_the_two_best_paths()
    {
        PathSelection selection = Ready(3);
        var move = Assert.IsType<PathDecision.Switch>(selection.LinkLost(First).Step(At(10_000), At(9_990)).Decision);
        Assert.Equal((Second, (PathId?)new PathId(3), ReattachKind.Dead), (move.To, move.Alternative, move.Kind));
    }

    [Fact]
    public void Without_any_link_there_is_nothing_to_try()
    {
        PathSelection selection = Ready().LinkLost(First).LinkLost(Second);
        var silent = Assert.IsType<PathDecision.AllSilent>(selection.Step(At(10_000), At(9_990)).Decision);
        Assert.Empty(silent.Best);
        silent = Assert.IsType<PathDecision.AllSilent>(selection.LinkFound(Second).Step(At(10_000), At(9_990)).Decision);
        Assert.Equal(Second, Assert.Single(silent.Best));
    }

    [Fact]
    public void A_refused_move_is_not_asked_for_again_at_once()
    {
        PathSelection selection = Ready().Refused(At(10_000), TimeSpan.FromSeconds(5));
        Assert.Null(selection.Moving);
    }

    [Fact]
    public void A_late_timer_raises_no_suspicion_of_its_own()
    {
        PathStep step = Ready().ProbeSent(First, 50, At(10_000)).Step(At(10_001), At(9_990));
        Assert.InRange(step.WakeAt.Milliseconds, 10_001, 10_026);
        Assert.Null(step.Next.Step(At(10_200), At(10_190)).Next.SuspectSince);
        // A timer in time that finds the same silence does suspect.
        PathSelection onTime = step.Next;
        for (int at = 10_010; at <= 10_200; at += 10) onTime = onTime.Step(At(at), At(at - 5)).Next;
        Assert.NotNull(onTime.SuspectSince);
    }

    [Fact]
    public void A_late_timer_starts_the_time_to_answer_again_but_not_for_ever()
    {
        PathSelection selection = Ready().ProbeSent(First, 50, At(10_000));
        int now = 10_000;
        for (; selection.SuspectSince is null; now += 10) selection = selection.Step(At(now), At(now - 5)).Next;
        // The standby's answer has been read, the bound path's waits in its socket; the timer was 90 ms late.
        selection = selection.ProbeSent(First, 51, At(now)).ProbeSent(Second, 52, At(now)).ProbeAnswered(Second, 52, At(now + 1));
        PathStep step = selection.Step(At(now + 100), At(now + 95));
        Assert.IsType<PathDecision.Stay>(step.Decision);
        int late = 0;
        for (ulong probe = 60; step.Decision is PathDecision.Stay && late < 20; late++, probe++)
        {
            now += 100;
            step = step.Next.ProbeSent(Second, probe, At(now)).ProbeAnswered(Second, probe, At(now + 1)).Step(At(now + 100), At(now + 95));
        }

        Assert.IsType<PathDecision.Switch>(step.Decision);
        Assert.InRange(late, 2, 6);
    }

    /// <summary>The first path bound, the others proven, at second 10.</summary>
    private static PathSelection Ready(int paths = 2)
    {
        PathSelection selection = PathSelection.Create(SessionPolicy.Default);
        for (uint path = 1; path <= paths; path++) Assert.True(selection.TryAdd(new(path), (int)path, out selection));
        selection = selection.Attach(First, At(1));
        ulong probe = 0;
        foreach (PathId path in ImmutableArray.CreateRange(selection.Paths.Keys))
            selection = selection.ProbeSent(path, ++probe, At(9_900)).ProbeAnswered(path, probe, At(9_901 + path.Value));
        return selection;
    }
}
