using System.Runtime.CompilerServices;

namespace JumpingVpn.Domain.Tests.Docs;

/// <summary>docs/PROTOCOL.md, taken apart: sections with the rows of their tables.</summary>
internal static class ProtocolDocument
{
    private static readonly string[] Lines = File.ReadAllLines(
        Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "docs", "PROTOCOL.md"));

    /// <summary>The cells of all table rows under the heading that begins so, without headings of tables; code marks are taken off.</summary>
    public static List<string[]> Rows(string heading)
    {
        int start = Array.FindIndex(Lines, line => line.StartsWith('#') && line.TrimStart('#', ' ').StartsWith(heading, StringComparison.Ordinal));
        Assert.True(start >= 0, "docs/PROTOCOL.md has no section " + heading);
        var rows = new List<string[]>();
        for (int i = start + 1; i < Lines.Length && !Lines[i].StartsWith('#'); i++)
        {
            if (!Lines[i].StartsWith('|') || Lines[i].StartsWith("|---", StringComparison.Ordinal)) continue;
            if (i + 1 < Lines.Length && Lines[i + 1].StartsWith("|---", StringComparison.Ordinal)) continue;
            rows.Add([.. Lines[i].Trim('|', ' ').Split('|').Select(cell => cell.Trim().Trim('`'))]);
        }
        Assert.True(rows.Count > 0, "docs/PROTOCOL.md has no table under " + heading);
        return rows;
    }

    private static string ThisFile([CallerFilePath] string file = "") => file;
}
