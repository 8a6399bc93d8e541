using System.Globalization;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Audit;

/// <summary>From JSON to <see cref="EventEnvelope"/>: every member must be there, once, in its one valid spelling.</summary>
internal static class EnvelopeReading
{
    private const int MemberCount = 15;

    public static Either<string, EventEnvelope> Read(string text) => JsonReading.Read(text).Bind(Read);

    private static Either<string, EventEnvelope> Read(JsonValue value)
    {
        if (value is not JsonValue.Members members) return "an envelope is an object";
        if (members.Find("format") is not JsonValue.Number { Value: EventEnvelope.Format })
            return $"the envelope's format is not {EventEnvelope.Format}";
        if (members.Find("cause") is not { } cause) return Bad("cause");
        if (members.Find("data") is not { } data) return Bad("data");
        if (!Text(members, "alias", out string alias)) return Bad("alias");
        if (!Integer(members, "epoch", out long epoch)) return Bad("epoch");
        if (!Text(members, "hash", out string hashText)
            || !Hash256.TryParse(hashText, out Hash256 hash) || hash.ToString() != hashText)
            return Bad("hash");
        if (!Text(members, "incarnation", out string incarnationText)
            || !IncarnationId.TryParse(incarnationText, out IncarnationId incarnation)
            || incarnation.ToString() != incarnationText)
            return Bad("incarnation");
        if (!Text(members, "node", out string node)) return Bad("node");
        if (!Text(members, "policy", out string policyText)
            || !Hash256.TryParse(policyText, out Hash256 policy) || policy.ToString() != policyText)
            return Bad("policy");
        if (!Text(members, "previous", out string previousText) || !Hash256.TryParse(previousText, out Hash256 previous)
            || previous.ToString() != previousText)
            return Bad("previous");
        if (!Text(members, "reason", out string reason)) return Bad("reason");
        if (!Text(members, "stream", out string streamText)
            || !SessionId.TryParse(streamText, out SessionId stream) || stream.ToString() != streamText)
            return Bad("stream");
        if (!Integer(members, "time", out long time)) return Bad("time");
        if (!Integer(members, "version", out long version) || version < 1) return Bad("version");
        if (!Integer(members, "wall", out long wall)) return Bad("wall");
        if (members.Sorted.Length != MemberCount) return "the envelope has a member that is not known";
        var draft = new EventDraft(
            alias, new Instant(time), new WallTime(wall), reason, CanonicalJson.From(cause), policy, node, incarnation, epoch,
            CanonicalJson.From(data));
        return draft.Fault() is { } fault ? fault : new EventEnvelope(stream, version, draft, previous, hash);
    }

    private static string Bad(string member) => $"the envelope's member {member} is missing or malformed";

    private static bool Text(JsonValue.Members members, string name, out string text)
    {
        text = members.Find(name) is JsonValue.Text found ? found.Value : "";
        return text.Length > 0;
    }

    private static bool Integer(JsonValue.Members members, string name, out long number)
    {
        number = 0;
        return Text(members, name, out string text)
            && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number)
            && number.ToString(CultureInfo.InvariantCulture) == text;
    }
}
