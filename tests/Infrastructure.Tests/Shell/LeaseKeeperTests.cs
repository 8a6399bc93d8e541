using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Infrastructure.Tests.Shell;

/// <summary>The lease's thread, turn by turn, with a store that answers as it is told and a clock that a test moves (REQ-PARTITION-2).</summary>
public sealed class LeaseKeeperTests : IDisposable
{
    private static readonly LeaseTimes Times = LeaseTimes.Default;
    private static readonly Owner Other = new("gw-b", new IncarnationId(2));

    private readonly ScriptedClusterStore _store = new();
    private readonly List<Instant> _deadlines = [];
    private readonly List<GatewayInput> _posted = [];
    private readonly List<long> _revisions = [];
    private readonly List<Owner> _entered = [];
    private readonly List<string> _warnings = [];
    private readonly List<string> _failures = [];
    private readonly ServiceClock _clock;
    private readonly LeaseKeeper _keeper;
    private Instant _now = Instant.FromMilliseconds(100_000);
    private bool _storeIsIdle = true;

    public LeaseKeeperTests()
    {
        _clock = ServiceClock.Standing(Instant.FromMilliseconds(5_000), () => _now);
        _keeper = new(new LeaseKeeperOptions
        {
            Store = _store,
            Node = "gw-a",
            Times = Times,
            Clock = _clock,
            ServeUntil = _deadlines.Add,
            Post = input =>
            {
                _posted.Add(input);
                // The core takes it, drops everything, and the shell says so.
                if (input is GatewayInput.Fenced) _keeper!.Dropped();
            },
            RegistryRevision = _revisions.Add,
            Entered = _entered.Add,
            StoreIsIdle = () => _storeIsIdle,
            Warn = _warnings.Add,
            Fail = _failures.Add,
            Boot = () => _now,
        });
    }

    public void Dispose() => _keeper.Dispose();

    [Fact]
    public async Task Before_its_first_renewal_a_node_serves_nothing_and_its_service_clock_stands_still()
    {
        Assert.Equal([new Instant(long.MinValue)], _deadlines);
        Assert.False(_keeper.Serves);
        Pass(1_000);
        Assert.Equal(Instant.FromMilliseconds(5_000), _clock.Now);
        await Renew();
        Assert.True(_keeper.Serves);
    }

    [Fact]
    public async Task A_renewal_counts_from_before_it_was_asked_for()
    {
        Instant asked = _now;
        await Renew(takes: 400);
        Assert.Equal(asked + Times.Lease - Times.Margin, _deadlines[^1]);
        Assert.Equal(TimeSpan.FromMilliseconds(2_000 - 300 - 400), _keeper.Left);
    }

    [Fact]
    public async Task A_renewal_that_comes_after_its_own_deadline_grants_nothing()
    {
        await Renew(takes: 1_700);
        Assert.False(_keeper.Serves);
        Assert.Equal(TimeSpan.Zero, _keeper.Left);
        Assert.True(_deadlines[^1] <= _now);
        Assert.Equal(Instant.FromMilliseconds(5_000), _clock.Now);
    }

    [Fact]
    public async Task A_store_that_does_not_answer_leaves_the_lease_to_run_out()
    {
        await Renew();
        Instant deadline = _deadlines[^1];
        for (int i = 0; i < 8; i++)
        {
            Pass(250);
            await Turn(new Renewal.Failed("no route"));
        }
        Assert.Equal(deadline, _deadlines[^1]);
        Assert.False(_keeper.Serves);
        Assert.Single(_warnings);
        await Renew();
        Assert.True(_keeper.Serves);
        Assert.Equal(2, _warnings.Count);
    }

    [Fact]
    public async Task Renewals_come_eight_times_a_lease_also_when_they_take_long()
    {
        Instant asked = _now;
        await Renew(takes: 100);
        Assert.Equal(asked + Times.Interval, _keeper.State.RenewAt);
        asked = _now;
        await Renew(takes: 600);
        Assert.Equal(asked + TimeSpan.FromMilliseconds(600), _keeper.State.RenewAt);
    }

    [Fact]
    public async Task The_service_clock_runs_with_the_lease_stands_still_without_and_follows_the_stores()
    {
        await Renew();
        Pass(1_000);
        Assert.Equal(Instant.FromMilliseconds(6_000), _clock.Now);
        // The lease ends 700 ms later; the process does not get to renew it for an hour.
        Pass(3_600_000);
        Assert.Equal(Instant.FromMilliseconds(6_700), _clock.Now);
        await Renew(service: 8_000);
        Assert.Equal(Instant.FromMilliseconds(8_000), _clock.Now);
        Pass(100);
        Assert.Equal(Instant.FromMilliseconds(8_100), _clock.Now);
        await Renew(service: 7_000);
        Assert.Equal(Instant.FromMilliseconds(8_100), _clock.Now);
    }

    [Fact]
    public async Task The_store_is_told_where_this_nodes_service_clock_stands()
    {
        await Renew();
        Pass(250);
        Instant told = default;
        _store.OnRenew = service =>
        {
            told = service;
            return ValueTask.FromResult<Renewal>(new Renewal.Failed("lost"));
        };
        await _keeper.TurnAsync();
        Assert.Equal(Instant.FromMilliseconds(5_250), told);
    }

    [Fact]
    public async Task What_a_renewal_shows_is_passed_on()
    {
        SessionId wanted = new(42);
        await Turn(new Renewal.Renewed(Instant.Zero, 7, [], [wanted]));
        Assert.Equal([7], _revisions);
        Assert.Equal([new GatewayInput.SessionWanted(wanted)], _posted);
    }

    [Fact]
    public async Task An_owner_whose_number_stands_still_is_told_as_gone_once_and_taken_back_when_the_store_fails()
    {
        await Renew(others: [new(Other, 9, false)]);
        for (int i = 0; i < 9; i++)
        {
            Pass(250);
            await Renew(others: [new(Other, 9, false)]);
        }
        Assert.Empty(_posted);
        Pass(250);
        await Renew(others: [new(Other, 9, false)]);
        await Renew(others: [new(Other, 9, false)]);
        var gone = Assert.IsType<GatewayInput.NodesGone>(Assert.Single(_posted));
        Assert.Equal(new FenceEvidence(Other, 9), gone.Gone[Other.Incarnation]);
        Assert.Empty(_keeper.GoneFor(TimeSpan.FromSeconds(5)));
        Pass(5_000);
        Assert.Equal(Other.Incarnation, Assert.Single(_keeper.GoneFor(TimeSpan.FromSeconds(5))));
        await Turn(new Renewal.Failed("lost"));
        Assert.Empty(Assert.IsType<GatewayInput.NodesGone>(_posted[^1]).Gone);
        Assert.Empty(_keeper.GoneFor(TimeSpan.Zero));
    }

    [Fact]
    public async Task A_suspended_process_serves_nothing_when_it_wakes_and_proves_nobody_gone_by_its_sleep()
    {
        await Renew(others: [new(Other, 9, false)]);
        Pass(60_000);
        Assert.False(_keeper.Serves);
        // The other node renewed all the while; the first look after the sleep shows another number.
        await Renew(others: [new(Other, 250, false)]);
        Assert.True(_keeper.Serves);
        Assert.DoesNotContain(_posted, input => input is GatewayInput.NodesGone);
    }

    [Fact]
    public async Task A_process_that_is_suspended_within_a_renewal_has_no_lease_from_it()
    {
        await Renew(takes: 30_000);
        Assert.False(_keeper.Serves);
    }

    [Fact]
    public async Task A_fenced_node_stops_at_once_has_the_core_drop_everything_and_comes_back_as_another_incarnation()
    {
        await Renew();
        Owner next = new("gw-a", new IncarnationId(3));
        bool dropped = false;
        _store.OnEnter = evidence =>
        {
            dropped = _posted[^1] is GatewayInput.Fenced;
            Assert.Null(evidence);
            Assert.True(_deadlines[^1] < _now);
            _store.Self = next;
            return new EnterResult.Entered(new(next.Incarnation, 2, Instant.FromMilliseconds(9_000)));
        };
        await Turn(new Renewal.Fenced());
        Assert.True(dropped);
        Assert.Equal([next], _entered);
        Assert.False(_keeper.Serves);
        Assert.Equal(Instant.FromMilliseconds(9_000), _clock.Now);
        await Renew();
        Assert.True(_keeper.Serves);
    }

    [Fact]
    public async Task A_fence_that_an_append_met_counts_like_one_that_a_renewal_met()
    {
        await Renew();
        _store.OnRenew = _ => throw new InvalidOperationException("a fenced node renews nothing");
        _store.OnEnter = _ => new EnterResult.Entered(new(new IncarnationId(3), 2, Instant.Zero));
        _keeper.FenceSeen();
        await _keeper.TurnAsync();
        Assert.Contains(_posted, input => input is GatewayInput.Fenced);
        Assert.Single(_entered);
    }

    [Fact]
    public async Task What_the_old_incarnation_asked_for_has_come_back_before_the_new_one_enters()
    {
        await Renew();
        _storeIsIdle = false;
        bool entered = false;
        _store.OnEnter = _ =>
        {
            entered = true;
            return new EnterResult.Entered(new(new IncarnationId(3), 2, Instant.Zero));
        };
        Task turn = Turn(new Renewal.Fenced());
        await Task.Delay(100);
        Assert.False(entered);
        _storeIsIdle = true;
        await turn.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(entered);
    }

    [Fact]
    public async Task A_fenced_node_whose_name_another_process_uses_fails()
    {
        await Renew();
        long number = 0;
        _store.OnEnter = _ => new EnterResult.Busy(new(Other, ++number, false), "host-b");
        var problem = await Assert.ThrowsAsync<InvalidOperationException>(() => Turn(new Renewal.Fenced()));
        Assert.Equal("node id gw-a is in use on host-b", problem.Message);
    }

    [Fact]
    public async Task An_answer_that_comes_after_the_end_grants_nothing()
    {
        await Renew();
        var answer = new TaskCompletionSource<Renewal>();
        _store.OnRenew = _ => new(answer.Task);
        Task turn = _keeper.TurnAsync();
        _keeper.Dispose();
        Assert.Equal(new Instant(long.MinValue), _deadlines[^1]);
        answer.SetResult(new Renewal.Renewed(Instant.Zero, 0, [], []));
        await turn;
        Assert.Equal(new Instant(long.MinValue), _deadlines[^1]);
        Assert.False(_keeper.Serves);
    }

    [Fact]
    public void Its_thread_renews_by_itself_until_it_is_disposed()
    {
        int renewals = 0;
        _store.OnRenew = _ =>
        {
            Pass(250);
            Interlocked.Increment(ref renewals);
            return ValueTask.FromResult<Renewal>(new Renewal.Renewed(Instant.Zero, 0, [], []));
        };
        _keeper.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref renewals) >= 5, TimeSpan.FromSeconds(10));
        _keeper.Dispose();
        int then = Volatile.Read(ref renewals);
        Assert.True(then >= 5);
        Assert.Empty(_failures);
        Thread.Sleep(50);
        Assert.Equal(then, Volatile.Read(ref renewals));
    }

    private void Pass(int milliseconds) => _now += TimeSpan.FromMilliseconds(milliseconds);

    private Task Renew(int takes = 0, int service = 0, params ImmutableArray<NodeRow> others) =>
        Turn(new Renewal.Renewed(Instant.FromMilliseconds(service), 0, others, []), takes);

    private Task Turn(Renewal renewal, int takes = 0)
    {
        _store.OnRenew = _ =>
        {
            Pass(takes);
            return ValueTask.FromResult(renewal);
        };
        return _keeper.TurnAsync();
    }
}
