using System.Globalization;
using System.Text;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// The signed heads of a node's streams on disk: one <see cref="SignedTree"/> a line, in files `heads-00000001.jsonl` and on, of which the
/// oldest go when together they are too large (REQ-EXHAUST-3). A line that a crash cut off is passed over. For one thread.
/// </summary>
internal sealed class HeadJournal(string directory, long quota) : IDisposable
{
    private const string Prefix = "heads-";
    private const string Suffix = ".jsonl";

    /// <summary>Files that share the quota.</summary>
    private const int Files = 8;

    private FileStream? _current;

    /// <summary>Appends a line. It is not synced: an operating system that goes down takes a second's signatures with it, and the next covers the same chain.</summary>
    public void Append(SignedTree tree)
    {
        if (_current is null || _current.Length > quota / Files) Next();
        byte[] line = Encoding.UTF8.GetBytes(tree.ToText() + "\n");
        bool isFirst = _current!.Length == 0;
        try
        {
            _current.Write(line);
        }
        catch (IOException)
        {
            Abandon(isFirst);
            throw;
        }
    }

    /// <summary>Every signed head of one stream in a directory's journal, oldest first.</summary>
    public static IEnumerable<SignedHead> Of(string directory, SessionId stream)
    {
        string id = stream.ToString();
        foreach ((string path, _) in List(directory))
        {
            foreach (string line in File.ReadLines(path))
            {
                if (!line.Contains(id, StringComparison.Ordinal)) continue;
                Either<string, SignedTree> read = SignedTree.Parse(line);
                if (read.IsLeft) continue;
                var tree = (SignedTree)read;
                for (int i = 0; i < tree.Leaves.Length; i++)
                    if (tree.Leaves[i].Stream == stream) yield return tree.At(i);
            }
        }
    }

    public void Dispose() => _current?.Dispose();

    /// <summary>
    /// Half a line may stand there now, so the next one begins a file. One that holds no line goes: on a full disk each second's would push
    /// out one of signatures.
    /// </summary>
    private void Abandon(bool isEmpty)
    {
        using FileStream torn = _current!;
        _current = null;
        if (isEmpty) File.Delete(torn.Name);
    }

    /// <summary>A new file for every start, so that what a crash cut off stays a line of its own.</summary>
    private void Next()
    {
        _current?.Dispose();
        _current = null;
        List<(string Path, long Number)> all = List(directory);
        long number = all.Count > 0 ? all[^1].Number + 1 : 1;
        foreach ((string path, _) in all.Take(Math.Max(0, all.Count - Files + 1))) File.Delete(path);
        string name = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:d8}{Suffix}"));
        _current = new(name, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        SecureFile.SyncDirectory(name);
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
