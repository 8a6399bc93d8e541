using System.Security.Cryptography;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// A line of the archive about itself: a segment was deleted before its retention was over, because the quota was full. Its
/// hash is over its canonical JSON without `hash`, as an envelope's is.
/// </summary>
/// <param name="Node">The node whose archive it was.</param>
/// <param name="Segment">The deleted segment's file name.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Wall">When it was deleted.</param>
public sealed record SegmentNote(string Node, string Segment, long Bytes, WallTime Wall)
{
    private const string Kind = "segment_dropped";

    public string ToText() => Json(Hash().ToString()).Text;

    /// <summary>Left, with the reason, for what is no note or does not match its hash.</summary>
    public static Either<string, SegmentNote> Parse(string text) => CanonicalJson.Parse(text).Bind(Read);

    private static Either<string, SegmentNote> Read(CanonicalJson json)
    {
        if (json.ToValue() is JsonValue.Members members
            && members.Find("node") is JsonValue.Text node
            && members.Find("segment") is JsonValue.Text segment
            && members.Find("bytes") is JsonValue.Text bytes && long.TryParse(bytes.Value, out long size)
            && members.Find("wall") is JsonValue.Text wall && long.TryParse(wall.Value, out long time))
        {
            var note = new SegmentNote(node.Value, segment.Value, size, new(time));
            if (note.ToText() == json.Text) return note;
        }
        return "the line is neither an event nor a note";
    }

    private Hash256 Hash()
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        SHA256.HashData(Json(null).ToUtf8(), digest);
        return Hash256.Read(digest);
    }

    private CanonicalJson Json(string? hash)
    {
        IEnumerable<(string, JsonValue)> members =
        [
            ("note", JsonValue.Of(Kind)), ("node", JsonValue.Of(Node)), ("segment", JsonValue.Of(Segment)), ("bytes", JsonValue.OfInt64(Bytes)),
            ("wall", JsonValue.OfInt64(Wall.Microseconds)),
        ];
        return CanonicalJson.From(JsonValue.Object(hash is null ? members : members.Append(("hash", JsonValue.Of(hash)))));
    }
}
