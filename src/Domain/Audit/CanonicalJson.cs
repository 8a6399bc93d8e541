using System.Globalization;
using System.Text;
using LanguageExt;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// A JSON text in canonical form (RFC 8785, without fractions): equal values have equal bytes, so a hash over them survives
/// a database that re-orders members or rewrites white space.
/// </summary>
public sealed record CanonicalJson
{
    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, true);

    private CanonicalJson(string text) => Text = text;

    /// <summary>The canonical text of null.</summary>
    public static readonly CanonicalJson Null = From(JsonValue.Null);

    /// <summary>The canonical text.</summary>
    public string Text { get; }

    /// <summary>The canonical form of <paramref name="value"/>.</summary>
    public static CanonicalJson From(JsonValue value)
    {
        var output = new StringBuilder(256);
        Append(output, value);
        return new(output.ToString());
    }

    /// <summary>
    /// Reads any JSON text and brings it into canonical form. Left, with the reason, for what is no JSON, names a member twice,
    /// nests deeper than 64, or holds a fraction, an exponent, an integer beyond 2^53 - 1, U+0000 or a lone surrogate.
    /// </summary>
    public static Either<string, CanonicalJson> Parse(string text) => JsonReading.Read(text).Map(From);

    /// <summary>What a writer of canonical text has written.</summary>
    internal static CanonicalJson Written(CanonicalBuffer output) => new(output.ToString());

    /// <summary>The value that the text stands for.</summary>
    public JsonValue ToValue() =>
        JsonReading.Read(Text).Match(Right: static value => value, Left: static reason => throw new InvalidOperationException(reason));

    /// <summary>The text as UTF-8: what is hashed.</summary>
    public byte[] ToUtf8() => StrictUtf8.GetBytes(Text);

    public override string ToString() => Text;

    internal static void Append(StringBuilder output, JsonValue value)
    {
        switch (value)
        {
            case JsonValue.Nothing:
                output.Append("null");
                break;
            case JsonValue.Boolean boolean:
                output.Append(boolean.Value ? "true" : "false");
                break;
            case JsonValue.Number number:
                output.Append(CultureInfo.InvariantCulture, $"{number.Value}");
                break;
            case JsonValue.Text text:
                AppendString(output, text.Value);
                break;
            case JsonValue.List list:
                output.Append('[');
                for (int i = 0; i < list.Items.Length; i++)
                {
                    if (i > 0) output.Append(',');
                    Append(output, list.Items[i]);
                }
                output.Append(']');
                break;
            case JsonValue.Members members:
                output.Append('{');
                for (int i = 0; i < members.Sorted.Length; i++)
                {
                    if (i > 0) output.Append(',');
                    AppendString(output, members.Sorted[i].Name);
                    output.Append(':');
                    Append(output, members.Sorted[i].Value);
                }
                output.Append('}');
                break;
            default:
                throw new InvalidOperationException($"{value.GetType().Name} is no JSON value");
        }
    }

    /// <summary>RFC 8785, 3.2.2.2: the short escapes, \u00xx in lower case for other control characters, the rest as it is.</summary>
    internal static void AppendString(StringBuilder output, string text)
    {
        output.Append('"');
        int written = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c is >= ' ' and not '"' and not '\\') continue;
            output.Append(text, written, i - written);
            written = i + 1;
            switch (c)
            {
                case '"': output.Append("\\\""); break;
                case '\\': output.Append("\\\\"); break;
                case '\b': output.Append("\\b"); break;
                case '\t': output.Append("\\t"); break;
                case '\n': output.Append("\\n"); break;
                case '\f': output.Append("\\f"); break;
                case '\r': output.Append("\\r"); break;
                default: output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
            }
        }
        output.Append(text, written, text.Length - written).Append('"');
    }
}
