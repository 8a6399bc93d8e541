using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>The reverse of <see cref="IncidentJson"/>; see <see cref="JsonFields"/> for how faults are kept.</summary>
internal static class IncidentJsonReading
{
    public static Either<string, IncidentRecord> Read(string line) => JsonFields.Read(line).Bind<IncidentRecord>(fields =>
    {
        if (line.StartsWith("{\"alias\":", StringComparison.Ordinal))
            return EventEnvelope.Parse(line).Bind<IncidentRecord>(envelope => Exact(new IncidentRecord.Event(envelope), line));
        IncidentRecord? record = Record(fields);
        if (fields.Fault is { } fault) return fault;
        if (record is null) return "the line's record is of a kind that is not known";
        return Exact(record, line);
    });

    /// <summary>A line in another spelling, or with a member more, is refused: what is signed and shown is one text.</summary>
    private static Either<string, IncidentRecord> Exact(IncidentRecord record, string line) =>
        IncidentJson.Write(record) == line ? record : "the line is not in its canonical form";

    private static IncidentRecord? Record(JsonFields fields) => fields.Text("record") switch
    {
        "header" => Header(fields),
        "policy" => new IncidentRecord.Policy(Hash(fields, "hash"), fields.Canonical("policy")),
        "key" => new IncidentRecord.NodeKey(fields.Text("node"), Key(fields)),
        "signature" => new IncidentRecord.Signed(Head(fields)),
        "gap" => new IncidentRecord.Gap(fields.Int64("from"), fields.Int64("to"), fields.Text("held_by"), fields.Text("note")),
        "seal" => new IncidentRecord.Seal(fields.Int64("lines"), Hash(fields, "digest"), Key(fields), Signature(fields)),
        string name => EvidenceOf(name, fields) is { } evidence ? new IncidentRecord.Observed(evidence) : null,
    };

    private static IncidentRecord.Header Header(JsonFields fields)
    {
        int format = fields.Int32("format");
        if (format != IncidentRecord.Header.Format) fields.Bad("format", format);
        return new(fields.Text("program"), Session(fields), fields.Parsed<IncidentRole>("role", TryRole), fields.Parsed<IncidentOrigin>("origin", TryOrigin),
            fields.Text("node"), new(fields.Int64("exported")));
    }

    private static Evidence? EvidenceOf(string name, JsonFields fields)
    {
        switch (name)
        {
            case "sample" or "probes" or "rejections" or "link" or "mirrored" or "dropped":
                break;
            default:
                return null;
        }
        string node = fields.Text("node");
        var wall = new WallTime(fields.Int64("wall"));
        return name switch
        {
            "sample" => new Evidence.PathSample(node, wall, Session(fields), fields.Text("path"), fields.Text("state"), fields.MaybeInt64("rtt_us"),
                fields.Int32("loss_ppm"), fields.Bool("bound")),
            "probes" => new Evidence.Probes(node, wall, MaybeSession(fields), fields.Text("path"), fields.Int64("sent"), fields.Int64("received")),
            "rejections" => new Evidence.Rejections(node, wall, fields.Text("reason"), fields.Text("source"), fields.Int64("count"),
                fields.Nested("first", Refused), fields.Nested("last", Refused)),
            "link" => new Evidence.Link(node, wall, fields.Text("subject"), fields.Text("change")),
            "mirrored" => new Evidence.Mirrored(node, wall, Session(fields), fields.Int64("version"), fields.Enum<SessionState>("from"),
                fields.Enum<SessionState>("to"), fields.Text("reason"), fields.Text("transport"), fields.Text("change")),
            _ => new Evidence.Dropped(node, wall, fields.Int64("count")),
        };
    }

    private static RefusedInput Refused(JsonFields fields) =>
        new(new(fields.Int64("wall")), fields.Text("source"), MaybeSession(fields), fields.Text("detail"));

    private static SignedHead Head(JsonFields fields)
    {
        ImmutableArray<Hash256> path = fields.ListOf<Hash256>("path", HeadTree.MaxPath, Hash256.TryParse);
        var leaf = new HeadLeaf(fields.Parsed<HeadKind>("kind", TryKind), fields.Parsed<SessionId>("stream", SessionId.TryParse), fields.Int64("version"),
            Hash(fields, "hash"));
        HeadStatement statement = fields.Nested("statement", HeadStatement.Read);
        return new(leaf, fields.Int32("index"), path, statement, Key(fields), Signature(fields));
    }

    private static Hash256 Hash(JsonFields fields, string name) => fields.Parsed<Hash256>(name, Hash256.TryParse);

    private static AuditKey Key(JsonFields fields) => fields.Parsed<AuditKey>("key", AuditKey.TryParse);

    private static AuditSignature Signature(JsonFields fields) => fields.Parsed<AuditSignature>("signature", AuditSignature.TryParse);

    private static SessionId Session(JsonFields fields) => fields.Parsed<SessionId>("session", SessionId.TryParse);

    private static SessionId? MaybeSession(JsonFields fields) =>
        fields.MaybeParsed<SessionId>("session", SessionId.TryParse).MatchUnsafe<SessionId?>(Some: static id => id, None: static () => null);

    private static bool TryRole(ReadOnlySpan<char> text, out IncidentRole role) => TryLower(text, out role);

    private static bool TryOrigin(ReadOnlySpan<char> text, out IncidentOrigin origin) => TryLower(text, out origin);

    private static bool TryKind(ReadOnlySpan<char> text, out HeadKind kind) => TryLower(text, out kind);

    private static bool TryLower<T>(ReadOnlySpan<char> text, out T value)
        where T : struct, Enum
    {
        foreach (T candidate in Enum.GetValues<T>())
        {
            value = candidate;
            if (text.SequenceEqual(IncidentJson.Lower(candidate))) return true;
        }
        value = default;
        return false;
    }
}
