using System.Text;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// Reads an incident file line by line, in memory that does not grow with it. Total: any bytes give lines and then an end or a fault in
/// one line (unreadable, foreign, newer, cut off, damaged). For one thread.
/// </summary>
public sealed class IncidentFileReader : IDisposable
{
    /// <summary>Parts of one file at most.</summary>
    public const int MaxParts = 64;

    private readonly string _name;
    private readonly Stream _input;
    private readonly FrameReader _frames;
    private List<Hash256>? _expected;
    private int _parts, _offset, _length;
    private bool _inPart, _begun;

    public IncidentFileReader(string name, Stream input) => (_name, _input, _frames) = (name, input, new(input));

    /// <summary>Left, in one line that names the file, if it cannot be opened.</summary>
    public static Either<string, IncidentFileReader> Open(string path)
    {
        try
        {
            if (Directory.Exists(path)) return $"{path}: is a directory";
            return new IncidentFileReader(path, new FileStream(path, new FileStreamOptions { Access = FileAccess.Read, Options = FileOptions.SequentialScan }));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return e is FileNotFoundException or DirectoryNotFoundException ? $"{path}: no such file" : $"{path}: {e.Message}";
        }
    }

    /// <summary>What is wrong with the file, in one line that names it; null so far.</summary>
    public string? Fault { get; private set; }

    /// <summary>The line that was read last, without its end. Valid until the next read.</summary>
    public ReadOnlySpan<byte> Line => _frames.Content.Slice(_offset, _length);

    /// <summary>The container's chain hash before the frame that the line stands in: what a seal signs.</summary>
    public Hash256 Digest { get; private set; }

    /// <summary>Moves to the next line; false at the end of the file or with a fault.</summary>
    public bool Read()
    {
        if (Fault is not null) return false;
        try
        {
            return NextLine();
        }
        catch (IOException e)
        {
            return Fail(e.Message);
        }
    }

    /// <summary>The next record. None at the end of the file or with a fault, also of a line that is no record.</summary>
    public IncidentRecord? ReadRecord()
    {
        if (!Read()) return null;
        return IncidentJson.Read(Encoding.UTF8.GetString(Line)).MatchUnsafe<IncidentRecord?>(
            Right: static record => record,
            Left: reason =>
            {
                Fail(reason);
                return null;
            });
    }

    /// <summary>Reads the whole file into memory, for showing it. Left, in one line that names the file, with what is wrong.</summary>
    public Either<string, Incident> ReadAll()
    {
        var gathering = new IncidentGathering();
        while (ReadRecord() is { } record)
            if (gathering.Add(record) is { } misplaced) return $"{_name}: {misplaced}";
        return Fault is { } fault ? fault : gathering.Finish().MapLeft(reason => $"{_name}: {reason}");
    }

    public void Dispose() => _input.Dispose();

    /// <summary>The size of the list of parts at the file's beginning, in bytes; null if there is none or it was not read yet.</summary>
    internal int? PartsSize { get; private set; }

    /// <summary>The next frame as it stands in the file, for copying; empty at the end or with a fault.</summary>
    internal ReadOnlySpan<byte> ReadFrame(out FrameKind kind, out Hash256 link)
    {
        (kind, link) = (default, default);
        if (!NextFrame()) return default;
        (kind, link) = (_frames.Kind, _frames.Link);
        (_offset, _length) = (_frames.Content.Length, 0);
        EndFrame();
        return _frames.Frame;
    }

    private bool NextLine()
    {
        if (_offset + _length + 1 < _frames.Content.Length)
        {
            _offset += _length + 1;
        }
        else
        {
            if (_begun && _length > 0) EndFrame();
            if (Fault is not null || !NextFrame()) return false;
            _offset = 0;
        }
        _length = _frames.Content[_offset..].IndexOf((byte)'\n');
        if (_length == 0) return Fail("is damaged: a line is empty");
        if (_length > IncidentJson.MaxLine) return Fail("is damaged: a line is too long");
        if (_frames.Kind == FrameKind.Seal && _length + 1 != _frames.Content.Length) return Fail("is damaged: more stands beside the seal");
        return true;
    }

    private bool NextFrame()
    {
        Digest = _frames.Link;
        if (!_frames.Read()) return _frames.Fault is { } fault ? Fail(fault) : AtEnd();
        if (_frames.Kind == FrameKind.Parts)
        {
            if (_begun) return Fail("is damaged: a list of parts stands inside of it");
            if (ReadParts() is { } malformed) return Fail(malformed);
            PartsSize = _frames.Frame.Length;
            _frames.Restart();
            (_begun, Digest) = (true, _frames.Link);
            if (!_frames.Read()) return Fail(_frames.Fault ?? "is cut off");
            if (_frames.Kind == FrameKind.Parts) return Fail("is damaged: a list of parts stands inside of it");
        }
        if (!_inPart && _parts > 0 && _expected is null) return Fail("is damaged: more follows after the seal");
        if (!_inPart && _frames.Kind == FrameKind.Seal) return Fail("is damaged: a seal stands alone");
        (_begun, _inPart) = (true, true);
        return true;
    }

    /// <summary>Behind a seal the next part begins.</summary>
    private void EndFrame()
    {
        if (_frames.Kind != FrameKind.Seal) return;
        if (_expected is not null && (_parts >= _expected.Count || _expected[_parts] != _frames.Link)) Fail("is damaged: a part is not the one that is listed");
        _parts++;
        _inPart = false;
        _length = 0;
        _frames.Restart();
    }

    private bool AtEnd()
    {
        if (!_begun) return Fail("is empty");
        if (_inPart) return Fail("is cut off: it has no seal");
        return _expected is not null && _parts != _expected.Count ? Fail("is cut off: a part is missing") : false;
    }

    private string? ReadParts()
    {
        List<Hash256> parts = [];
        if (JsonText(_frames.Content[..^1]) is not JsonValue.Members members || members.Find("parts") is not JsonValue.List list) return "is damaged: its list of parts cannot be read";
        foreach (JsonValue item in list.Items)
        {
            if (parts.Count == MaxParts || item is not JsonValue.Text text || !Hash256.TryParse(text.Value, out Hash256 part))
                return "is damaged: its list of parts cannot be read";
            parts.Add(part);
        }
        if (parts.Count == 0) return "is damaged: its list of parts cannot be read";
        _expected = parts;
        return null;
    }

    private static JsonValue JsonText(ReadOnlySpan<byte> text) =>
        CanonicalJson.Parse(Encoding.UTF8.GetString(text)).Match(Right: static json => json.ToValue(), Left: static _ => JsonValue.Null);

    private bool Fail(string fault)
    {
        Fault ??= $"{_name}: {fault}";
        return false;
    }
}
