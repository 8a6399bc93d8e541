using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>What a reattach must pass (REQ-REPLAY, REQ-HIJACK, REQ-PARTITION, REQ-OSCILLATION).</summary>
public class ReattachGuards
{
    [Fact]
    public void REQ_REPLAY_1_a_used_nonce_is_a_replay_whatever_else_it_says() => Attached()
        .When(session => new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Dead, 2, 9)))
        .Refuses(session => new SessionCommand.Reattach(At(6), Node, Request(session, ReattachKind.Dead, 1, 9)), ReasonCode.ReplayDetected)
        .Refuses(session => new SessionCommand.Reattach(At(6), Node, Request(session, ReattachKind.Dead, 1, 8)), ReasonCode.ReplayDetected)
        .Refuses(session => new SessionCommand.Reattach(At(6), Node, Request(session, ReattachKind.Rekey, 2, 9)), ReasonCode.ReplayDetected)
        .When(session => new SessionCommand.Reattach(At(6), Node, Request(session, ReattachKind.Dead, 1, 10)));

    [Fact]
    public void REQ_REPLAY_1_a_replay_cannot_even_end_a_session_that_is_due() => Recovering()
        .Refuses(session => new SessionCommand.Reattach(At(500), Node, Request(session, ReattachKind.Dead, 1, 0)), ReasonCode.ReplayDetected);

    [Fact]
    public void REQ_HIJACK_2_another_binding_version_is_refused() => Attached()
        .Refuses(
            session => new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Dead, 2) with { ExpectedBindingVersion = 0 }),
            ReasonCode.VersionMismatch)
        .Refuses(
            session => new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Dead, 2) with { ExpectedBindingVersion = 2 }),
            ReasonCode.VersionMismatch);

    [Fact]
    public void REQ_HIJACK_2_a_version_that_moved_without_a_binding_is_no_mismatch() => Volatile()
        .When(session => new SessionCommand.Reattach(At(15), Node, Request(session, ReattachKind.Voluntary, 2)));

    [Fact]
    public void REQ_HIJACK_1_another_instance_needs_a_resume() => Attached()
        .Refuses(
            session => new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Dead, 2) with { Instance = Restarted }),
            ReasonCode.WrongInstance)
        .When(session => new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Resume, 2)))
        .Refuses(
            session => new SessionCommand.Reattach(At(6), Node, Request(session, ReattachKind.Dead, 1) with { Instance = Instance }),
            ReasonCode.WrongInstance);

    [Fact]
    public void REQ_PARTITION_1_only_the_owner_acts_on_a_living_session()
    {
        Story story = Attached();
        story.Refuses(session => new SessionCommand.Reattach(At(5), Other, Request(session, ReattachKind.Dead, 2)), ReasonCode.WrongOwner)
            .Refuses(session => new SessionCommand.LoseTransport(At(5), Other, session.BindingVersion), ReasonCode.WrongOwner)
            .Refuses(_ => new SessionCommand.ReportQuality(At(50), Other, Bad(0)), ReasonCode.WrongOwner)
            .Refuses(_ => new SessionCommand.Release(At(5), Other), ReasonCode.WrongOwner)
            .Refuses(_ => new SessionCommand.Tick(At(1e6), Other, NoOne), ReasonCode.WrongOwner)
            .Refuses(_ => new SessionCommand.Tick(At(1e6), NodeAgain, NoOne), ReasonCode.WrongOwner)
            .Refuses(_ => new SessionCommand.Terminate(At(5), Other, NoOne, ReasonCode.Explicit), ReasonCode.WrongOwner)
            .Then<SessionEvent.Terminated>(_ => new SessionCommand.Tick(At(1e6), Other, Node), SessionState.Terminated, ReasonCode.TtlExpired);
    }

    [Fact]
    public void REQ_OSCILLATION_2_a_voluntary_move_waits_for_the_cooldown() => Attached()
        .Refuses(
            session => new SessionCommand.Reattach(At(0.5), Node, Request(session, ReattachKind.Voluntary, 2)), ReasonCode.Cooldown,
            TimeSpan.FromSeconds(1.5))
        .When(session => new SessionCommand.Reattach(At(2), Node, Request(session, ReattachKind.Voluntary, 2)))
        .Refuses(session => new SessionCommand.Reattach(At(3.9), Node, Request(session, ReattachKind.Voluntary, 1)), ReasonCode.Cooldown);

    [Fact]
    public void REQ_OSCILLATION_2_a_session_without_quality_budget_is_degraded_and_stays_put()
    {
        Story story = Attached();
        double at = 0;
        for (int move = 0; move < 5; move++)
        {
            at += 2;
            story = story.Then<SessionEvent.TransportSwitched>(
                session => new SessionCommand.Reattach(At(at), Node, Request(session, ReattachKind.Voluntary, 2 - (move % 2))),
                SessionState.Attached, ReasonCode.TransportSwitched);
        }

        for (; story.Session.State == SessionState.Attached && at < 60; at += 2)
            story = story.When(session => new SessionCommand.Reattach(At(at + 2), Node, Request(session, ReattachKind.Voluntary, 1)));
        Assert.Equal(SessionState.Degraded, story.Session.State);
        story.Refuses(session => new SessionCommand.Reattach(At(at + 0.1), Node, Request(session, ReattachKind.Voluntary, 2)), ReasonCode.BudgetExceeded)
            .Then<SessionEvent.TransportSwitched>(
                session => new SessionCommand.Reattach(At(at + 0.1), Node, Request(session, ReattachKind.Dead, 2)), SessionState.Degraded, ReasonCode.TransportSwitched);
    }

    [Fact]
    public void REQ_OSCILLATION_2_a_spent_recovery_budget_spaces_moves_and_never_strands()
    {
        Story story = Attached();
        int moves = 0;
        double lastRefusal = 0, lastMove = 0;
        for (double at = 0.1; at < 120; at += 0.1)
        {
            var command = new SessionCommand.Reattach(At(at), Node, Request(story.Session, ReattachKind.Dead, 1 + (moves % 2)));
            if (story.Decide(command).IsLeft)
            {
                lastRefusal = at;
                Assert.True(at - lastMove <= 3.05, $"stranded at {at}");
                continue;
            }

            story = story.When(_ => command);
            lastMove = at;
            moves++;
        }

        Assert.True(lastRefusal > 0);
        Assert.InRange(moves, 60, 15 + 120 / 3 + 120 / 4 + 2);
    }

    [Fact]
    public void REQ_OSCILLATION_2_quality_moves_do_not_touch_the_recovery_budget()
    {
        Session session = Attached().When(before => new SessionCommand.Reattach(At(5), Node, Request(before, ReattachKind.Voluntary, 2))).Session;
        Assert.Equal(SwitchBudgets.Full.Recovery, session.Budgets.Recovery);
        Session dead = Attached().When(before => new SessionCommand.Reattach(At(5), Node, Request(before, ReattachKind.Dead, 2))).Session;
        Assert.Equal(SwitchBudgets.Full.Quality, dead.Budgets.Quality);
    }

    [Theory]
    [InlineData(ReattachKind.Dead)]
    [InlineData(ReattachKind.Rebound)]
    [InlineData(ReattachKind.Challenge)]
    [InlineData(ReattachKind.Resume)]
    public void A_move_that_is_not_by_choice_needs_no_cooldown(ReattachKind kind) =>
        Attached().When(session => new SessionCommand.Reattach(At(0.01), Node, Request(session, kind, 2)));

    [Fact]
    public void A_command_that_breaks_a_bound_is_refused()
    {
        new Story(Session.Birth(Id))
            .Refuses(_ => Establish() with { ClientName = new string('x', SessionLimits.MaxNameLength + 1) }, ReasonCode.InvalidCommand)
            .Refuses(_ => Establish() with { By = new Owner("", new IncarnationId(1)) }, ReasonCode.InvalidCommand)
            .Refuses(_ => Establish() with { Transport = default }, ReasonCode.InvalidCommand);
        Attached().Refuses(session => new SessionCommand.Reattach(At(5), Node, Request(session, (ReattachKind)9, 2)), ReasonCode.InvalidCommand);
        Assert.False(AddressSet.TryCreate(Enumerable.Repeat(default(IpPrefix), SessionLimits.MaxAddresses + 1), out _));
    }
}
