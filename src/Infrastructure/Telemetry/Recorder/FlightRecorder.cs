using System.Collections.Concurrent;
using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Infrastructure.Telemetry.Recorder;

/// <summary>How a flight recorder is kept.</summary>
/// <param name="Directory">Where its files lie; made, with mode 0700, if it is not there.</param>
/// <param name="Node">The node's name.</param>
/// <param name="Bytes">What its files may take together.</param>
/// <param name="Wall">The wall clock.</param>
public sealed record FlightRecorderOptions(string Directory, string Node, long Bytes, Func<WallTime> Wall)
{
    /// <summary>64 MiB.</summary>
    public const long DefaultBytes = 64L << 20;

    /// <summary>The least that holds anything of use.</summary>
    public const long MinBytes = 1L << 20;
}

/// <summary>
/// Keeps what a node sees around its sessions' events on a ring of files (REQ-AUDIT-4): samples of paths each second, probes, refusals in
/// sums, links. It never holds payload, key material, or inner addresses. Telling it anything never blocks and never fails: what it cannot
/// take at once it drops and counts (REQ-TELEMETRY-1). Safe from any thread.
/// </summary>
public sealed class FlightRecorder : IAsyncDisposable
{
    /// <summary>Between two samples, and between two writes: what a crash of the process loses at most.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Records that may wait for the next write.</summary>
    public const int QueueLength = 4096;

    /// <summary>Intervals after which a sample that has not changed is repeated.</summary>
    private const int Repeat = 10;

    /// <summary>Intervals over which refusals are summed up.</summary>
    private const int Summing = 5;

    private readonly FlightRecorderOptions _options;
    private readonly Func<IEnumerable<Evidence>> _sample;
    private readonly RecorderRing _ring;
    private readonly Lock _gate = new();
    private readonly RefusalCounts _refusals = new();
    private readonly Dictionary<(SessionId?, string Uplink, Endpoint Remote), (long Sent, long Received)> _probes = [];
    private readonly Dictionary<(SessionId, string), (Evidence.PathSample Sample, long Tick)> _last = [];
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private readonly ConcurrentQueue<Evidence> _waiting = new();
    private int _waitingCount;
    private long _dropped, _lost, _reported, _tick;
    private volatile string? _fault;

    /// <param name="sample">Called once a second on a thread of the pool: the paths as they are now.</param>
    public FlightRecorder(FlightRecorderOptions options, Func<IEnumerable<Evidence>> sample)
    {
        (_options, _sample) = (options, sample);
        _ring = new(options.Directory, options.Bytes);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Records that were dropped since the start, and what was not counted because another thread was counting.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>REQ-TELEMETRY-3: what is wrong, in one line for `status`; null if every write was taken and none had to wait for too many.</summary>
    public string? Warning => (Interlocked.Read(ref _lost), _fault) switch
    {
        (var lost, { } fault) => string.Create(CultureInfo.InvariantCulture, $"the flight recorder cannot write in {_options.Directory}: {fault}; records lost: {lost}"),
        (> 0 and var lost, null) => string.Create(CultureInfo.InvariantCulture, $"records that the flight recorder could not take: {lost}"),
        _ => null,
    };

    /// <summary>Everything that a directory's ring holds, oldest first; also while a node writes there.</summary>
    /// <param name="about">Only what is about this session, or about none.</param>
    public static IEnumerable<Evidence> Read(string directory, SessionId? about = null) => RecorderRing.Read(directory, about);

    /// <summary>Records something.</summary>
    public void Record(Evidence seen)
    {
        if (Interlocked.Increment(ref _waitingCount) <= QueueLength)
        {
            _waiting.Enqueue(seen);
            return;
        }
        Interlocked.Decrement(ref _waitingCount);
        Lose(1);
    }

    /// <summary>Counts a refused input.</summary>
    public void Refused(ReasonCode reason, Endpoint source, SessionId? session, string detail = "")
    {
        if (!_gate.TryEnter())
        {
            Drop(1);
            return;
        }
        try
        {
            if (!_refusals.Count(reason, source, session, _options.Wall(), detail)) Drop(1);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Counts probes and reports of a path.</summary>
    /// <param name="uplink">On a client the path's uplink; empty on a gateway.</param>
    public void Probed(SessionId? session, Endpoint remote, int sent, int received, string uplink = "")
    {
        if (!_gate.TryEnter())
        {
            Drop(1);
            return;
        }
        try
        {
            if (_probes.TryGetValue((session, uplink, remote), out (long Sent, long Received) known)) _probes[(session, uplink, remote)] = (known.Sent + sent, known.Received + received);
            else if (_probes.Count < RefusalCounts.MaxEntries) _probes.Add((session, uplink, remote), (sent, received));
            else Drop(1);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Writes what waits, refusals included: before an export.</summary>
    public async Task FlushAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            Write(sumUp: true);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        await FlushAsync().ConfigureAwait(false);
        _ring.Dispose();
        _stop.Dispose();
        _writing.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                await _writing.WaitAsync(_stop.Token).ConfigureAwait(false);
                try
                {
                    _tick++;
                    Write(sumUp: _tick % Summing == 0);
                }
                finally
                {
                    _writing.Release();
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private void Write(bool sumUp)
    {
        List<Evidence> batch = [];
        WallTime wall = _options.Wall();
        while (batch.Count < QueueLength && _waiting.TryDequeue(out Evidence? seen))
        {
            Interlocked.Decrement(ref _waitingCount);
            batch.Add(seen);
        }
        lock (_gate)
        {
            foreach (((SessionId? session, string uplink, Endpoint remote), (long sent, long received)) in _probes)
                batch.Add(new Evidence.Probes(_options.Node, wall, session, uplink.Length > 0 ? $"{uplink} {remote}" : remote.ToString(), sent, received));
            _probes.Clear();
            if (sumUp) batch.AddRange(_refusals.Take(_options.Node, wall));
        }
        try
        {
            AddSamples(batch);
            long dropped = Dropped;
            if (dropped > _reported) batch.Add(new Evidence.Dropped(_options.Node, wall, dropped - _reported));
            if (batch.Count == 0) return;
            if (!System.IO.Directory.Exists(_options.Directory))
                System.IO.Directory.CreateDirectory(_options.Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _ring.Write(batch.Select(IncidentJson.Write));
            _reported = dropped;
            _fault = null;
        }
        catch (Exception e)
        {
            // A full or broken disk, or whatever else goes wrong in recording, changes no session: what was seen is lost, and counted.
            _fault = e.Message;
            Lose(Math.Max(1, batch.Count));
        }
    }

    private void AddSamples(List<Evidence> batch)
    {
        foreach (Evidence seen in _sample())
        {
            if (seen is not Evidence.PathSample sample)
            {
                batch.Add(seen);
                continue;
            }
            (SessionId, string) key = (sample.Session, sample.Path);
            if (_last.TryGetValue(key, out (Evidence.PathSample Sample, long Tick) last) && _tick - last.Tick < Repeat
                && last.Sample with { Wall = sample.Wall } == sample)
                continue;
            if (batch.Count >= 4 * QueueLength)
            {
                Lose(1);
                continue;
            }
            _last[key] = (sample, _tick);
            batch.Add(sample);
        }
        if (_last.Count <= 2 * QueueLength) return;
        _last.Clear();
    }

    private void Drop(long count) => Interlocked.Add(ref _dropped, count);

    private void Lose(long count)
    {
        Drop(count);
        Interlocked.Add(ref _lost, count);
    }
}
