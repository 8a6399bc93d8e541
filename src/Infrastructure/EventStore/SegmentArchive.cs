using System.Collections.Immutable;
using System.Text;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>How the archive is kept.</summary>
/// <param name="Directory">Made, with mode 0700, if it is not there; its parent must exist.</param>
/// <param name="Node">The node's name, for the archive's notes about itself.</param>
/// <param name="Retention">How long a segment is kept, by the wall clock's day in its name.</param>
/// <param name="QuotaBytes">What all segments together may take. It wins over retention: the oldest go early, and a note says so.</param>
/// <param name="SegmentBytes">The size at which a day's next segment begins.</param>
/// <param name="Wall">The wall clock.</param>
public sealed record SegmentArchiveOptions(string Directory, string Node, TimeSpan Retention, long QuotaBytes, long SegmentBytes, Func<WallTime> Wall)
{
    /// <summary>Signs each batch: a line behind it. Null leaves the archive unsigned.</summary>
    public IAuditSigner? Signer { get; init; }

    /// <summary>90 days, 1 GiB, segments of 16 MiB.</summary>
    public static SegmentArchiveOptions Default(string directory, string node, Func<WallTime> wall) =>
        new(directory, node, TimeSpan.FromDays(90), 1L << 30, 16L << 20, wall);
}

/// <summary>
/// The archive on disk: append-only files of one canonical envelope a line (each carries its own hash), synced before an append
/// returns. What a crash cut off stays as a line of its own, which readers report; its event was never acknowledged and
/// comes again.
/// </summary>
public sealed class SegmentArchive : IAuditArchive, IDisposable
{
    private readonly SegmentArchiveOptions _options;
    private readonly FileLock _lock;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly List<SegmentFile> _closed;
    private FileStream? _current;
    private SegmentFile? _currentFile;
    private bool _cutOff;
    private volatile string? _pruneFailure;

    private SegmentArchive(SegmentArchiveOptions options, FileLock held, List<SegmentFile> segments)
    {
        _options = options;
        _lock = held;
        _closed = segments;
    }

    /// <summary>Left, in one line, if the directory cannot be used or another process uses it.</summary>
    public static Either<string, SegmentArchive> Open(SegmentArchiveOptions options)
    {
        try
        {
            if (!Directory.Exists(options.Directory))
                Directory.CreateDirectory(options.Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return StoreLock.Acquire(Path.Combine(options.Directory, "archive"))
                .Map(held => new SegmentArchive(options, held, SegmentFile.List(options.Directory)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            return $"{options.Directory}: {e.Message}";
        }
    }

    public async ValueTask<string?> AppendSegmentAsync(ImmutableArray<EventEnvelope> envelopes)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Append(envelopes)).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose()
    {
        _current?.Dispose();
        _gate.Dispose();
        _lock.Dispose();
    }

    private string? Append(ImmutableArray<EventEnvelope> envelopes)
    {
        try
        {
            FileStream current = Current();
            var text = new StringBuilder(1024 * envelopes.Length);
            foreach (EventEnvelope envelope in envelopes) text.Append(envelope.ToText()).Append('\n');
            if (_options.Signer is { } signer) text.Append(SignedTree.Sign(signer, _options.Node, _options.Wall(), Heads(envelopes)).ToText()).Append('\n');
            Write(current, text.ToString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            return $"{_options.Directory}: {e.Message}";
        }
        Prune();
        return null;
    }

    /// <summary>The last event of each stream, whose hash covers those before it, and every snapshot.</summary>
    private static ImmutableArray<HeadLeaf> Heads(ImmutableArray<EventEnvelope> envelopes)
    {
        ImmutableArray<HeadLeaf>.Builder leaves = ImmutableArray.CreateBuilder<HeadLeaf>();
        for (int i = 0; i < envelopes.Length; i++)
        {
            bool isLast = i + 1 == envelopes.Length || envelopes[i + 1].Stream != envelopes[i].Stream || envelopes[i + 1].IsSnapshot;
            if (envelopes[i].IsSnapshot || isLast) leaves.Add(HeadLeaf.Of(envelopes[i]));
        }
        return leaves.ToImmutable();
    }

    /// <summary>Writes and syncs. On failure it takes back what it wrote, which nobody has been told is durable.</summary>
    private void Write(FileStream file, string text)
    {
        long before = file.Length;
        try
        {
            file.Write(Encoding.UTF8.GetBytes(_cutOff ? "\n" + text : text));
            file.Flush(flushToDisk: true);
            _cutOff = false;
        }
        catch (IOException)
        {
            _cutOff |= !TryCut(file, before);
            throw;
        }
    }

    private static bool TryCut(FileStream file, long length)
    {
        try
        {
            file.SetLength(length);
            file.Seek(0, SeekOrigin.End);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The segment to append to: the day's last one, or a new one. A wall clock that goes back opens no earlier day.</summary>
    private FileStream Current()
    {
        DateOnly today = Today();
        if (_current is not null && _currentFile is not null)
        {
            if (_currentFile.Day >= today && _current.Length < _options.SegmentBytes) return _current;
            _closed.Add(_currentFile with { Bytes = _current.Length });
            _current.Dispose();
            (_current, _currentFile) = (null, null);
        }
        SegmentFile? last = _closed.Count > 0 ? _closed[^1] : null;
        if (last is not null && last.Day >= today && last.Bytes < _options.SegmentBytes)
        {
            Use(last, FileMode.Open);
            _closed.RemoveAt(_closed.Count - 1);
        }
        else
        {
            (DateOnly day, int number) = last is not null && last.Day >= today ? (last.Day, last.Number + 1) : (today, 1);
            Use(new(Path.Combine(_options.Directory, SegmentFile.NameOf(day, number)), day, number, 0), FileMode.CreateNew);
            SecureFile.SyncDirectory(_currentFile!.Path);
        }
        return _current!;
    }

    private void Use(SegmentFile segment, FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
        if (mode == FileMode.CreateNew) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(segment.Path, options);
        _cutOff = EndsInMidLine(file);
        file.Seek(0, SeekOrigin.End);
        (_current, _currentFile) = (file, segment);
    }

    private static bool EndsInMidLine(FileStream file)
    {
        if (file.Length == 0) return false;
        file.Seek(-1, SeekOrigin.End);
        return file.ReadByte() != '\n';
    }

    /// <summary>
    /// Deletes what is too old or too much. The note of an early deletion is durable before its segment goes. What was asked for is
    /// durable already, so trouble here is no refusal: the next append tries again.
    /// </summary>
    private void Prune()
    {
        try
        {
            DateOnly oldest = DateOnly.FromDayNumber(
                Math.Max(0, Today().DayNumber - (int)Math.Ceiling(_options.Retention.TotalDays)));
            long total = _current!.Length + _closed.Sum(static segment => segment.Bytes);
            while (_closed.Count > 0 && (_closed[0].Day < oldest || total > _options.QuotaBytes))
            {
                SegmentFile segment = _closed[0];
                if (segment.Day >= oldest) Write(_current, new SegmentNote(_options.Node, segment.Name, segment.Bytes, _options.Wall()).ToText() + "\n");
                File.Delete(segment.Path);
                _closed.RemoveAt(0);
                total -= segment.Bytes;
            }
            _pruneFailure = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            _pruneFailure = $"{_options.Directory}: {e.Message}";
        }
    }

    /// <summary>Why old segments could not be deleted when that was last tried, or null. Any thread may ask.</summary>
    public string? PruneFailure => _pruneFailure;

    private DateOnly Today() =>
        DateOnly.FromDateTime(Columns.Calendar(_options.Wall()));
}
