using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace JumpingVpn.Replay.Reports;

/// <summary>
/// Puts the page together. The policy in it allows exactly one script and one style, by their hashes, and nothing from anywhere: even if
/// something of a hostile file became markup, it would not run and could not call out. The same file gives the same bytes.
/// </summary>
internal static class ReportPage
{
    private static readonly ImmutableArray<string> Scripts = ["data.js", "scale.js", "paint.js", "timeline.js", "table.js", "detail.js", "page.js"];

    public static void Write(ReportSource source, Stream output)
    {
        var content = ReportContent.Of(source.Incident);
        string style = "\n" + Resource("page.css"), script = "\n" + string.Concat(Scripts.Select(Resource));
        foreach (string piece in (ReportFile.Beginning + Resource("page.html")).Split("{{", StringSplitOptions.None))
        {
            int end = piece.IndexOf("}}", StringComparison.Ordinal);
            if (end >= 0) Fill(piece[..end]);
            Put(end >= 0 ? piece[(end + 2)..] : piece);
        }

        void Put(string text) => output.Write(Encoding.UTF8.GetBytes(text));

        void Fill(string place)
        {
            switch (place)
            {
                case "policy":
                    Put($"default-src 'none'; script-src 'sha256-{Digest(script)}'; style-src 'sha256-{Digest(style)}'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'");
                    break;
                case "style":
                    Put(style);
                    break;
                case "script":
                    Put(script);
                    break;
                case "session":
                    Put(new Html().Text(source.Incident.Session.ToString()).ToString());
                    break;
                case "verdict":
                    Put(ReportSummary.Verdict(source));
                    break;
                case "facts":
                    Put(ReportSummary.Facts(source, content));
                    break;
                case "appendix":
                    Put(ReportSummary.Appendix(source.Incident));
                    break;
                case "data":
                    ReportData.Write(content, output);
                    break;
                default:
                    throw new InvalidOperationException($"the page has no '{place}'");
            }
        }
    }

    private static string Digest(string text) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Resource(string name)
    {
        using Stream stream = typeof(ReportPage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"the program lacks its resource {name}");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
