using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace JumpingVpn.Replay.Reports;

/// <summary>HTML under construction. Whatever comes from a file goes through <see cref="Text"/>; markup is only what the program itself says.</summary>
internal sealed class Html
{
    private readonly StringBuilder _output = new();

    public Html Markup(string markup)
    {
        _output.Append(markup);
        return this;
    }

    public Html Text(string text)
    {
        _output.Append(HtmlEncoder.Default.Encode(Printable.OneLine(text)));
        return this;
    }

    public Html Text(FormattableString text) => Text(text.ToString(CultureInfo.InvariantCulture));

    public Html Element(string name, string text) => Markup($"<{name}>").Text(text).Markup($"</{name.Split(' ')[0]}>");

    /// <summary>A table that scrolls by itself where it is wider than the page. Rows beyond the limit are counted, not shown.</summary>
    public Html Table(string caption, IReadOnlyList<string> columns, IReadOnlyCollection<IReadOnlyList<string>> rows)
    {
        Markup("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"").Text(caption).Markup("\"><table><caption>").Text(caption).Markup("</caption><thead><tr>");
        foreach (string column in columns) Element("th scope=\"col\"", column);
        Markup("</tr></thead><tbody>");
        foreach (IReadOnlyList<string> row in rows.Take(ReportLimits.SummaryRows))
        {
            Markup("<tr>");
            foreach (string cell in row) Element("td", cell);
            Markup("</tr>");
        }
        Markup("</tbody></table></div>\n");
        return rows.Count > ReportLimits.SummaryRows
            ? Markup("<p class=\"note\">").Text($"{rows.Count - ReportLimits.SummaryRows} more rows are left out.").Markup("</p>\n")
            : this;
    }

    public override string ToString() => _output.ToString();
}
