using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Infrastructure.Tests.Shell;

/// <summary>Reads of a shared store: every one is answered, a bounded number runs, and what cannot be trusted is not served.</summary>
public sealed class StoreReaderTests : IAsyncDisposable
{
    private readonly ScriptedClusterStore _store = new();
    private readonly List<GatewayInput> _posted = [];
    private readonly List<string> _warnings = [];
    private readonly StoreReader _reader;

    public StoreReaderTests() => _reader = new(_store, input =>
    {
        lock (_posted) _posted.Add(input);
    }, _warnings.Add);

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public void What_the_store_says_is_what_the_core_hears()
    {
        _store.OnLoad = id => ValueTask.FromResult<LoadResult>((ulong)id.Value switch
        {
            1 => new LoadResult.Missing(id),
            2 => new LoadResult.Unavailable("away"),
            3 => new LoadResult.Corrupt(id, "a broken chain"),
            _ => throw new InvalidOperationException("a broken store"),
        });
        for (ulong n = 1; n <= 4; n++) _reader.Load(new(new SessionId(n)));
        Await(4);
        LoadedSession Of(ulong n) => _posted.OfType<GatewayInput.SessionLoaded>().Single(loaded => loaded.Session == new SessionId(n)).Loaded;
        Assert.IsType<LoadedSession.Missing>(Of(1));
        Assert.IsType<LoadedSession.Unavailable>(Of(2));
        Assert.IsType<LoadedSession.Corrupt>(Of(3));
        Assert.IsType<LoadedSession.Unavailable>(Of(4));
        Assert.Equal(2, _warnings.Count);
    }

    [Fact]
    public void A_client_without_a_session_is_answered_too()
    {
        _store.OnLoad = id => ValueTask.FromResult<LoadResult>(new LoadResult.Missing(id));
        PublicKey client = new(1, 2);
        _reader.LoadClient(new(client));
        Await(1);
        Assert.Equal(new GatewayInput.ClientLoaded(client, new LoadedSession.Missing()), _posted[0]);
    }

    [Fact]
    public void A_bounded_number_runs_at_a_time_and_none_is_lost()
    {
        const int reads = 500;
        int running = 0, most = 0;
        using var gate = new SemaphoreSlim(0);
        _store.OnLoad = async id =>
        {
            int now = Interlocked.Increment(ref running);
            lock (_warnings) most = Math.Max(most, now);
            await gate.WaitAsync();
            Interlocked.Decrement(ref running);
            return new LoadResult.Missing(id);
        };
        for (ulong n = 0; n < reads; n++) _reader.Load(new(new SessionId(n)));
        SpinWait.SpinUntil(() => Volatile.Read(ref running) == StoreReader.MaxRunning, TimeSpan.FromSeconds(10));
        gate.Release(reads);
        Await(reads);
        Assert.Equal(StoreReader.MaxRunning, most);
        Assert.Equal(reads, _posted.Cast<GatewayInput.SessionLoaded>().Select(loaded => loaded.Session).Distinct().Count());
    }

    [Fact]
    public void Beyond_the_bound_the_answer_is_that_the_store_cannot_be_read()
    {
        using var gate = new SemaphoreSlim(0);
        _store.OnLoad = async id =>
        {
            await gate.WaitAsync();
            return new LoadResult.Missing(id);
        };
        const int reads = StoreReader.MaxRunning + StoreReader.MaxWaiting + 3;
        for (ulong n = 0; n < reads; n++) _reader.Load(new(new SessionId(n)));
        Await(3);
        Assert.All(_posted, input => Assert.IsType<LoadedSession.Unavailable>(((GatewayInput.SessionLoaded)input).Loaded));
        gate.Release(reads);
        Await(reads);
    }

    [Fact]
    public void A_wish_goes_to_the_store()
    {
        _reader.Want(new(new SessionId(7), 1));
        Assert.True(SpinWait.SpinUntil(() =>
        {
            lock (_store.Wanted) return _store.Wanted.Count == 1;
        }, TimeSpan.FromSeconds(10)));
    }

    private void Await(int answers) => Assert.True(SpinWait.SpinUntil(() =>
    {
        lock (_posted) return _posted.Count >= answers;
    }, TimeSpan.FromSeconds(20)), "not every read was answered");
}
