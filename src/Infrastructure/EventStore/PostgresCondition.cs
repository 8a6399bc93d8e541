namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>How the store does, as its last operations saw it. For all threads.</summary>
internal sealed class PostgresCondition
{
    private long _liveEvents;
    private volatile string? _failure;

    /// <summary>
    /// Envelopes in the store, as last counted, with what this process has added and removed since. Other nodes' are counted
    /// again at each retirement.
    /// </summary>
    public long LiveEvents => Interlocked.Read(ref _liveEvents);

    public string? Failure => _failure;

    public void Counted(long liveEvents) => Interlocked.Exchange(ref _liveEvents, liveEvents);

    public void Succeeded(int growth = 0)
    {
        _failure = null;
        Interlocked.Add(ref _liveEvents, growth);
    }

    public void Failed(string reason) => _failure = reason;
}
