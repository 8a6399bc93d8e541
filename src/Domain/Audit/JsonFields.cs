using System.Buffers.Text;
using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static LanguageExt.Prelude;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// The members of one JSON object while they are read. The first member that is missing or no such value is remembered and the
/// rest read as defaults, so that readers are plain expressions; who asks for a value must look at <see cref="Fault"/> in the end.
/// </summary>
/// <param name="tokens">The text.</param>
/// <param name="at">The object in it; -1 for one that is missing.</param>
internal sealed class JsonFields(JsonTokens tokens, int at)
{
    /// <summary>The longest string that is looked at without being made one, in characters.</summary>
    private const int MaxShort = 128;

    private string? _fault;

    public string? Fault => _fault;

    /// <summary>The members of a whole text; Left, with the reason, if it is no object.</summary>
    public static Either<string, JsonFields> Read(string text)
    {
        if (!JsonValue.Text.IsWritable(text)) return "the text holds U+0000 or a lone surrogate";
        var tokens = new JsonTokens();
        if (tokens.Parse(System.Text.Encoding.UTF8.GetBytes(text)) is { } malformed) return malformed;
        return tokens.Kind(0) == JsonTokenKind.Members ? new JsonFields(tokens, 0) : "the line is no object";
    }

    public delegate bool TryParse<T>(ReadOnlySpan<char> text, out T value);

    public string Text(string name) => Find(name) is var token && Is(token, JsonTokenKind.Text) && tokens.Text(token) is { } text ? text : Bad(name, "");

    public long Int64(string name) =>
        Find(name) is var token && Is(token, JsonTokenKind.Text) && Utf8Parser.TryParse(tokens.Raw(token), out long value, out int read) && read == tokens.Raw(token).Length
            ? value
            : Bad(name, 0L);

    public ulong UInt64(string name) =>
        Find(name) is var token && Is(token, JsonTokenKind.Text) && Utf8Parser.TryParse(tokens.Raw(token), out ulong value, out int read) && read == tokens.Raw(token).Length
            ? value
            : Bad(name, 0UL);

    public int Int32(string name) => Number(name) is { } number and >= int.MinValue and <= int.MaxValue ? (int)number : Bad(name, 0);

    public uint UInt32(string name) => Number(name) is { } number and >= 0 and <= uint.MaxValue ? (uint)number : Bad(name, 0U);

    public Instant Instant(string name) => new(Int64(name));

    public bool Bool(string name) => Find(name) is var token && (Is(token, JsonTokenKind.True) || Is(token, JsonTokenKind.False))
        ? tokens.Kind(token) == JsonTokenKind.True
        : Bad(name, false);

    /// <summary>Null, or an integer of 64 bits.</summary>
    public long? MaybeInt64(string name) => IsNull(name) ? null : Int64(name);

    /// <summary>Any object, in canonical form.</summary>
    public CanonicalJson Canonical(string name) =>
        Find(name) is var token && Is(token, JsonTokenKind.Members)
            ? CanonicalJson.Parse(System.Text.Encoding.UTF8.GetString(tokens.Raw(token))).IfLeft(_ => Bad(name, CanonicalJson.Null))
            : Bad(name, CanonicalJson.Null);

    /// <summary>A string that <paramref name="tryParse"/> takes.</summary>
    public T Parsed<T>(string name, TryParse<T> tryParse)
    {
        T value = default!;
        return Find(name) is var token && Is(token, JsonTokenKind.Text) && TryRead(token, tryParse, out value) ? value : Bad(name, value);
    }

    public T Enum<T>(string name)
        where T : struct, Enum =>
        Find(name) is var token && Is(token, JsonTokenKind.Text) && EnumNames<T>.TryFind(tokens.Raw(token), out T value) ? value : Bad(name, default(T));

    /// <summary>A nested object.</summary>
    public T Nested<T>(string name, Func<JsonFields, T> read)
        where T : notnull
    {
        int token = Find(name);
        if (!Is(token, JsonTokenKind.Members))
        {
            // Inside a missing object everything is missing: this says it better.
            Bad(name, 0);
            return read(new JsonFields(tokens, -1));
        }
        var fields = new JsonFields(tokens, token);
        T value = read(fields);
        if (fields.Fault is { } fault) _fault ??= $"{name}.{fault}";
        return value;
    }

    /// <summary>Null, or a nested object.</summary>
    public Option<T> Maybe<T>(string name, Func<JsonFields, T> read)
        where T : notnull =>
        IsNull(name) ? Option<T>.None : Some(Nested(name, read));

    /// <summary>Null, or a string that <paramref name="tryParse"/> takes.</summary>
    public Option<T> MaybeParsed<T>(string name, TryParse<T> tryParse)
        where T : notnull =>
        IsNull(name) || Parsed(name, tryParse) is not { } value ? Option<T>.None : Some(value);

    /// <summary>Strings, at most <paramref name="max"/>.</summary>
    public ImmutableArray<T> ListOf<T>(string name, int max, TryParse<T> tryParse)
    {
        int list = Find(name);
        if (!Is(list, JsonTokenKind.List)) return Bad(name, ImmutableArray<T>.Empty);
        ImmutableArray<T>.Builder items = ImmutableArray.CreateBuilder<T>();
        for (int item = tokens.First(list); item >= 0; item = tokens.After(list, item))
        {
            if (items.Count == max || tokens.Kind(item) != JsonTokenKind.Text || !TryRead(item, tryParse, out T value)) return Bad(name, ImmutableArray<T>.Empty);
            items.Add(value);
        }
        return items.DrainToImmutable();
    }

    public T Bad<T>(string name, T value)
    {
        _fault ??= Find(name) < 0 ? $"{name}: missing" : $"{name}: not a valid value";
        return value;
    }

    private bool TryRead<T>(int token, TryParse<T> tryParse, out T value)
    {
        Span<char> text = stackalloc char[MaxShort];
        if (tokens.TryAscii(token, text, out int length)) return tryParse(text[..length], out value);
        value = default!;
        return tokens.Text(token) is { } whole && tryParse(whole, out value);
    }

    private long? Number(string name) =>
        Find(name) is var token && Is(token, JsonTokenKind.Number) && Utf8Parser.TryParse(tokens.Raw(token), out long value, out _) ? value : null;

    private bool IsNull(string name) => Is(Find(name), JsonTokenKind.Null);

    private int Find(string name) => at < 0 ? -1 : tokens.Find(at, name);

    private bool Is(int token, JsonTokenKind kind) => token >= 0 && tokens.Kind(token) == kind;

    /// <summary>The names of an enumeration, to be found without making a string.</summary>
    private static class EnumNames<T>
        where T : struct, Enum
    {
        private static readonly (string Name, T Value)[] All = [.. System.Enum.GetValues<T>().Select(static value => (value.ToString(), value))];

        public static bool TryFind(ReadOnlySpan<byte> text, out T value)
        {
            foreach ((string name, T candidate) in All)
            {
                if (!System.Text.Ascii.Equals(text, name)) continue;
                value = candidate;
                return true;
            }
            value = default;
            return false;
        }
    }
}
