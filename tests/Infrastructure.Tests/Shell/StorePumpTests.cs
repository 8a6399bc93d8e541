using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Tests.Audit;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Shell;

/// <summary>REQ-SAFETY-1, REQ-AUDIT-1: an append whose answer is lost is found out about by reading, and signed like any other if it is there.</summary>
public sealed class StorePumpTests : IAsyncDisposable
{
    private readonly ScriptedClusterStore _store = new();
    private readonly InMemoryStoreState _state = new(new StorePolicy(64, 40_000, 2_000, TimeSpan.FromHours(1)));
    private readonly List<GatewayInput> _posted = [];
    private readonly List<HeadLeaf> _moved = [];

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_append_whose_answer_is_lost_is_committed_and_its_head_signed_only_if_it_is_stored(bool isStored)
    {
        _store.OnAppend = request =>
        {
            if (isStored) Assert.IsType<AppendResult.Committed>(_state.Apply(request));
            return ValueTask.FromResult<AppendResult>(new AppendResult.Unknown("the connection is gone"));
        };
        _store.OnResolve = stream => ValueTask.FromResult(_state.Load(stream));
        await Start();

        Assert.Equal(new GatewayInput.AppendFinished(1, isStored ? AppendOutcome.Committed : AppendOutcome.Unavailable), Assert.Single(_posted));
        if (!isStored) Assert.Empty(_moved);
        else Assert.Equal(HeadLeaf.Of(((LoadResult.Found)_state.Load(History.Id)).History.Envelopes[^1]), Assert.Single(_moved));
    }

    [Fact]
    public async Task The_read_that_tells_the_fate_tells_the_head_too()
    {
        int reads = 0;
        _store.OnAppend = request =>
        {
            _state.Apply(request);
            return ValueTask.FromResult<AppendResult>(new AppendResult.Unknown("the connection is gone"));
        };
        _store.OnResolve = stream => ValueTask.FromResult(++reads == 1 ? _state.Load(stream) : new LoadResult.Unavailable("away"));
        await Start();

        Assert.Equal(new GatewayInput.AppendFinished(1, AppendOutcome.Committed), Assert.Single(_posted));
        Assert.Single(_moved);
        Assert.Equal(1, reads);
    }

    [Fact]
    public async Task A_stream_that_has_grown_to_its_bound_while_the_archive_was_away_goes_on_once_it_is_back()
    {
        var archive = new InMemoryAuditArchive { Failure = "no space left" };
        var store = new InMemoryEventStore(new(StorePolicy.Default with { MaxLiveEvents = 4 }), archive, History.GwA.Incarnation);
        var pump = new StorePump(store, static () => History.GwA, static () => History.At(9_000), static () => default, _posted.Add, static _ => { }, _moved.Add);
        History history = History.Established();
        Session session = Session.Birth(History.Id);
        Assert.Equal(AppendOutcome.Committed, await Do((SessionCommand)SessionJson.ReadCommand(history.Last.Draft.Cause)));
        for (int i = 0; i < 7; i++) Assert.Equal(AppendOutcome.Committed, await Do(Next()));
        Assert.Equal(AppendOutcome.Unavailable, await Do(Next()));
        archive.Failure = null;
        Assert.Equal(AppendOutcome.Committed, await Do(Next()));
        Assert.Equal(9, ((LoadResult.Found)await store.LoadAsync(History.Id)).History.Head.Version);
        Assert.Contains(_moved, leaf => leaf.Kind == HeadKind.Snapshot);
        Assert.NotEmpty(archive.Envelopes);

        SessionCommand Next() => session.State.IsBound()
            ? new SessionCommand.LoseTransport(History.At(10 * session.Version), History.GwA, session.BindingVersion)
            : new SessionCommand.Reattach(History.At(10 * session.Version), History.GwA, history.Request(session, ReattachKind.Dead, 1));

        async Task<AppendOutcome> Do(SessionCommand command)
        {
            var events = (Seq<SessionEvent>)SessionDecider.Decide(session, command, history.Policy);
            var after = (Session)SessionDecider.Replay(session, events);
            _posted.Clear();
            pump.Start(new GatewayEffect.Append(1, [new(session, command, events, after, history.PolicyHash)]));
            for (int wait = 0; wait < 5000 && pump.Running > 0; wait++) await Task.Delay(1);
            AppendOutcome outcome = Assert.IsType<GatewayInput.AppendFinished>(Assert.Single(_posted)).Outcome;
            if (outcome == AppendOutcome.Committed) session = after;
            return outcome;
        }
    }

    /// <summary>Appends the first event of a session.</summary>
    private async Task Start()
    {
        History history = History.Established();
        Session before = Session.Birth(History.Id);
        var command = (SessionCommand)SessionJson.ReadCommand(history.Last.Draft.Cause);
        var events = (Seq<SessionEvent>)SessionDecider.Decide(before, command, history.Policy);
        var after = (Session)SessionDecider.Replay(before, events);
        var pump = new StorePump(_store, static () => History.GwA, () => after.UpdatedAt, static () => default, _posted.Add, static _ => { }, _moved.Add);
        pump.Start(new GatewayEffect.Append(1, [new(before, command, events, after, history.PolicyHash)]));
        for (int wait = 0; wait < 5000 && pump.Running > 0; wait++) await Task.Delay(1);
        Assert.Equal(0, pump.Running);
    }
}
