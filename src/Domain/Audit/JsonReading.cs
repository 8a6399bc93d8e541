using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using LanguageExt;

namespace JumpingVpn.Domain.Audit;

/// <summary>Reads JSON text (RFC 8259) into <see cref="JsonValue"/>: total, strict, bounded in depth.</summary>
internal static class JsonReading
{
    /// <summary>How deep objects and arrays may nest.</summary>
    public const int MaxDepth = 64;

    private const string UnwritableText = "a string holds U+0000 or a lone surrogate";

    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, true);

    public static Either<string, JsonValue> Read(string text)
    {
        try
        {
            byte[] bytes = StrictUtf8.GetBytes(text);
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaxDepth });
            if (!reader.Read()) return "the text is empty";
            Either<string, JsonValue> value = ReadValue(ref reader);
            return value.IsRight && reader.Read() ? "more follows after the value" : value;
        }
        // The platform's reader reports bad text by throwing; here bad text is an expected outcome.
        catch (JsonException e)
        {
            return $"no JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine}";
        }
        catch (EncoderFallbackException)
        {
            return "the text holds a lone surrogate";
        }
    }

    private static Either<string, JsonValue> ReadValue(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Null => JsonValue.Null,
        JsonTokenType.True => JsonValue.True,
        JsonTokenType.False => JsonValue.False,
        JsonTokenType.Number => ReadNumber(ref reader),
        JsonTokenType.String => TryReadText(ref reader, out string text) ? new JsonValue.Text(text) : UnwritableText,
        JsonTokenType.StartArray => ReadList(ref reader),
        JsonTokenType.StartObject => ReadMembers(ref reader),
        _ => $"{reader.TokenType} is no value",
    };

    private static Either<string, JsonValue> ReadNumber(ref Utf8JsonReader reader)
    {
        string text = Encoding.ASCII.GetString(reader.ValueSpan);
        if (text.AsSpan().ContainsAny('.', 'e', 'E')) return $"{text} is not an integer";
        return reader.TryGetInt64(out long number) && number is >= -JsonValue.MaxNumber and <= JsonValue.MaxNumber
            ? new JsonValue.Number(number)
            : $"{text} is beyond 2^53 - 1";
    }

    private static bool TryReadText(ref Utf8JsonReader reader, out string text)
    {
        text = "";
        try
        {
            text = reader.GetString() ?? "";
        }
        // An escaped lone surrogate.
        catch (InvalidOperationException)
        {
            return false;
        }
        return JsonValue.Text.IsWritable(text);
    }

    private static Either<string, JsonValue> ReadList(ref Utf8JsonReader reader)
    {
        ImmutableArray<JsonValue>.Builder items = ImmutableArray.CreateBuilder<JsonValue>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Either<string, JsonValue> item = ReadValue(ref reader);
            if (item.IsLeft) return item;
            items.Add((JsonValue)item);
        }
        return new JsonValue.List(items.ToImmutable());
    }

    private static Either<string, JsonValue> ReadMembers(ref Utf8JsonReader reader)
    {
        ImmutableArray<(string, JsonValue)>.Builder members = ImmutableArray.CreateBuilder<(string, JsonValue)>();
        var names = new System.Collections.Generic.HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (!TryReadText(ref reader, out string name)) return UnwritableText;
            if (!names.Add(name)) return $"the member {name} stands twice";
            reader.Read();
            Either<string, JsonValue> value = ReadValue(ref reader);
            if (value.IsLeft) return value;
            members.Add((name, (JsonValue)value));
        }
        return new JsonValue.Members(members.ToImmutable());
    }
}
