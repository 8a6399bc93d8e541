using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// Joins files about one session: a list of the parts, and then every part as it was exported, to the byte, so that each keeps its seal.
/// What the parts say is put in order by whoever reads them, by versions.
/// </summary>
public static class IncidentJoining
{
    /// <summary>Writes the joined file. How many parts it has; Left, in one line that names the file, with what is wrong with one of them.</summary>
    public static Either<string, int> Join(IReadOnlyList<string> files, Stream output)
    {
        List<(string File, Hash256 Link)> parts = [];
        SessionId? session = null;
        foreach (string file in files)
        {
            if (ReadParts(file, parts, ref session) is { } problem) return problem;
            if (parts.Count > IncidentFileReader.MaxParts) return $"{file}: with it the file would have more than {IncidentFileReader.MaxParts} parts";
        }
        Hash256[] links = [.. parts.Select(static part => part.Link).Distinct().Order()];
        var list = new FrameWriter(output);
        list.Add(CanonicalJson.From(JsonValue.Object(
            ("parts", JsonValue.Array(links.Select(static link => JsonValue.Of(link.ToString())))), ("record", JsonValue.Of("parts")))).Text);
        list.Flush(FrameKind.Parts);
        foreach (Hash256 link in links)
            if (Copy(parts.First(part => part.Link == link).File, link, output) is { } problem) return problem;
        return links.Length;
    }

    /// <summary>The final links of a file's parts, and the session that they are about.</summary>
    private static string? ReadParts(string file, List<(string, Hash256)> parts, ref SessionId? session)
    {
        Either<string, IncidentFileReader> opened = IncidentFileReader.Open(file);
        if (opened.IsLeft) return opened.Match(static _ => "", static problem => problem);
        using (var reader = (IncidentFileReader)opened)
        {
            SessionId? own = session;
            while (reader.ReadRecord() is { } record)
            {
                if (record is not IncidentRecord.Header header) continue;
                if (own is { } other && other != header.Session) return $"{file}: is about session {header.Session}, not {other}";
                own = header.Session;
            }
            if (reader.Fault is { } fault) return fault;
            session = own;
        }
        using var frames = (IncidentFileReader)IncidentFileReader.Open(file);
        while (!frames.ReadFrame(out FrameKind kind, out Hash256 link).IsEmpty)
            if (kind == FrameKind.Seal) parts.Add((file, link));
        return frames.Fault;
    }

    private static string? Copy(string file, Hash256 wanted, Stream output)
    {
        // A part is known by its last frame: its place is found first, then it is copied.
        long start = 0, length = 0;
        using (var frames = (IncidentFileReader)IncidentFileReader.Open(file))
        {
            long position = 0;
            while (true)
            {
                int size = frames.ReadFrame(out FrameKind kind, out Hash256 link).Length;
                if (size == 0) return frames.Fault ?? $"{file}: has changed while it was read";
                position += size;
                if (frames.PartsSize is { } list && start == 0)
                {
                    start = list;
                    position += list;
                }
                if (kind != FrameKind.Seal) continue;
                length = position - start;
                if (link == wanted) break;
                start = position;
            }
        }
        using var input = new FileStream(file, FileMode.Open, FileAccess.Read);
        input.Seek(start, SeekOrigin.Begin);
        var buffer = new byte[1 << 16];
        while (length > 0)
        {
            int read = input.Read(buffer, 0, (int)Math.Min(buffer.Length, length));
            if (read == 0) return $"{file}: has changed while it was read";
            output.Write(buffer, 0, read);
            length -= read;
        }
        return null;
    }
}
