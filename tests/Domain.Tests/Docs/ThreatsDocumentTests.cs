using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace JumpingVpn.Domain.Tests.Docs;

/// <summary>docs/THREATS.md and the source name the same requirements, and the tests that it names exist.</summary>
public sealed partial class ThreatsDocumentTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", ".."));
    private static readonly string Document = File.ReadAllText(Path.Combine(Root, "docs", "THREATS.md"));

    [Fact]
    public void Every_requirement_of_the_source_is_documented_and_the_other_way_round()
    {
        var documented = Requirement().Matches(Document).Select(match => match.Value).ToHashSet();
        var named = Sources("src").SelectMany(file => Requirement().Matches(File.ReadAllText(file))).Select(match => match.Value).ToHashSet();
        Assert.Equal(named.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_test_that_the_document_names_exists()
    {
        Dictionary<string, string> tests = Sources("tests").GroupBy(file => Path.GetFileNameWithoutExtension(file)!)
            .ToDictionary(group => group.Key, group => string.Concat(group.Select(File.ReadAllText)));
        foreach (string row in Document.Split('\n').Where(line => line.StartsWith("| REQ-", StringComparison.Ordinal)))
        {
            string cell = row.TrimEnd().Split('|')[^2];
            foreach (Match match in Test().Matches(cell))
            {
                Assert.True(tests.TryGetValue(match.Groups[1].Value, out string? text), "no test class " + match.Groups[1].Value);
                Assert.True(text!.Contains(match.Groups[2].Value, StringComparison.Ordinal), "no test " + match.Value);
            }
        }
    }

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    private static string ThisFile([CallerFilePath] string file = "") => file;

    [GeneratedRegex("REQ-[A-Z]+-[0-9]+")]
    private static partial Regex Requirement();

    [GeneratedRegex(@"`([A-Z]\w+)(?:\.(\w+))?`")]
    private static partial Regex Test();
}
