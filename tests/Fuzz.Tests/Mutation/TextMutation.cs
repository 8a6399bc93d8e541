using System.Text;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Mutation;

/// <summary>
/// Changes texts by their tokens (JSON: strings, numbers, punctuation) or by their lines and values (YAML). What comes out may be no
/// text at all: bytes are changed too.
/// </summary>
internal static class TextMutation
{
    private static readonly string[] JsonPieces =
    [
        "{", "}", "[", "]", ":", ",", "\"", "null", "true", "false", "0", "-0", "-1", "1.5", "1e9", "9007199254740991", "9007199254740992", "-9223372036854775808",
        "\"9223372036854775807\"", "\"9223372036854775808\"", "\"-1\"", "\"0\"", "\"\"", "\"00000000000000000000000000000000\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\u202e\"", "{}", "[]",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":", "\"ffffffffffffffffffffffffffffffff\"", "\"65536\"", "/**/", "\"1970-01-01\"", "\u2028", "\uFEFF",
    ];

    private static readonly string[] YamlPieces =
    [
        "- ", "? ", ": ", "{", "}", "[", "]", ",", "&a ", "*a", "!!str ", "!x ", "|\n", ">\n", "\"", "'", "#", "%YAML 1.2\n", "---\n", "...\n", "\t", "~", "null", "<<: ", "1e999", "-1", "0",
        "99999999999999999999", "1000000d", "0ms", "1.5s", "0x10", "\\x00", "\\u202e", "::", "10.0.0.0/33", "[::]:99999", "0.0.0.0:0", "../../../etc/passwd", "/", ".", "\u0085", "\uFEFF", "yes",
    ];

    public static byte[] Json(SimRandom random, byte[] original, IReadOnlyList<byte[]> others) => Mutate(random, original, others, Tokens, JsonPieces);

    public static byte[] Yaml(SimRandom random, byte[] original, IReadOnlyList<byte[]> others) =>
        Mutate(random, original, others, random.Chance(50) ? Lines : Words, YamlPieces);

    private static byte[] Mutate(SimRandom random, byte[] original, IReadOnlyList<byte[]> others, Func<string, List<string>> cut, string[] pieces)
    {
        List<string> tokens = cut(Encoding.UTF8.GetString(original));
        for (int i = random.Chance(50) ? 1 : random.Between(2, 5); i > 0; i--) Change(random, tokens, others, cut, pieces);
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(tokens));
        return random.Chance(15) ? ByteMutation.Mutate(random, bytes, [], others) : bytes;
    }

    private static void Change(SimRandom random, List<string> tokens, IReadOnlyList<byte[]> others, Func<string, List<string>> cut, string[] pieces)
    {
        if (tokens.Count == 0)
        {
            tokens.Add(random.Pick(pieces));
            return;
        }
        int at = random.Below(tokens.Count), length = Math.Min(random.Chance(60) ? 1 : random.Between(2, 12), tokens.Count - at);
        switch (random.Below(9))
        {
            case 0:
                tokens.RemoveRange(at, length);
                break;
            case 1:
                tokens.InsertRange(at, tokens.GetRange(at, length));
                break;
            case 2:
                tokens.InsertRange(random.Below(tokens.Count), tokens.GetRange(at, length));
                break;
            case 3:
                tokens[at] = random.Pick(pieces);
                break;
            case 4:
                tokens.Insert(at, random.Pick(pieces));
                break;
            case 5:
                int other = random.Below(tokens.Count);
                (tokens[at], tokens[other]) = (tokens[other], tokens[at]);
                break;
            case 6:
                List<string> foreign = cut(Encoding.UTF8.GetString(random.Pick(others)));
                if (foreign.Count == 0) break;
                int from = random.Below(foreign.Count);
                tokens.InsertRange(at, foreign.GetRange(from, Math.Min(length, foreign.Count - from)));
                break;
            case 7:
                tokens[at] = Scrape(random, tokens[at]);
                break;
            default:
                // The same again and again: what grows with the square of its input shows.
                string repeated = random.Pick(pieces);
                tokens.Insert(at, string.Concat(Enumerable.Repeat(repeated, random.Pick([2, 70, 1_000]))));
                break;
        }
    }

    /// <summary>Another character inside a token.</summary>
    private static string Scrape(SimRandom random, string token)
    {
        if (token.Length == 0) return "0";
        int at = random.Below(token.Length);
        const string alphabet = "0129afgzAF-_.:/\\\"'{}[],#*&!\u0000\u0007\n\t\u00e4\u2028";
        return string.Concat(token.AsSpan(0, at), alphabet[random.Below(alphabet.Length)].ToString(), token.AsSpan(at + (random.Chance(50) ? 1 : 0)));
    }

    private static List<string> Lines(string text)
    {
        var lines = new List<string>();
        foreach (string line in text.Split('\n')) lines.Add(line + "\n");
        return lines;
    }

    private static List<string> Words(string text) => Cut(text, static (before, now) => before != now || before == 2, static c => char.IsLetterOrDigit(c) || c is '_' or '-' or '.' ? 0 : c == ' ' ? 1 : 2);

    private static List<string> Tokens(string text)
    {
        var tokens = new List<string>();
        for (int at = 0; at < text.Length;)
        {
            int end = at + 1;
            if (text[at] == '"')
            {
                while (end < text.Length && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
                end = Math.Min(text.Length, end + 1);
            }
            else if (char.IsLetterOrDigit(text[at]) || text[at] == '-')
            {
                while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] is '.' or '-')) end++;
            }
            tokens.Add(text[at..end]);
            at = end;
        }
        return tokens;
    }

    private static List<string> Cut(string text, Func<int, int, bool> isCut, Func<char, int> kind)
    {
        var pieces = new List<string>();
        int start = 0;
        for (int i = 1; i <= text.Length; i++)
        {
            if (i < text.Length && !isCut(kind(text[i - 1]), kind(text[i]))) continue;
            pieces.Add(text[start..i]);
            start = i;
        }
        return pieces;
    }
}
