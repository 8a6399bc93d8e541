using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// Signs the heads of the streams that moved, once a second (REQ-AUDIT-1). It is told of each commit and never holds one up: what it cannot
/// write it keeps for the next second, and says so. Safe from any thread.
/// </summary>
public sealed class HeadSigner : IAsyncDisposable
{
    /// <summary>Between two statements.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>What the journal's files may take together, in bytes.</summary>
    public const long DefaultQuota = 64L << 20;

    private readonly IAuditSigner _signer;
    private readonly string _node;
    private readonly Func<WallTime> _wall;
    private readonly Action<string> _warn;
    private readonly HeadJournal _journal;
    private readonly string _directory;
    private readonly Lock _moves = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private Dictionary<(SessionId, HeadKind), HeadLeaf> _moved = [];
    private bool _failing;
    private int _disposed;

    /// <param name="directory">The audit directory; it must exist.</param>
    /// <param name="warn">Takes one line about something that went wrong.</param>
    public HeadSigner(string directory, string node, IAuditSigner signer, Func<WallTime> wall, Action<string> warn, long quota = DefaultQuota)
    {
        (_directory, _node, _signer, _wall, _warn) = (directory, node, signer, wall, warn);
        _journal = new(directory, quota);
        _running = Task.Run(RunAsync);
    }

    /// <summary>A stream's head moved, or a snapshot was put in place.</summary>
    public void Moved(HeadLeaf leaf)
    {
        lock (_moves)
        {
            // A full map waits for the next second; a stream that is left out is signed with its next event, its archive, or its export.
            if (_moved.Count < HeadTree.MaxLeaves || _moved.ContainsKey((leaf.Stream, leaf.Kind))) _moved[(leaf.Stream, leaf.Kind)] = leaf;
        }
    }

    /// <summary>Signs what has moved until now.</summary>
    public async Task SignAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            Sign();
        }
        finally
        {
            _writing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        await SignAsync().ConfigureAwait(false);
        _journal.Dispose();
        _stop.Dispose();
        _writing.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false)) await SignAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private void Sign()
    {
        Dictionary<(SessionId, HeadKind), HeadLeaf> moved;
        lock (_moves)
        {
            if (_moved.Count == 0) return;
            (moved, _moved) = (_moved, []);
        }
        try
        {
            _journal.Append(SignedTree.Sign(
                _signer, _node, _wall(), [.. moved.Values.OrderBy(static leaf => leaf.Stream).ThenBy(static leaf => leaf.Kind)]));
            _failing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            lock (_moves)
                foreach (((SessionId, HeadKind) stream, HeadLeaf leaf) in moved) _moved.TryAdd(stream, leaf);
            if (!_failing) _warn($"{_directory}: the heads of the sessions cannot be signed: {e.Message}");
            _failing = true;
        }
    }
}
