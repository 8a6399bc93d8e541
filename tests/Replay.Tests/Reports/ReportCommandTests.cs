using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Tests.Audit;

namespace JumpingVpn.Replay.Tests.Reports;

/// <summary>What `report` writes, and when it does not: no browser is needed to see that.</summary>
public sealed class ReportCommandTests : IDisposable
{
    private readonly Tool _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_same_file_gives_the_same_page_to_the_byte_and_only_its_owner_may_read_it()
    {
        string file = _files.Write("a.jvi", LongStory.Short(), LongStory.Around(125, 1));
        Make(file, "one.html");
        Make(file, "two.html");
        Assert.Equal(File.ReadAllBytes(_files["one.html"]), File.ReadAllBytes(_files["two.html"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_files["one.html"]));
        // An earlier report is replaced.
        Make(_files.Write("b.jvi", History.Story()), "one.html");
        Assert.NotEqual(File.ReadAllBytes(_files["one.html"]), File.ReadAllBytes(_files["two.html"]));
    }

    [Fact]
    public void A_page_names_no_address_to_load_from_and_its_policy_allows_none()
    {
        Make(_files.Write("a.jvi", LongStory.Short(), LongStory.Around(125, 1)), "a.html");
        string page = File.ReadAllText(_files["a.html"]);
        Assert.Contains("content=\"default-src 'none'; script-src 'sha256-", page, StringComparison.Ordinal);
        foreach (string forbidden in new[] { "http://", "https://", "src=", "href=", "url(", "@import", "unsafe-inline", "innerHTML" })
            Assert.DoesNotContain(forbidden, page, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Text_of_a_hostile_file_never_becomes_markup()
    {
        const string attack = "</script><img src=x onerror=alert(1)>\u202e";
        string file = _files.Write("a.jvi", History.Story(), new IncidentRecord.Observed(new Evidence.Link("gw-a", LongStory.Wall(5), attack, attack)),
            new IncidentRecord.Observed(new Evidence.Rejections(attack, LongStory.Wall(6), attack, attack, 3, new(LongStory.Wall(6), attack, null, attack), new(LongStory.Wall(6), attack, null, attack))));
        Make(file, "a.html");
        string page = File.ReadAllText(_files["a.html"]);
        Assert.DoesNotContain("<img", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\u202e', page);
        Assert.Equal(2, page.Split("</script>").Length - 1);
        Assert.Contains("&lt;img", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Trusted_keys_make_it_hold_and_a_key_that_is_not_among_them_makes_it_fail_with_a_page_that_says_so()
    {
        string file = _files.Write("a.jvi", History.Story());
        Make(file, "a.html");
        Assert.Contains("<h2>UNTRUSTED</h2>", File.ReadAllText(_files["a.html"]), StringComparison.Ordinal);

        File.WriteAllText(_files["keys"], $"{Tool.Gateway.Key} gw-a\n");
        Make(file, "a.html", "--keys", _files["keys"]);
        Assert.Contains("<h2>HOLDS</h2>", File.ReadAllText(_files["a.html"]), StringComparison.Ordinal);

        File.WriteAllText(_files["keys"], $"{Tool.Laptop.Key}\n");
        (int exit, string output, string error) = Tool.Run("report", file, "--out", _files["a.html"], "--keys", _files["keys"]);
        Assert.Equal((1, ""), (exit, output));
        Assert.Contains("gw-a's key is not among the trusted ones", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.Contains("<h2>FAILS</h2>", File.ReadAllText(_files["a.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_read_leaves_no_page_and_what_is_no_report_is_left_alone()
    {
        string file = _files.Write("a.jvi", History.Story());
        File.WriteAllBytes(_files["cut"], File.ReadAllBytes(file)[..^20]);
        foreach ((string input, string output, int exit, string problem) in new[]
        {
            ("cut", "new.html", 2, "cut: is cut off"), ("missing", "new.html", 2, "missing: no such file"), ("a.jvi", "a.jvi", 1, "a.jvi: exists and is no report"),
            ("a.jvi", "none/new.html", 1, "new.html: no such directory"),
        })
        {
            byte[] before = File.ReadAllBytes(file);
            (int ended, string said, string error) = Tool.Run("report", _files[input], "--out", _files[output]);
            Assert.Equal((exit, ""), (ended, said));
            Assert.Contains(problem, Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
            Assert.False(File.Exists(_files["new.html"]));
            Assert.Equal(before, File.ReadAllBytes(file));
        }
    }

    private void Make(string file, string name, params string[] more)
    {
        (int exit, string output, string error) = Tool.Run(["report", file, "--out", _files[name], .. more]);
        Assert.Equal((0, "", ""), (exit, output, error));
    }
}
