using System.Collections.Immutable;
using System.Globalization;

namespace JumpingVpn.Node.Configuration;

/// <summary>
/// Reads one mapping of a configuration file. Every problem goes to the shared list and reading goes on with a default, so
/// that all errors come at once. <see cref="Done"/> reports keys that nobody asked for.
/// </summary>
public sealed class Section
{
    // A longer list of known keys would bury the message.
    private const int MostNames = 12;

    private readonly ConfigurationErrors errors;
    private readonly string path;
    private readonly Dictionary<string, ConfigEntry> entries = new(StringComparer.Ordinal);
    private readonly List<string> known = [];

    public Section(ConfigurationErrors errors, string path, ConfigNode.Mapping mapping)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        this.errors = errors;
        this.path = path;
        Line = mapping.Line;
        foreach (ConfigEntry entry in mapping.Entries)
        {
            if (entries.TryGetValue(entry.Key, out ConfigEntry? first)) Fail(entry.Line, entry.Key, $"given twice, first on line {first.Line}");
            else entries.Add(entry.Key, entry);
        }
    }

    public int Line { get; }

    /// <summary>The line of a key, or of the section where the key is absent.</summary>
    public int LineOf(string key) => entries.TryGetValue(key, out ConfigEntry? entry) ? entry.Line : Line;

    /// <summary>The value of a key; null if it is absent or nothing was written after it (which is an error).</summary>
    public ConfigNode? Find(string key)
    {
        known.Add(key);
        if (!entries.TryGetValue(key, out ConfigEntry? entry)) return null;
        if (entry.Value is not ConfigNode.Scalar { IsMissing: true }) return entry.Value;
        Fail(entry.Line, key, "has no value");
        return null;
    }

    public bool Has(string key) => entries.ContainsKey(key);

    /// <summary>Says that a key is missing.</summary>
    public void Require(string key, string hint)
    {
        if (!entries.ContainsKey(key)) Fail(Line, key, $"is missing ({hint})");
    }

    /// <summary>A text; null if absent or wrong.</summary>
    public ConfigNode.Scalar? Scalar(string key)
    {
        ConfigNode? node = Find(key);
        if (node is null or ConfigNode.Scalar) return (ConfigNode.Scalar?)node;
        Fail(node.Line, key, "must be a single value");
        return null;
    }

    /// <summary>A nested mapping; null if absent or wrong.</summary>
    public Section? Nested(string key)
    {
        ConfigNode? node = Find(key);
        if (node is null) return null;
        if (node is ConfigNode.Mapping mapping) return new(errors, PathOf(key), mapping);
        Fail(node.Line, key, "must be a mapping, such as { key: value }");
        return null;
    }

    /// <summary>An element of the list under <paramref name="key"/>.</summary>
    public Section Item(string key, int index, ConfigNode.Mapping mapping) =>
        new(errors, $"{PathOf(key)}[{index.ToString(CultureInfo.InvariantCulture)}]", mapping);

    /// <summary>A list; empty if absent or wrong.</summary>
    public ImmutableArray<ConfigNode> List(string key)
    {
        ConfigNode? node = Find(key);
        if (node is null) return [];
        if (node is ConfigNode.Sequence sequence) return sequence.Items;
        Fail(node.Line, key, "must be a list, such as [one, two]");
        return [];
    }

    /// <summary>True if the key holds a list without elements.</summary>
    public bool IsEmptyList(string key) =>
        entries.TryGetValue(key, out ConfigEntry? entry) && entry.Value is ConfigNode.Sequence { Items.IsEmpty: true };

    /// <summary>Texts of a list, each with its line; what is not a text is an error.</summary>
    public IEnumerable<(ConfigNode.Scalar Scalar, string Key)> Scalars(string key)
    {
        int index = 0;
        foreach (ConfigNode item in List(key))
        {
            string name = $"{key}[{index++.ToString(CultureInfo.InvariantCulture)}]";
            if (item is ConfigNode.Scalar { IsMissing: false } scalar) yield return (scalar, name);
            else Fail(item.Line, name, "must be a single value");
        }
    }

    /// <summary>A span of time within bounds; <paramref name="fallback"/> if absent or wrong.</summary>
    public TimeSpan Duration(string key, TimeSpan fallback, TimeSpan min, TimeSpan max)
    {
        if (Scalar(key) is not { } scalar) return fallback;
        if (!Configuration.Duration.TryParse(scalar.Text, out TimeSpan span))
            Fail(scalar.Line, key, $"{Printable.Quoted(scalar.Text)} is no duration; write one as 250ms, 30s, 5m, 12h or 90d");
        else if (span < min || span > max)
            Fail(scalar.Line, key, $"{scalar.Text} is out of range; {Configuration.Duration.Format(min)} to {Configuration.Duration.Format(max)} is allowed");
        else return span;
        return fallback;
    }

    /// <summary>A whole number within bounds; <paramref name="fallback"/> if absent or wrong.</summary>
    public int Integer(string key, int fallback, int min, int max)
    {
        if (Scalar(key) is not { } scalar) return fallback;
        if (!int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
            Fail(scalar.Line, key, $"{Printable.Quoted(scalar.Text)} is no whole number");
        else if (number < min || number > max)
            Fail(scalar.Line, key, string.Create(CultureInfo.InvariantCulture, $"{number} is out of range; {min} to {max} is allowed"));
        else return number;
        return fallback;
    }

    /// <summary>A number of bytes within bounds; <paramref name="fallback"/> if absent or wrong.</summary>
    public long Size(string key, long fallback, long min, long max)
    {
        if (Scalar(key) is not { } scalar) return fallback;
        if (ByteSize.TryParse(scalar.Text, out long bytes) && bytes >= min && bytes <= max) return bytes;
        Fail(scalar.Line, key, $"{Printable.Quoted(scalar.Text)} is no size between {ByteSize.Format(min)} and {ByteSize.Format(max)}; write one as 64MiB or 1GiB");
        return fallback;
    }

    /// <summary>One of several words; <paramref name="fallback"/> if absent or wrong.</summary>
    public string Choice(string key, string fallback, params string[] choices)
    {
        if (Scalar(key) is not { } scalar) return fallback;
        if (choices.Contains(scalar.Text)) return scalar.Text;
        string? meant = Spelling.Suggest(scalar.Text, choices);
        Fail(scalar.Line, key, $"{Printable.Quoted(scalar.Text)} is not one of {string.Join(", ", choices)}" + (meant is null ? "" : $"; did you mean {meant}?"));
        return fallback;
    }

    /// <summary>Reports the keys that nobody has asked for; <paramref name="explanations"/> says why some of them are not here.</summary>
    public void Done(IReadOnlyDictionary<string, string>? explanations = null)
    {
        foreach (ConfigEntry entry in entries.Values)
        {
            if (known.Contains(entry.Key)) continue;
            if (explanations?.GetValueOrDefault(entry.Key) is string why) Fail(entry.Line, entry.Key, why);
            else if (Spelling.Suggest(entry.Key, known.Where(k => !entries.ContainsKey(k))) is string meant)
                Fail(entry.Line, entry.Key, $"unknown key; did you mean {meant}?");
            else
            {
                string[] names = [.. known.Distinct()];
                Fail(entry.Line, entry.Key, names.Length > MostNames ? "unknown key" : $"unknown key; known here: {string.Join(", ", names)}");
            }
        }
    }

    public void Fail(int line, string key, string problem) => errors.Add(line, PathOf(key), problem);

    private string PathOf(string key) => path.Length > 0 ? path + "." + key : key;
}
