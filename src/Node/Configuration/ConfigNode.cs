using System.Collections.Immutable;

namespace JumpingVpn.Node.Configuration;

/// <summary>A value in a configuration file, with the line it begins on (from 1).</summary>
public abstract record ConfigNode
{
    private ConfigNode(int line) => Line = line;

    public int Line { get; }

    /// <summary>A plain or quoted text; a plain empty one stands for "nothing was written".</summary>
    public sealed record Scalar(int At, string Text, bool Quoted) : ConfigNode(At)
    {
        public bool IsMissing => !Quoted && Text is "" or "~" or "null";
    }

    /// <summary>A list.</summary>
    public sealed record Sequence(int At, ImmutableArray<ConfigNode> Items) : ConfigNode(At);

    /// <summary>Keys and values in the file's order, repeated keys included.</summary>
    public sealed record Mapping(int At, ImmutableArray<ConfigEntry> Entries) : ConfigNode(At);
}

/// <summary>One key of a mapping and its value.</summary>
public sealed record ConfigEntry(string Key, int Line, ConfigNode Value);
