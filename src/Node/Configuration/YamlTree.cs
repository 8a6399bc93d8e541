using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace JumpingVpn.Node.Configuration;

/// <summary>
/// Reads one YAML document into <see cref="ConfigNode"/>s. Built from the parser's events and not with YamlStream, because
/// that one stops at the first repeated key and recurses as deep as the file says. Anchors, aliases and tags are refused:
/// nobody needs them here, and they make small files large.
/// </summary>
public static class YamlTree
{
    /// <summary>Deepest nesting that is read; the configuration needs five levels.</summary>
    public const int MaxDepth = 16;

    /// <summary>Gives the document's root, or the one error that stopped the parser.</summary>
    public static bool TryParse(string file, string text, [NotNullWhen(true)] out ConfigNode? root, [NotNullWhen(false)] out ConfigurationError? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        root = null;
        error = null;
        using var reader = new StringReader(text);
        var scanner = new Scanner(reader, skipComments: true);
        try
        {
            if (DepthOf(text) is int deep and > 0) throw new RefusedException(deep, TooDeep);
            var parser = new Parser(scanner);
            parser.MoveNext(); // the stream starts
            if (!parser.MoveNext() || parser.Current is not DocumentStart) throw new RefusedException(0, "the file is empty");
            parser.MoveNext();
            ConfigNode read = Read(parser, 0);
            parser.MoveNext(); // the document ends
            if (parser.MoveNext() && parser.Current is DocumentStart second)
                throw new RefusedException(LineOf(second), "a second document begins here; a configuration is one");
            root = read;
            return true;
        }
        catch (RefusedException e)
        {
            error = new(file, e.Line, "", e.Message);
        }
        catch (YamlException e)
        {
            error = new(file, (int)Math.Max(1, e.Start.Line), "", "not YAML: " + Reason(e));
        }
        // The scanner is known to trip over some malformed input with these.
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or IndexOutOfRangeException or FormatException or OverflowException)
        {
            error = new(file, (int)Math.Max(1, scanner.CurrentPosition.Line), "", "not YAML: something before this line was left open, such as a bracket, a brace or a quote");
        }
        return false;
    }

    private const string TooDeep = "nested too deeply";

    private static ConfigNode Read(Parser parser, int depth)
    {
        ParsingEvent current = parser.Current!;
        int line = LineOf(current);
        if (depth > MaxDepth) throw new RefusedException(line, TooDeep);
        if (current is NodeEvent { Anchor.IsEmpty: false } or AnchorAlias)
            throw new RefusedException(line, "anchors and aliases (& and *) are not supported; quote a text that begins so");
        if (current is NodeEvent { Tag.IsEmpty: false })
            throw new RefusedException(line, "tags (!) are not supported; quote a text that begins so");
        switch (current)
        {
            case YamlDotNet.Core.Events.Scalar scalar:
                return new ConfigNode.Scalar(line, scalar.Value, scalar.Style is not ScalarStyle.Plain);
            case SequenceStart:
                var items = ImmutableArray.CreateBuilder<ConfigNode>();
                while (parser.MoveNext() && parser.Current is not SequenceEnd) items.Add(Read(parser, depth + 1));
                return new ConfigNode.Sequence(line, items.ToImmutable());
            case MappingStart:
                var entries = ImmutableArray.CreateBuilder<ConfigEntry>();
                while (parser.MoveNext() && parser.Current is not MappingEnd)
                {
                    int keyLine = LineOf(parser.Current!);
                    if (Read(parser, depth + 1) is not ConfigNode.Scalar key)
                        throw new RefusedException(keyLine, "a key must be a plain word");
                    parser.MoveNext();
                    entries.Add(new(key.Text, keyLine, Read(parser, depth + 1)));
                }
                return new ConfigNode.Mapping(line, entries.ToImmutable());
            default:
                throw new RefusedException(line, "unexpected end");
        }
    }

    /// <summary>The first line on which brackets or dashes nest so deeply that the parser itself would suffer; 0 if there is none.</summary>
    private static int DepthOf(string text)
    {
        int line = 1, open = 0, dashes = 0;
        foreach (char c in text)
        {
            switch (c)
            {
                case '\n': line++; dashes = 0; break;
                case '[' or '{': open++; break;
                case ']' or '}': open = Math.Max(0, open - 1); break;
                case '-' or '?': dashes++; break;
                case ' ': break;
                default: dashes = 0; break;
            }
            // Far above what is read, so that brackets and dashes inside quoted texts and comments do no harm.
            if (open > 2000 || dashes > 2000) return line;
        }
        return 0;
    }

    private static int LineOf(ParsingEvent e) => (int)e.Start.Line;

    // The library's own messages may begin with a position, which the line number says already.
    private static string Reason(YamlException e)
    {
        int position = e.Message.IndexOf("): ", StringComparison.Ordinal);
        return e.Message.StartsWith('(') && position > 0 ? e.Message[(position + 3)..] : e.Message;
    }

    private sealed class RefusedException(int line, string message) : Exception(message)
    {
        public int Line { get; } = line;
    }
}
