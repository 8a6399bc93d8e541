using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Shell;

/// <summary>How a process enters where an earlier incarnation of its node may still live.</summary>
public sealed class NodeEntryTests : IAsyncDisposable
{
    private static readonly LeaseTimes Times = LeaseTimes.Default;
    private static readonly Owner Former = new("gw-a", new IncarnationId(8));
    private static readonly EnterResult Entered = new EnterResult.Entered(new(new IncarnationId(9), 2, Instant.Zero));

    private readonly ScriptedClusterStore _store = new();
    private Instant _now = Instant.FromMilliseconds(1_000);
    private int _pauses;

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task Where_nobody_is_in_the_way_it_enters_at_once()
    {
        _store.OnEnter = _ => Entered;
        Assert.True((await Enter()).IsRight);
        Assert.Equal(0, _pauses);
    }

    [Fact]
    public async Task A_predecessor_whose_number_stands_still_for_lease_and_margin_is_fenced_by_that_number()
    {
        FenceEvidence? brought = null;
        Instant first = _now;
        _store.OnEnter = evidence =>
        {
            brought = evidence;
            return evidence is null ? new EnterResult.Busy(new(Former, 5, false), "host-b") : Entered;
        };
        Assert.True((await Enter()).IsRight);
        Assert.Equal(new FenceEvidence(Former, 5), brought);
        Assert.True(_now - first >= Times.Lease + Times.Margin);
        Assert.True(_now - first <= Times.Lease + Times.Margin + Times.Interval);
    }

    [Fact]
    public async Task A_number_that_moves_is_another_process_of_the_same_name()
    {
        long number = 5;
        _store.OnEnter = _ => new EnterResult.Busy(new(Former, number++, false), "host-b");
        Assert.Equal("node id gw-a is in use on host-b", Problem(await Enter()));
    }

    [Fact]
    public async Task Another_incarnation_that_was_faster_is_another_process_of_the_same_name_too()
    {
        ulong incarnation = 8;
        _store.OnEnter = _ => new EnterResult.Busy(new(new Owner("gw-a", new IncarnationId(incarnation++)), 0, false), "host-b");
        Assert.Equal("node id gw-a is in use on host-b", Problem(await Enter()));
    }

    [Fact]
    public async Task A_store_that_cannot_be_reached_is_said_at_once()
    {
        _store.OnEnter = _ => new EnterResult.Failed("no such host db1");
        Assert.Equal("no such host db1", Problem(await Enter()));
    }

    [Fact]
    public async Task Who_comes_back_waits_for_the_store_and_watches_anew_from_then_on()
    {
        int asked = 0;
        Instant back = default;
        _store.OnEnter = evidence =>
        {
            if (evidence is not null) return Entered;
            if (++asked == 4) return new EnterResult.Failed("away");
            if (asked == 5) back = _now;
            return new EnterResult.Busy(new(Former, 5, false), "host-b");
        };
        var told = new List<string>();
        Assert.True((await Enter(told.Add)).IsRight);
        Assert.Equal(["away"], told);
        Assert.True(_now - back >= Times.Lease + Times.Margin);
    }

    private static string Problem(Either<string, StoreOpening> result) => result.Match(Left: problem => problem, Right: _ => "");

    private Task<Either<string, StoreOpening>> Enter(Action<string>? patient = null) => new NodeEntry(_store, "gw-a", Times, () => _now, pause =>
    {
        _pauses++;
        _now += pause;
        return Task.CompletedTask;
    }).EnterAsync(patient);
}
