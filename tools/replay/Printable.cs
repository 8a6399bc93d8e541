namespace JumpingVpn.Replay;

/// <summary>Text from a file, made fit for a terminal: no control character gets through, and nothing is endless.</summary>
internal static class Printable
{
    /// <summary>Longest line that is printed, in characters: a command, a session and two events fit.</summary>
    public const int MaxLine = 8000;

    public static string OneLine(string text)
    {
        if (text.Length > MaxLine) text = text[..MaxLine] + "...";
        return text.Any(IsUnprintable) ? string.Concat(text.Select(static c => IsUnprintable(c) ? '?' : c)) : text;
    }

    // Control characters, line separators and the marks that reverse a line's direction.
    private static bool IsUnprintable(char c) => char.IsControl(c) || c is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
