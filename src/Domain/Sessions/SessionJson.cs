using System.Collections.Immutable;
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
    public static CanonicalJson Of(Session session) => CanonicalJson.From(SessionJsonWriting.Session(session));

    public static CanonicalJson Of(SessionEvent happened) => CanonicalJson.From(SessionJsonWriting.Event(happened));

    public static CanonicalJson Of(SessionCommand command) => CanonicalJson.From(SessionJsonWriting.Command(command));

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

    private static Either<HistoryError, T> Read<T>(CanonicalJson json, Func<JsonFields, T> read)
    {
        if (json.ToValue() is not JsonValue.Members members) return new HistoryError(0, "not a JSON object");
        var fields = new JsonFields(members);
        T value = read(fields);
        return fields.Fault is { } fault ? new HistoryError(0, fault) : Right(value);
    }
}

/// <summary>
/// The members of one JSON object while they are read. The first member that is missing or no such value is remembered and the
/// rest read as defaults, so that readers are plain expressions; who asks for a value must look at <see cref="Fault"/> in the end.
/// </summary>
internal sealed class JsonFields(JsonValue.Members members, bool isMissing = false)
{
    private string? _fault;

    public string? Fault => _fault;

    public string Text(string name) => members.Find(name) is JsonValue.Text text ? text.Value : Bad(name, "");

    public long Int64(string name) =>
        members.Find(name) is JsonValue.Text text && long.TryParse(text.Value, System.Globalization.NumberStyles.AllowLeadingSign,
            System.Globalization.CultureInfo.InvariantCulture, out long value)
            ? value
            : Bad(name, 0L);

    public ulong UInt64(string name) =>
        members.Find(name) is JsonValue.Text text && ulong.TryParse(text.Value, System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out ulong value)
            ? value
            : Bad(name, 0UL);

    public int Int32(string name) =>
        members.Find(name) is JsonValue.Number { Value: >= int.MinValue and <= int.MaxValue } number ? (int)number.Value : Bad(name, 0);

    public uint UInt32(string name) =>
        members.Find(name) is JsonValue.Number { Value: >= 0 and <= uint.MaxValue } number ? (uint)number.Value : Bad(name, 0U);

    public Instant Instant(string name) => new(Int64(name));

    /// <summary>A string that <paramref name="tryParse"/> takes.</summary>
    public T Parsed<T>(string name, TryParse<T> tryParse) => tryParse(Text(name), out T value) ? value : Bad(name, value);

    public delegate bool TryParse<T>(string text, out T value);

    public T Enum<T>(string name)
        where T : struct, Enum =>
        System.Enum.TryParse(Text(name), out T value) && System.Enum.IsDefined(value) && value.ToString() == Text(name) ? value : Bad(name, default(T));

    /// <summary>A nested object.</summary>
    public T Nested<T>(string name, Func<JsonFields, T> read)
        where T : notnull
    {
        if (members.Find(name) is not JsonValue.Members inner)
        {
            Bad(name, 0);
            return read(new JsonFields(new JsonValue.Members([]), isMissing: true));
        }
        var fields = new JsonFields(inner);
        T value = read(fields);
        if (fields.Fault is { } fault) Fail($"{name}.{fault}");
        return value;
    }

    /// <summary>Null, or a nested object.</summary>
    public Option<T> Maybe<T>(string name, Func<JsonFields, T> read)
        where T : notnull =>
        members.Find(name) is JsonValue.Nothing ? Option<T>.None : Some(Nested(name, read));

    /// <summary>Null, or a string that <paramref name="tryParse"/> takes.</summary>
    public Option<T> MaybeParsed<T>(string name, TryParse<T> tryParse)
        where T : notnull =>
        members.Find(name) is JsonValue.Nothing ? Option<T>.None : Some(Parsed(name, tryParse));

    /// <summary>Strings, at most <paramref name="max"/>.</summary>
    public ImmutableArray<T> ListOf<T>(string name, int max, TryParse<T> tryParse)
    {
        if (members.Find(name) is not JsonValue.List list || list.Items.Length > max) return Bad(name, ImmutableArray<T>.Empty);
        var items = ImmutableArray.CreateBuilder<T>(list.Items.Length);
        foreach (JsonValue item in list.Items)
        {
            if (item is not JsonValue.Text text || !tryParse(text.Value, out T value)) return Bad(name, ImmutableArray<T>.Empty);
            items.Add(value);
        }
        return items.MoveToImmutable();
    }

    public T Bad<T>(string name, T value)
    {
        Fail(members.Find(name) is null ? $"{name}: missing" : $"{name}: not a valid value");
        return value;
    }

    private void Fail(string fault)
    {
        // Inside a missing object everything is missing: the outer fault says it better.
        if (!isMissing) _fault ??= fault;
    }
}
