using System.Runtime.CompilerServices;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Node.Tests.Configuration;

/// <summary>docs/CONFIGURATION.md says what the program does.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void Every_knob_of_the_policy_is_documented_with_its_default_and_its_range()
    {
        string[] lines = File.ReadAllLines(Path.Combine(Root(), "docs", "CONFIGURATION.md"));
        Assert.All(PolicyKnobs.All, knob => Assert.Contains(Row(knob), lines));
    }

    /// <summary>The document's row for a knob.</summary>
    private static string Row(PolicyKnob knob) =>
        $"| `{knob.Name}` | {knob.Format(knob.Default)} | {knob.Format(knob.Min)} to {knob.Format(knob.Max)} | {knob.Summary} |";

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));
}
