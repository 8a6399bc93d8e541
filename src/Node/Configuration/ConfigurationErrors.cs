namespace JumpingVpn.Node.Configuration;

/// <summary>The problems of one file, gathered while it is read; bounded, because a hostile file could have millions.</summary>
public sealed class ConfigurationErrors(string file)
{
    /// <summary>Most problems that are reported.</summary>
    public const int Max = 100;

    private readonly List<ConfigurationError> errors = [];
    private int left;

    public string File { get; } = file;

    public bool Any => errors.Count > 0;

    public void Add(int line, string field, string problem)
    {
        var error = new ConfigurationError(File, line, field, problem);
        // A key may be looked at more than once.
        if (errors.Contains(error)) return;
        if (errors.Count < Max) errors.Add(error);
        else left++;
    }

    /// <summary>In the file's order.</summary>
    public IReadOnlyList<ConfigurationError> InOrder()
    {
        List<ConfigurationError> sorted = [.. errors.OrderBy(e => e.Line)];
        if (left > 0) sorted.Add(new(File, 0, "", $"and {left} more"));
        return sorted;
    }
}
