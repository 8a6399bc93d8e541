namespace JumpingVpn.Node.Configuration;

/// <summary>Paths of a configuration file are relative to the directory that it lies in.</summary>
public sealed class FilePaths(string configurationFile)
{
    public string ConfigurationFile { get; } = configurationFile;

    public string Directory { get; } = Path.GetDirectoryName(configurationFile) ?? "/";

    public string Resolve(string path) => Path.GetFullPath(path, Directory);

    /// <summary>Reads a path under <paramref name="key"/>; null if absent or wrong.</summary>
    public string? Read(Section section, string key)
    {
        ArgumentNullException.ThrowIfNull(section);
        if (section.Scalar(key) is not { } scalar) return null;
        if (scalar.Text.Length is > 0 and <= 4096 && !scalar.Text.Contains('\0') && !scalar.Text.EndsWith('/')) return Resolve(scalar.Text);
        section.Fail(scalar.Line, key, $"{Printable.Quoted(scalar.Text)} is no path of a file");
        return null;
    }

    /// <summary>As <see cref="Read"/>, for a file that the node creates: its directory must exist.</summary>
    public string? ReadToCreate(Section section, string key)
    {
        if (Read(section, key) is not string path) return null;
        string directory = Path.GetDirectoryName(path) ?? "/";
        if (!System.IO.Directory.Exists(directory)) section.Fail(section.LineOf(key), key, $"the directory {directory} does not exist");
        else if (System.IO.Directory.Exists(path)) section.Fail(section.LineOf(key), key, $"{path} is a directory");
        return path;
    }
}
