using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static JumpingVpn.Domain.Audit.JsonValue;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// STORAGE FORMAT: the lines of incident files and of the flight recorder, as canonical JSON. An event's line is its envelope
/// (<see cref="EventEnvelope.ToText"/>) byte for byte; every other line has a member `record` that names what it is. Names and spellings
/// never change; a member that is added gets a new <see cref="IncidentRecord.Header.Format"/>. Reading is total and strict: a line is what
/// this class would write for it, or it is refused with one line.
/// </summary>
public static class IncidentJson
{
    /// <summary>The longest line, in bytes.</summary>
    public const int MaxLine = 1 << 16;

    /// <summary>The line without its end.</summary>
    public static string Write(IncidentRecord record) => record switch
    {
        IncidentRecord.Event happened => happened.Envelope.ToText(),
        IncidentRecord.Header header => Line("header",
            ("exported", OfInt64(header.Exported.Microseconds)), ("format", Of(IncidentRecord.Header.Format)), ("node", Of(header.Node)),
            ("origin", Of(Lower(header.Origin))), ("program", Of(header.Program)), ("role", Of(Lower(header.Role))),
            ("session", Of(header.Session.ToString()))),
        IncidentRecord.Policy policy => Line("policy", ("hash", Of(policy.Hash.ToString())), ("policy", policy.Text.ToValue())),
        IncidentRecord.NodeKey key => Line("key", ("key", Of(key.Key.ToString())), ("node", Of(key.Node))),
        IncidentRecord.Signed signed => Line("signature", [.. HeadMembers(signed.Head)]),
        IncidentRecord.Observed observed => Write(observed.Evidence),
        IncidentRecord.Gap gap => Line("gap",
            ("from", OfInt64(gap.From)), ("held_by", Of(gap.HeldBy)), ("note", Of(gap.Note)), ("to", OfInt64(gap.To))),
        IncidentRecord.Seal seal => Line("seal",
            ("digest", Of(seal.Digest.ToString())), ("key", Of(seal.Key.ToString())), ("lines", OfInt64(seal.Lines)),
            ("signature", Of(seal.Signature.ToString()))),
        _ => throw new InvalidOperationException("a record that is none of the known ones"),
    };

    /// <summary>A record of the flight recorder: a line of its own files, and of incident files.</summary>
    public static string Write(Evidence evidence)
    {
        (string name, (string, JsonValue)[] own) = evidence switch
        {
            Evidence.PathSample e => ("sample", new (string, JsonValue)[]
            {
                ("bound", Of(e.IsBound)), ("loss_ppm", Of(e.LossPpm)), ("path", Cut(e.Path)), ("rtt_us", e.RttMicros is { } rtt ? OfInt64(rtt) : Null),
                ("session", Of(e.Session.ToString())), ("state", Cut(e.State)),
            }),
            Evidence.Probes e => ("probes",
            [
                ("path", Cut(e.Path)), ("received", OfInt64(e.Received)), ("sent", OfInt64(e.Sent)), ("session", Id(e.Session)),
            ]),
            Evidence.Rejections e => ("rejections",
            [
                ("count", OfInt64(e.Count)), ("first", Refused(e.First)), ("last", Refused(e.Last)), ("reason", Cut(e.Reason)), ("source", Cut(e.Source)),
            ]),
            Evidence.Link e => ("link", [("change", Cut(e.Change)), ("subject", Cut(e.Subject))]),
            Evidence.Mirrored e => ("mirrored",
            [
                ("change", Cut(e.Change)), ("from", Of(e.From.ToString())), ("reason", Cut(e.Reason)), ("session", Of(e.Session.ToString())),
                ("to", Of(e.To.ToString())), ("transport", Cut(e.Transport)), ("version", OfInt64(e.Version)),
            ]),
            Evidence.Dropped e => ("dropped", [("count", OfInt64(e.Count))]),
            _ => throw new InvalidOperationException("evidence that is none of the known kinds"),
        };
        return Line(name, [.. own, ("node", Cut(evidence.Node)), ("wall", OfInt64(evidence.Wall.Microseconds))]);
    }

    /// <summary>Left, in one line, for what is no line of an incident file.</summary>
    public static Either<string, IncidentRecord> Read(string line) => IncidentJsonReading.Read(line);

    /// <summary>Left, in one line, for what is no evidence.</summary>
    public static Either<string, Evidence> ReadEvidence(string line) => Read(line).Bind(record => record is IncidentRecord.Observed observed
        ? Prelude.Right<string, Evidence>(observed.Evidence)
        : "the line is no evidence");

    /// <summary>True for a line whose member `record` says so, without reading the rest.</summary>
    public static bool IsEvent(ReadOnlySpan<byte> line) => line.StartsWith("{\"alias\":"u8);

    internal static string Lower<T>(T value)
        where T : struct, Enum => value switch
        {
            IncidentRole.Gateway => "gateway",
            IncidentRole.Client => "client",
            IncidentOrigin.Node => "node",
            IncidentOrigin.Files => "files",
            HeadKind.Event => "event",
            HeadKind.Snapshot => "snapshot",
            _ => throw new InvalidOperationException($"{value} has no stored name"),
        };

    private static IEnumerable<(string, JsonValue)> HeadMembers(SignedHead head) =>
    [
        ("hash", Of(head.Leaf.Hash.ToString())), ("index", Of(head.Index)), ("key", Of(head.Key.ToString())), ("kind", Of(Lower(head.Leaf.Kind))),
        ("path", Array(head.Path.Select(hash => Of(hash.ToString())))), ("signature", Of(head.Signature.ToString())),
        ("statement", Object(head.Statement.Members())), ("stream", Of(head.Leaf.Stream.ToString())), ("version", OfInt64(head.Leaf.Version)),
    ];

    private static string Line(string record, params IEnumerable<(string, JsonValue)> members) =>
        CanonicalJson.From(Object([.. members, ("record", Of(record))])).Text;

    private static JsonValue Refused(RefusedInput input) => Object(
        ("detail", Cut(input.Detail)), ("session", Id(input.Session)), ("source", Cut(input.Source)), ("wall", OfInt64(input.Wall.Microseconds)));

    private static JsonValue Id(SessionId? session) => session is { } id ? Of(id.ToString()) : Null;

    /// <summary>What others sent may stand in a text: it is bounded, and holds nothing that JSON or a terminal cannot.</summary>
    private static JsonValue Cut(string text)
    {
        if (text.Length <= Evidence.MaxText && !text.AsSpan().ContainsAnyInRange('\0', '\u001f') && JsonValue.Text.IsWritable(text)) return Of(text);
        var cut = new System.Text.StringBuilder(Math.Min(text.Length, Evidence.MaxText));
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            if (cut.Length + rune.Utf16SequenceLength > Evidence.MaxText) break;
            cut.Append(rune.Value < ' ' ? "?" : rune.ToString());
        }
        return Of(cut.ToString());
    }
}
