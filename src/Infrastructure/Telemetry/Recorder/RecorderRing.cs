using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Audit;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Telemetry.Recorder;

/// <summary>
/// The recorder's files: `evidence-00000001.jvr` and on, each a sequence of frames as incident files have them (<see cref="FrameFormat"/>), of
/// which the oldest go when together they are too large. A frame that a crash cut off is passed over; every start begins a new file.
/// </summary>
internal sealed class RecorderRing(string directory, long quota) : IDisposable
{
    private const string Prefix = "evidence-";
    private const string Suffix = ".jvr";

    /// <summary>Files that share the quota: at the least seven eighths of it are full of evidence once the ring has gone round.</summary>
    private const int Files = 8;

    private FileStream? _current;
    private FrameWriter? _frames;

    /// <summary>Writes lines as one frame or several. Throws <see cref="IOException"/> where it cannot; the next call begins another file.</summary>
    public void Write(IEnumerable<string> lines)
    {
        if (_current is null || _current.Length >= quota / Files) Next();
        try
        {
            foreach (string line in lines) _frames!.Add(line);
            _frames!.Flush(FrameKind.Lines);
            _current!.Flush();
        }
        catch (IOException)
        {
            Abandon();
            throw;
        }
    }

    /// <summary>Everything in a directory's ring, oldest first. What cannot be read is passed over.</summary>
    public static IEnumerable<Evidence> Read(string directory, SessionId? about)
    {
        byte[]? id = about is { } session ? System.Text.Encoding.ASCII.GetBytes(session.ToString()) : null;
        foreach ((string path, _) in List(directory))
        {
            using FileStream? file = Open(path);
            if (file is null) continue;
            var frames = new FrameReader(file);
            while (frames.Read())
                foreach (Evidence seen in Lines(frames.Content, id)) yield return seen;
        }
    }

    public void Dispose() => _current?.Dispose();

    private static List<Evidence> Lines(ReadOnlySpan<byte> content, byte[]? id)
    {
        List<Evidence> all = [];
        while (!content.IsEmpty)
        {
            int end = content.IndexOf((byte)'\n');
            // What names other sessions only is not even parsed: a ring holds millions of lines.
            if (id is not null && content[..end].IndexOf("\"session\":\""u8) >= 0 && content[..end].IndexOf(id) < 0)
            {
                content = content[(end + 1)..];
                continue;
            }
            Either<string, Evidence> read = IncidentJson.ReadEvidence(System.Text.Encoding.UTF8.GetString(content[..end]));
            if (read.IsRight) all.Add((Evidence)read);
            content = content[(end + 1)..];
        }
        return all;
    }

    private static FileStream? Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (IOException)
        {
            // The ring has gone on and deleted it.
            return null;
        }
    }

    /// <summary>A frame is torn, so nothing may follow. A file that holds nothing goes: on a full disk each second's would push out one of evidence.</summary>
    private void Abandon()
    {
        using FileStream torn = _current!;
        _current = null;
        if (torn.Length == 0) File.Delete(torn.Name);
    }

    private void Next()
    {
        _current?.Dispose();
        _current = null;
        List<(string Path, long Number)> all = List(directory);
        long number = all.Count > 0 ? all[^1].Number + 1 : 1;
        foreach ((string path, _) in all.Take(Math.Max(0, all.Count - Files + 1))) File.Delete(path);
        _current = new(Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:d8}{Suffix}")), new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read | FileShare.Delete, BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        _frames = new(_current);
    }

    private static List<(string Path, long Number)> List(string directory)
    {
        if (!Directory.Exists(directory)) return [];
        List<(string Path, long Number)> found = [];
        foreach (string path in Directory.EnumerateFiles(directory, Prefix + "*" + Suffix))
            if (long.TryParse(Path.GetFileName(path)[Prefix.Length..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out long number)) found.Add((path, number));
        found.Sort(static (left, right) => left.Number.CompareTo(right.Number));
        return found;
    }
}
