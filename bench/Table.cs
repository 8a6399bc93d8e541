namespace JumpingVpn.Bench;

/// <summary>A Markdown table with aligned columns: for people, and for pasting.</summary>
internal static class Table
{
    public static void Write(TextWriter writer, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        int[] widths = [.. header.Select((title, column) => Math.Max(title.Length, rows.Select(row => row[column].Length).DefaultIfEmpty().Max()))];
        WriteRow(writer, header, widths);
        WriteRow(writer, [.. widths.Select(width => new string('-', width))], widths);
        foreach (IReadOnlyList<string> row in rows) WriteRow(writer, row, widths);
    }

    private static void WriteRow(TextWriter writer, IReadOnlyList<string> cells, int[] widths) =>
        writer.WriteLine("| " + string.Join(" | ", cells.Select((cell, column) => cell.PadRight(widths[column]))) + " |");
}
