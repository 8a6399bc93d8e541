using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>The transition table, row by row.</summary>
public class SessionStories
{
    [Fact]
    public void A_confirmed_handshake_establishes_the_session()
    {
        Session session = new Story(Session.Birth(Id))
            .Then<SessionEvent.Established>(_ => Establish(3), SessionState.Attached, ReasonCode.HandshakeOk).Session;
        Assert.Equal(1UL, session.Version);
        Assert.Equal(1UL, session.BindingVersion);
        Assert.Equal(1u, session.KeyEpoch);
        Assert.Equal(1UL, session.OwnershipEpoch);
        Assert.Equal(At(3) + Policy.SessionLifetime, session.ExpiresAt);
        Assert.Equal(Wan(1).Remote, session.Transport.Map(bound => bound.Remote).IfNone(default(Endpoint)));
        Assert.Equal(0UL, session.Switches);
    }

    [Fact]
    public void A_session_that_was_never_established_is_unknown() => new Story(Session.Birth(Id))
        .Refuses(session => new SessionCommand.Reattach(At(1), Node, Request(session, ReattachKind.Dead, 2)), ReasonCode.UnknownSession)
        .Refuses(_ => new SessionCommand.Tick(At(1), Node, NoOne), ReasonCode.UnknownSession);

    [Fact]
    public void Bad_quality_must_last_for_the_hold_time() => Attached()
        .Ignores(_ => new SessionCommand.ReportQuality(At(10.9), Node, Bad(10)))
        .Then<SessionEvent.BecameVolatile>(_ => new SessionCommand.ReportQuality(At(11), Node, Bad(10)), SessionState.Volatile, ReasonCode.VolatilitySignal)
        .Ignores(_ => new SessionCommand.ReportQuality(At(12), Node, Bad(10)));

    [Fact]
    public void Good_quality_must_last_for_the_stability_window() => Volatile()
        .Ignores(_ => new SessionCommand.ReportQuality(At(21.9), Node, Good(12)))
        .Then<SessionEvent.StabilityRestored>(_ => new SessionCommand.ReportQuality(At(22), Node, Good(12)), SessionState.Attached, ReasonCode.StabilityRestored);

    [Fact]
    public void Quality_that_was_measured_on_the_old_transport_says_nothing_about_the_new_one() => Attached()
        .When(session => new SessionCommand.Reattach(At(10.5), Node, Request(session, ReattachKind.Dead, 2)))
        .Ignores(_ => new SessionCommand.ReportQuality(At(11), Node, Bad(10)))
        .Then<SessionEvent.BecameVolatile>(_ => new SessionCommand.ReportQuality(At(11.5), Node, Bad(10)), SessionState.Volatile, ReasonCode.VolatilitySignal);

    [Fact]
    public void A_session_that_stays_volatile_for_too_long_is_degraded() => Volatile()
        .Ignores(_ => new SessionCommand.Tick(At(70.9), Node, NoOne))
        .Then<SessionEvent.EnteredDegraded>(_ => new SessionCommand.Tick(At(71), Node, NoOne), SessionState.Degraded, ReasonCode.EnterDegraded);

    [Fact]
    public void A_degraded_session_holds_longer_before_it_is_attached_again() => Degraded()
        .Ignores(_ => new SessionCommand.ReportQuality(At(90), Node, Good(75)))
        .Ignores(_ => new SessionCommand.ReportQuality(At(134.9), Node, Good(75)))
        .Then<SessionEvent.StabilityRestored>(_ => new SessionCommand.ReportQuality(At(135), Node, Good(75)), SessionState.Attached, ReasonCode.StabilityRestored);

    [Fact]
    public void A_degraded_session_does_not_move_by_choice_but_moves_from_a_dead_path() => Degraded()
        .Refuses(session => new SessionCommand.Reattach(At(80), Node, Request(session, ReattachKind.Voluntary, 2)), ReasonCode.Cooldown)
        .Then<SessionEvent.TransportSwitched>(
            session => new SessionCommand.Reattach(At(80), Node, Request(session, ReattachKind.Dead, 2)), SessionState.Attached, ReasonCode.TransportSwitched);

    [Fact]
    public void A_dead_transport_is_unbound_and_a_reattach_binds_another()
    {
        Session session = Recovering()
            .Then<SessionEvent.TransportSwitched>(
                before => new SessionCommand.Reattach(At(12), Node, Request(before, ReattachKind.Dead, 2)), SessionState.Attached, ReasonCode.TransportSwitched)
            .Session;
        Assert.Equal(3UL, session.BindingVersion);
        Assert.Equal(2u, session.KeyEpoch);
        Assert.Equal(1UL, session.Switches);
        Assert.Equal(Instant.Never, session.RecoveryDeadline);
    }

    [Fact]
    public void Losing_a_transport_that_is_no_longer_bound_changes_nothing() => Attached()
        .When(session => new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Dead, 2)))
        .Refuses(_ => new SessionCommand.LoseTransport(At(6), Node, 1), ReasonCode.StaleTransport);

    [Fact]
    public void A_rekey_on_the_bound_path_changes_keys_and_nothing_else()
    {
        Story story = Volatile();
        Session after = story
            .Then<SessionEvent.KeysRotated>(
                session => new SessionCommand.Reattach(At(30), Node, Request(session, ReattachKind.Rekey, 1)), SessionState.Volatile, ReasonCode.KeysRotated)
            .Session;
        Assert.Equal(story.Session.BindingVersion, after.BindingVersion);
        Assert.Equal(story.Session.KeyEpoch + 1, after.KeyEpoch);
        Assert.Equal(story.Session.StateSince, after.StateSince);
        Assert.Equal(0UL, after.Switches);
    }

    [Fact]
    public void A_rekey_from_another_source_is_a_move() => Attached().Then<SessionEvent.TransportSwitched>(
        session => new SessionCommand.Reattach(At(30), Node, Request(session, ReattachKind.Rekey, 2)), SessionState.Attached, ReasonCode.TransportSwitched);

    [Fact]
    public void Rekeys_are_spaced() => Attached()
        .Refuses(
            session => new SessionCommand.Reattach(At(4), Node, Request(session, ReattachKind.Rekey, 1)), ReasonCode.Cooldown, TimeSpan.FromSeconds(6));

    [Fact]
    public void The_owner_releases_and_another_node_claims()
    {
        Session session = Released()
            .Refuses(before => new SessionCommand.Reattach(At(11), Node, Request(before, ReattachKind.Dead, 2)), ReasonCode.WrongOwner)
            .Then<SessionEvent.OwnershipClaimed>(
                before => new SessionCommand.Claim(At(11), Other, NoOne, Request(before, ReattachKind.Dead, 2)), SessionState.Attached, ReasonCode.OwnershipClaimed)
            .Refuses(before => new SessionCommand.Reattach(At(12), Node, Request(before, ReattachKind.Dead, 1)), ReasonCode.WrongOwner)
            .Session;
        Assert.Equal(2UL, session.OwnershipEpoch);
        Assert.True(session.Owner.Exists(owner => owner == Other));
        Assert.Equal("gw-b", session.Transport.Map(bound => bound.Node).IfNone(""));
    }

    [Fact]
    public void A_new_incarnation_claims_after_it_has_fenced_the_old_one() => Attached()
        .Refuses(session => new SessionCommand.Claim(At(11), NodeAgain, NoOne, Request(session, ReattachKind.Dead, 1)), ReasonCode.WrongOwner)
        .Refuses(session => new SessionCommand.Claim(At(11), NodeAgain, Other, Request(session, ReattachKind.Dead, 1)), ReasonCode.WrongOwner)
        .Then<SessionEvent.OwnershipClaimed>(
            session => new SessionCommand.Claim(At(11), NodeAgain, Node, Request(session, ReattachKind.Dead, 1)), SessionState.Attached, ReasonCode.OwnershipClaimed);

    [Fact]
    public void The_owner_has_nothing_to_claim() => Attached().Refuses(
        session => new SessionCommand.Claim(At(11), Node, NoOne, Request(session, ReattachKind.Dead, 1)), ReasonCode.WrongState);

    [Fact]
    public void A_release_does_not_prolong_the_recovery_window() => Recovering()
        .When(_ => new SessionCommand.Release(At(60), Node))
        .Then<SessionEvent.Terminated>(_ => new SessionCommand.Tick(At(70), Other, NoOne), SessionState.Terminated, ReasonCode.RecoveryWindowExceeded);

    [Fact]
    public void The_recovery_window_ends_the_session() => Recovering()
        .Ignores(_ => new SessionCommand.Tick(At(69.9), Node, NoOne))
        .Then<SessionEvent.Terminated>(
            session => new SessionCommand.Reattach(At(70), Node, Request(session, ReattachKind.Dead, 2)), SessionState.Terminated, ReasonCode.RecoveryWindowExceeded)
        .Refuses(session => new SessionCommand.Reattach(At(71), Node, Request(session, ReattachKind.Dead, 2)), ReasonCode.Gone);

    [Fact]
    public void The_lifetime_ends_the_session_in_any_state()
    {
        double end = Policy.SessionLifetime.TotalSeconds;
        Attached().Then<SessionEvent.Terminated>(_ => new SessionCommand.Tick(At(end), Node, NoOne), SessionState.Terminated, ReasonCode.TtlExpired);
        Degraded().Then<SessionEvent.Terminated>(_ => new SessionCommand.ReportQuality(At(end), Node, Good(100)), SessionState.Terminated, ReasonCode.TtlExpired);
        Released().Then<SessionEvent.Terminated>(
            session => new SessionCommand.Claim(At(end), Other, NoOne, Request(session, ReattachKind.Dead, 2)), SessionState.Terminated, ReasonCode.TtlExpired);
    }

    [Fact]
    public void A_new_handshake_of_the_same_client_supersedes_the_session() => Attached()
        .Refuses(_ => new SessionCommand.Supersede(At(5), Other, NoOne, new SessionId(2)), ReasonCode.WrongOwner)
        .Refuses(_ => new SessionCommand.Supersede(At(5), Node, NoOne, Id), ReasonCode.InvalidCommand)
        .Then<SessionEvent.Terminated>(_ => new SessionCommand.Supersede(At(5), Node, NoOne, new SessionId(2)), SessionState.Terminated, ReasonCode.Superseded);

    [Theory]
    [InlineData(ReasonCode.Explicit)]
    [InlineData(ReasonCode.ClientRemoved)]
    [InlineData(ReasonCode.DualClient)]
    [InlineData(ReasonCode.PolicyExceeded)]
    [InlineData(ReasonCode.Ambiguity)]
    public void A_session_ends_from_every_state(ReasonCode reason)
    {
        foreach (Story story in new[] { Attached(), Volatile(), Degraded(), Recovering(), Released() })
            story.Then<SessionEvent.Terminated>(_ => new SessionCommand.Terminate(At(100), Node, NoOne, reason), SessionState.Terminated, reason);
    }

    [Fact]
    public void Nothing_follows_the_end() => Terminated()
        .Refuses(_ => Establish(20), ReasonCode.Gone)
        .Refuses(session => new SessionCommand.Claim(At(20), Other, Node, Request(session, ReattachKind.Dead, 2)), ReasonCode.Gone)
        .Refuses(_ => new SessionCommand.Terminate(At(20), Node, NoOne, ReasonCode.Explicit), ReasonCode.Gone)
        .Ignores(_ => new SessionCommand.Tick(At(20), Node, NoOne));

    [Fact]
    public void A_session_ends_only_with_a_reason_that_is_an_end() => Attached()
        .Refuses(_ => new SessionCommand.Terminate(At(5), Node, NoOne, ReasonCode.Gone), ReasonCode.InvalidCommand)
        .Refuses(_ => new SessionCommand.Terminate(At(5), Node, NoOne, ReasonCode.TtlExpired), ReasonCode.InvalidCommand);

    [Fact]
    public void Running_out_of_versions_ends_the_session_instead_of_wrapping()
    {
        Session session = Attached().Session with { Version = SessionLimits.MaxVersion };
        new Story(session).Then<SessionEvent.Terminated>(
            before => new SessionCommand.Reattach(At(5), Node, Request(before, ReattachKind.Dead, 2)), SessionState.Terminated, ReasonCode.Ambiguity);
        Session keyed = Attached().Session with { KeyEpoch = SessionLimits.MaxKeyEpoch };
        new Story(keyed).Then<SessionEvent.Terminated>(
            before => new SessionCommand.Reattach(At(50), Node, Request(before, ReattachKind.Rekey, 1)), SessionState.Terminated, ReasonCode.Ambiguity);
    }

    [Fact]
    public void A_clock_that_steps_back_does_not_reorder_history()
    {
        Session session = Recovering().When(before => new SessionCommand.Reattach(At(4), Node, Request(before, ReattachKind.Dead, 2))).Session;
        Assert.Equal(At(10), session.UpdatedAt);
    }

    [Fact]
    public void The_next_deadline_is_what_a_tick_would_act_on()
    {
        Assert.Equal(Instant.Never, SessionDecider.NextDeadline(Session.Birth(Id), Policy));
        Assert.Equal(At(24 * 3600), SessionDecider.NextDeadline(Attached().Session, Policy));
        Assert.Equal(At(71), SessionDecider.NextDeadline(Volatile().Session, Policy));
        Assert.Equal(At(70), SessionDecider.NextDeadline(Recovering().Session, Policy));
        Assert.Equal(Instant.Never, SessionDecider.NextDeadline(Terminated().Session, Policy));
    }
}
