using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static LanguageExt.Prelude;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// STORAGE FORMAT: sessions, events, commands and policies as canonical JSON. 64-bit integers are strings, instants are
/// ticks of the service clock, loss is millionths, round trips are microseconds; there are no fractions. Reading is total:
/// what cannot be read is a <see cref="HistoryError"/>.
/// </summary>
public static class SessionJson
{
    public static CanonicalJson Of(Session session) => Written(output => SessionJsonWriting.Session(output, session));

    public static CanonicalJson Of(SessionEvent happened) => Written(output => SessionJsonWriting.Event(output, happened));

    public static CanonicalJson Of(SessionCommand command) => Written(output => SessionJsonWriting.Command(output, command));

    public static CanonicalJson Of(SessionPolicy policy) => CanonicalJson.From(JsonValue.Object(
        PolicyKnobs.All.Select(knob => (knob.Name, JsonValue.OfInt64(knob.Get(policy))))));

    /// <summary>SHA-256 over the policy's canonical form: stands in every event that was decided under it.</summary>
    public static Hash256 HashOf(SessionPolicy policy) => Hash256.Read(System.Security.Cryptography.SHA256.HashData(Of(policy).ToUtf8()));

    /// <summary>Reads a snapshot; one that no history leads to is an error too.</summary>
    public static Either<HistoryError, Session> ReadSession(CanonicalJson json) => Read(json, SessionJsonReading.Session).Bind<Session>(session =>
        SessionInvariants.Check(session) is [string violation, ..] ? new HistoryError(session.Version, "the snapshot breaks a rule: " + violation) : session);

    public static Either<HistoryError, SessionEvent> ReadEvent(string alias, CanonicalJson json) =>
        Read(json, fields => SessionJsonReading.Event(alias, fields));

    public static Either<HistoryError, SessionCommand> ReadCommand(CanonicalJson json) => Read(json, SessionJsonReading.Command);

    /// <summary>Every knob must be there, and no other; the values may be any that once were allowed.</summary>
    public static Either<HistoryError, SessionPolicy> ReadPolicy(CanonicalJson json) => Read(json, fields =>
        PolicyKnobs.All.Aggregate(SessionPolicy.Default, (policy, knob) => knob.With(policy, fields.Int64(knob.Name))));

    /// <summary>Reads a command out of UTF-8 that nobody has looked at; whether it is canonical shows when it is written again.</summary>
    internal static Either<HistoryError, SessionCommand> ReadCommand(ReadOnlySpan<byte> text, JsonTokens tokens) => Read(text, tokens, SessionJsonReading.Command);

    private static Either<HistoryError, T> Read<T>(CanonicalJson json, Func<JsonFields, T> read) => Read(json.ToUtf8(), new JsonTokens(), read);

    private static Either<HistoryError, T> Read<T>(ReadOnlySpan<byte> text, JsonTokens tokens, Func<JsonFields, T> read)
    {
        if (tokens.Parse(text) is { } malformed) return new HistoryError(0, malformed);
        if (tokens.Kind(0) != JsonTokenKind.Members) return new HistoryError(0, "not a JSON object");
        var fields = new JsonFields(tokens, 0);
        T value = read(fields);
        return fields.Fault is { } fault ? new HistoryError(0, fault) : Right(value);
    }

    private static CanonicalJson Written(Action<CanonicalBuffer> write)
    {
        var output = new CanonicalBuffer();
        write(output);
        return CanonicalJson.Written(output);
    }
}
