using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// An event in its place: the draft, its stream and version, and the chain's hashes. Its canonical JSON
/// (<see cref="ToText"/>) is what is stored, archived and exported, byte for byte; <see cref="Hash"/> is SHA-256 over that
/// text without its `hash` member.
/// </summary>
/// <param name="Stream">The session.</param>
/// <param name="Version">1 for the stream's first event, then +1 for each.</param>
/// <param name="Draft">What the author said.</param>
/// <param name="Previous">The predecessor's hash; for a snapshot the hash of the event that it replaces.</param>
/// <param name="Hash">The envelope's own hash.</param>
public sealed record EventEnvelope(SessionId Stream, long Version, EventDraft Draft, Hash256 Previous, Hash256 Hash)
{
    /// <summary>The layout of the text, written into it. Readers refuse any other.</summary>
    public const int Format = 1;

    private static ReadOnlySpan<byte> EventIdLabel => "jumping-vpn event id 1\0"u8;

    public string Alias => Draft.Alias;

    /// <summary>True for a snapshot, which stands for all events up to its version.</summary>
    public bool IsSnapshot => Draft.Alias == Snapshot.Alias;

    /// <summary>
    /// The event's id: a UUID of version 8 (RFC 9562, 5.8) from SHA-256 over stream, version and hash, so that equal events have
    /// equal ids and none needs randomness.
    /// </summary>
    public Guid EventId
    {
        get
        {
            Span<byte> input = stackalloc byte[EventIdLabel.Length + SessionId.Size + sizeof(long) + Hash256.Size];
            EventIdLabel.CopyTo(input);
            Span<byte> rest = input[EventIdLabel.Length..];
            Stream.Write(rest);
            BinaryPrimitives.WriteInt64BigEndian(rest[SessionId.Size..], Version);
            Hash.Write(rest[(SessionId.Size + sizeof(long))..]);
            Span<byte> digest = stackalloc byte[Hash256.Size];
            SHA256.HashData(input, digest);
            digest[6] = (byte)(digest[6] & 0x0F | 0x80);
            digest[8] = (byte)(digest[8] & 0x3F | 0x80);
            return new Guid(digest[..16], bigEndian: true);
        }
    }

    /// <summary>The envelope's canonical JSON, `hash` included.</summary>
    public string ToText() => Write(Hash);

    /// <summary>SHA-256 over the canonical JSON without `hash`: what <see cref="Hash"/> must equal.</summary>
    public Hash256 ComputeHash()
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        SHA256.HashData(Encoding.UTF8.GetBytes(Write(null)), digest);
        return Hash256.Read(digest);
    }

    /// <summary>
    /// Reads an envelope from JSON whose members may stand in any order. Left, with the reason, if a member is missing, unknown
    /// or malformed. It does not judge the hashes: <see cref="HashChain"/> does.
    /// </summary>
    public static Either<string, EventEnvelope> Parse(string text) => EnvelopeReading.Read(text);

    public override string ToString() => $"{Stream} {Version} {Alias} {Draft.Reason}";

    /// <summary>Members in canonical order; a null hash leaves `hash` out.</summary>
    private string Write(Hash256? hash)
    {
        var output = new StringBuilder(768 + Draft.Cause.Text.Length + Draft.Data.Text.Length);
        Member(output, "{\"alias\":", Draft.Alias);
        output.Append(",\"cause\":").Append(Draft.Cause.Text);
        output.Append(",\"data\":").Append(Draft.Data.Text);
        Member(output, ",\"epoch\":", Draft.OwnershipEpoch);
        output.Append(",\"format\":").Append(Format);
        if (hash is { } own) Member(output, ",\"hash\":", own.ToString());
        Member(output, ",\"incarnation\":", Draft.Incarnation.ToString());
        Member(output, ",\"node\":", Draft.Node);
        Member(output, ",\"policy\":", Draft.PolicyHash.ToString());
        Member(output, ",\"previous\":", Previous.ToString());
        Member(output, ",\"reason\":", Draft.Reason);
        Member(output, ",\"stream\":", Stream.ToString());
        Member(output, ",\"time\":", Draft.Time.Ticks);
        Member(output, ",\"version\":", Version);
        Member(output, ",\"wall\":", Draft.Wall.Microseconds);
        return output.Append('}').ToString();
    }

    private static void Member(StringBuilder output, string prefix, string value) =>
        CanonicalJson.AppendString(output.Append(prefix), value);

    private static void Member(StringBuilder output, string prefix, long value) =>
        output.Append(prefix).Append('"').Append(value.ToString(CultureInfo.InvariantCulture)).Append('"');
}
