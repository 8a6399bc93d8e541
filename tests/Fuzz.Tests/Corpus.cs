namespace JumpingVpn.Fuzz.Tests;

/// <summary>The committed seeds of a target, in the order of their names.</summary>
internal static class Corpus
{
    private static readonly string Root = Path.Combine(AppContext.BaseDirectory, "Corpus");

    public static IReadOnlyList<byte[]> Files(string folder) => [.. Paths(folder).Select(File.ReadAllBytes)];

    /// <summary>Each line of each file.</summary>
    public static IReadOnlyList<byte[]> Lines(string folder) =>
        [.. Paths(folder).SelectMany(File.ReadLines).Where(line => line.Length > 0).Select(System.Text.Encoding.UTF8.GetBytes)];

    private static IOrderedEnumerable<string> Paths(string folder) => Directory.GetFiles(Path.Combine(Root, folder)).Order(StringComparer.Ordinal);
}
