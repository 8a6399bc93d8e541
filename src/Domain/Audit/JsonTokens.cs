using System.Text;
using System.Text.Json;

namespace JumpingVpn.Domain.Audit;

/// <summary>What a token is.</summary>
internal enum JsonTokenKind : byte
{
    Null,
    True,
    False,
    Number,
    Text,
    List,
    Members,
}

/// <summary>
/// A JSON text as a flat list of its values: strict and bounded as <see cref="JsonReading"/>, without a tree. Tokens are used again with the
/// next text. It says nothing about members that stand twice or out of order; who needs that writes the value anew and compares.
/// For one thread.
/// </summary>
internal sealed class JsonTokens
{
    private byte[] _text = new byte[1024];
    private Token[] _tokens = new Token[64];
    private int _count;

    /// <summary>A value's place in the text.</summary>
    /// <param name="NameStart">Its member's name, without quotes; empty in a list.</param>
    /// <param name="Start">The value, of a string without its quotes.</param>
    /// <param name="Next">The token behind the value and all that is in it.</param>
    /// <param name="Escaped">True for a string with escapes.</param>
    private record struct Token(JsonTokenKind Kind, int NameStart, int NameLength, int Start, int Length, int Next, bool Escaped);

    /// <summary>Reads a text; null, or what is wrong with it.</summary>
    public string? Parse(ReadOnlySpan<byte> text)
    {
        if (_text.Length < text.Length) _text = new byte[text.Length * 2];
        text.CopyTo(_text);
        _count = 0;
        try
        {
            var reader = new Utf8JsonReader(_text.AsSpan(0, text.Length), new JsonReaderOptions { MaxDepth = JsonReading.MaxDepth });
            if (!reader.Read()) return "the text is empty";
            if (ReadValue(ref reader, 0, 0) is { } fault) return fault;
            return reader.Read() ? "more follows after the value" : null;
        }
        // The platform's reader reports bad text by throwing; here bad text is an expected outcome.
        catch (JsonException e)
        {
            return $"no JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine}";
        }
    }

    public JsonTokenKind Kind(int token) => _tokens[token].Kind;

    /// <summary>The text of a value as it stands, of a string without its quotes.</summary>
    public ReadOnlySpan<byte> Raw(int token) => _text.AsSpan(_tokens[token].Start, _tokens[token].Length);

    /// <summary>The first value inside of an object or list; -1 if it is empty.</summary>
    public int First(int token) => _tokens[token].Next > token + 1 ? token + 1 : -1;

    /// <summary>The value behind <paramref name="token"/> in <paramref name="parent"/>; -1 behind the last.</summary>
    public int After(int parent, int token) => _tokens[token].Next < _tokens[parent].Next ? _tokens[token].Next : -1;

    /// <summary>An object's member; -1 if it has none of that name.</summary>
    public int Find(int parent, string name)
    {
        for (int token = First(parent); token >= 0; token = After(parent, token))
            if (Ascii.Equals(_text.AsSpan(_tokens[token].NameStart, _tokens[token].NameLength), name)) return token;
        return -1;
    }

    /// <summary>A string's characters; null if it holds what no string may.</summary>
    public string? Text(int token)
    {
        if (!_tokens[token].Escaped) return Checked(Encoding.UTF8.GetString(Raw(token)));
        try
        {
            var reader = new Utf8JsonReader(_text.AsSpan(_tokens[token].Start - 1, _tokens[token].Length + 2));
            reader.Read();
            return Checked(reader.GetString() ?? "");
        }
        // An escaped lone surrogate.
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A string of plain ASCII, into <paramref name="into"/>; false for any other, or one that is longer.</summary>
    public bool TryAscii(int token, Span<char> into, out int length)
    {
        length = 0;
        return !_tokens[token].Escaped && Ascii.ToUtf16(Raw(token), into, out length) == System.Buffers.OperationStatus.Done;
    }

    private static string? Checked(string text) => JsonValue.Text.IsWritable(text) ? text : null;

    private string? ReadValue(ref Utf8JsonReader reader, int nameStart, int nameLength)
    {
        int token = _count;
        int start = (int)reader.TokenStartIndex;
        if (_count == _tokens.Length) Array.Resize(ref _tokens, _count * 2);
        _count++;
        JsonTokenKind kind;
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                kind = JsonTokenKind.Null;
                break;
            case JsonTokenType.True:
                kind = JsonTokenKind.True;
                break;
            case JsonTokenType.False:
                kind = JsonTokenKind.False;
                break;
            case JsonTokenType.Number:
                if (reader.ValueSpan.ContainsAny((byte)'.', (byte)'e', (byte)'E') || !reader.TryGetInt64(out long number)
                    || number is < -JsonValue.MaxNumber or > JsonValue.MaxNumber)
                    return $"{Encoding.ASCII.GetString(reader.ValueSpan)} is no integer within 2^53 - 1";
                kind = JsonTokenKind.Number;
                break;
            case JsonTokenType.String:
                _tokens[token] = new(JsonTokenKind.Text, nameStart, nameLength, start + 1, reader.ValueSpan.Length, _count, reader.ValueIsEscaped);
                return null;
            case JsonTokenType.StartArray:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    if (ReadValue(ref reader, 0, 0) is { } fault) return fault;
                kind = JsonTokenKind.List;
                break;
            case JsonTokenType.StartObject:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    int name = (int)reader.TokenStartIndex + 1, length = reader.ValueSpan.Length;
                    reader.Read();
                    if (ReadValue(ref reader, name, length) is { } fault) return fault;
                }
                kind = JsonTokenKind.Members;
                break;
            default:
                return $"{reader.TokenType} is no value";
        }
        _tokens[token] = new(kind, nameStart, nameLength, start, (int)reader.BytesConsumed - start, _count, false);
        return null;
    }
}
