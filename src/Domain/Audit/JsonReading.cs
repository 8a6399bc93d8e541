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
            if (ReadValue(ref reader, out JsonValue value) is { } fault) return fault;
            return reader.Read() ? "more follows after the value" : value;
        }
        // The platform's reader reports bad text by throwing; here bad text is an expected outcome.
        catch (JsonException e)
        {
            return $"no JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine}";
        }
        catch (EncoderFallbackException)
        {
            return UnwritableText;
        }
    }

    /// <summary>Null, and the value that the reader stands on; otherwise what is wrong with it.</summary>
    private static string? ReadValue(ref Utf8JsonReader reader, out JsonValue value)
    {
        value = JsonValue.Null;
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.True:
                value = JsonValue.True;
                return null;
            case JsonTokenType.False:
                value = JsonValue.False;
                return null;
            case JsonTokenType.Number:
                return ReadNumber(ref reader, out value);
            case JsonTokenType.String:
                if (!TryReadText(ref reader, out string text)) return UnwritableText;
                value = new JsonValue.Text(text);
                return null;
            case JsonTokenType.StartArray:
                return ReadList(ref reader, out value);
            case JsonTokenType.StartObject:
                return ReadMembers(ref reader, out value);
            default:
                return $"{reader.TokenType} is no value";
        }
    }

    private static string? ReadNumber(ref Utf8JsonReader reader, out JsonValue value)
    {
        value = JsonValue.Null;
        if (reader.ValueSpan.ContainsAny((byte)'.', (byte)'e', (byte)'E')) return $"{Encoding.ASCII.GetString(reader.ValueSpan)} is not an integer";
        if (!reader.TryGetInt64(out long number) || number is < -JsonValue.MaxNumber or > JsonValue.MaxNumber)
            return $"{Encoding.ASCII.GetString(reader.ValueSpan)} is beyond 2^53 - 1";
        value = new JsonValue.Number(number);
        return null;
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

    private static string? ReadList(ref Utf8JsonReader reader, out JsonValue value)
    {
        value = JsonValue.Null;
        ImmutableArray<JsonValue>.Builder items = ImmutableArray.CreateBuilder<JsonValue>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (ReadValue(ref reader, out JsonValue item) is { } fault) return fault;
            items.Add(item);
        }
        value = new JsonValue.List(items.DrainToImmutable());
        return null;
    }

    private static string? ReadMembers(ref Utf8JsonReader reader, out JsonValue value)
    {
        value = JsonValue.Null;
        ImmutableArray<(string Name, JsonValue Value)>.Builder members = ImmutableArray.CreateBuilder<(string, JsonValue)>(16);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (!TryReadText(ref reader, out string name)) return UnwritableText;
            reader.Read();
            if (ReadValue(ref reader, out JsonValue member) is { } fault) return fault;
            members.Add((name, member));
        }
        JsonValue.Members.Sort(members);
        for (int i = 1; i < members.Count; i++)
            if (members[i].Name == members[i - 1].Name) return $"the member {members[i].Name} stands twice";
        value = new JsonValue.Members(members.DrainToImmutable());
        return null;
    }
}
