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
