namespace JumpingVpn.Node;

/// <summary>Text from outside, made fit for a terminal: no control character gets through, and nothing is endless.</summary>
public static class Printable
{
    /// <summary>Longest line that is printed, in characters.</summary>
    public const int MaxLine = 2000;

    /// <summary>Replaces control characters and cuts what is too long.</summary>
    public static string OneLine(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLine) text = text[..MaxLine] + "...";
        if (!text.Any(IsUnprintable)) return text;
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++) span[i] = IsUnprintable(source[i]) ? '?' : source[i];
        });
    }

    /// <summary>A value from a file, quoted and short.</summary>
    public static string Quoted(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.Length > 60 ? $"'{value[..60]}...'" : $"'{value}'";
    }

    // Control characters, halves of broken surrogate pairs, line separators and the marks that reverse a line's direction.
    private static bool IsUnprintable(char c) =>
        char.IsControl(c) || char.IsSurrogate(c) || c is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
