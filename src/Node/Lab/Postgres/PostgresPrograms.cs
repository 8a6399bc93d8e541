using System.Globalization;

namespace JumpingVpn.Node.Lab.Postgres;

/// <summary>The installed PostgreSQL's own programs.</summary>
public static class PostgresPrograms
{
    private const int Oldest = 15;

    /// <summary>Where Debian keeps them, one directory for each version.</summary>
    private const string Root = "/usr/lib/postgresql";

    /// <summary>The directory of the newest version that is installed; null if none is, or only one that is too old.</summary>
    public static string? Directory { get; } = Find();

    /// <summary>One line that says what is missing, or null.</summary>
    public static string? Missing => Directory is null ? $"a PostgreSQL server is needed, version {Oldest} or later (package postgresql)" : null;

    /// <summary>The arguments that run one of them. The server refuses to run as root, so root runs it as the user `postgres`.</summary>
    public static (string Tool, IReadOnlyList<string> Arguments) Command(string program, params IReadOnlyList<string> arguments)
    {
        string path = Path.Combine(Directory ?? throw new LabException(Missing!), program);
        return LabNative.IsRoot
            ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", path, .. arguments])
            : (path, arguments);
    }

    /// <summary>Runs one of them to its end; its standard output.</summary>
    public static string Run(string program, params IReadOnlyList<string> arguments)
    {
        (string tool, IReadOnlyList<string> all) = Command(program, arguments);
        return LabCommand.Run(tool, all);
    }

    private static string? Find() => !System.IO.Directory.Exists(Root)
        ? null
        : System.IO.Directory.EnumerateDirectories(Root)
            .Where(static path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int version) && version >= Oldest
                && File.Exists(Path.Combine(path, "bin", "postgres")))
            .OrderByDescending(static path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
            .Select(static path => Path.Combine(path, "bin"))
            .FirstOrDefault();
}
