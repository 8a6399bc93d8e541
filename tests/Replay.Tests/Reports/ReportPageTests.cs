using System.Globalization;
using System.Text.Json.Nodes;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Tests.Audit;
using JumpingVpn.Replay.Tests.Browser;
using Xunit.Abstractions;

namespace JumpingVpn.Replay.Tests.Reports;

/// <summary>The page in a real browser.</summary>
public sealed class ReportPageTests(ITestOutputHelper output) : IAsyncLifetime, IDisposable
{
    private const int Left = 37, Up = 38, Right = 39, Down = 40, End = 35, Home = 36, Plus = 187;

    private readonly Tool _files = new();
    private Chromium _browser = null!;

    public async Task InitializeAsync() => _browser = await Chromium.StartAsync();

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
    }

    public void Dispose() => _files.Dispose();

    [BrowserFact]
    public async Task The_page_asks_for_nothing_but_itself_and_complains_of_nothing()
    {
        Page page = await ShortAsync(1280, 900);
        await page.PictureAsync("light", isWhole: true);
        Assert.Empty(page.Complaints);
        string request = Assert.Single(page.Requests);
        Assert.EndsWith("short.html", request, StringComparison.Ordinal);
        // The policy really refuses: what a page without it would load is stopped.
        Assert.True(await page.EvaluateAsync<bool>("fetch('http://127.0.0.1:9/').then(() => false, () => true)"));
        Assert.True(await page.EvaluateAsync<bool>("(() => { try { document.body.innerHTML += '<b>x</b>'; return false; } catch { return true; } })()"));
    }

    [BrowserFact]
    public async Task Ten_thousand_events_open_in_two_seconds()
    {
        string file = _files.Write("long.jvi", LongStory.Of(10_000), LongStory.Around(30_000, 10));
        string page = Make(file, "long.html");
        var times = new List<double>();
        for (int round = 0; round < 3; round++)
        {
            Page tab = await _browser.OpenAsync(1280, 900);
            times.Add((await tab.GoAsync(page)).TotalMilliseconds);
            Assert.Equal(10_000, await tab.EvaluateAsync<int>("rows.filter(row => row.kind === 0).length"));
            Assert.InRange(await tab.EvaluateAsync<int>("document.querySelectorAll('#rows .row').length"), 5, 100);
            Assert.Empty(tab.Complaints);
            if (round == 0) await tab.PictureAsync("long", isWhole: true);
            await tab.SendAsync("Page.close");
        }
        string told = string.Create(CultureInfo.InvariantCulture, $"{new FileInfo(page).Length / 1e6:0.0} MB open in {string.Join(", ", times.Select(static time => time.ToString("0", CultureInfo.InvariantCulture)))} ms");
        output.WriteLine(told);
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 } directory) await File.WriteAllTextAsync(Path.Combine(directory, "long.txt"), told);
        Assert.True(times.Min() < 2000, told);
    }

    [BrowserFact]
    public async Task Keys_walk_through_the_events_and_show_reason_cause_versions_and_changes()
    {
        Page page = await ShortAsync(1280, 900);
        await page.EvaluateAsync("document.getElementById('lanes').focus()");
        await page.PressAsync("Home", Home);
        Assert.Contains("HANDSHAKE_OK", await DetailAsync(page), StringComparison.Ordinal);
        for (int press = 0; press < 60 && !(await DetailAsync(page)).Contains("Version 2", StringComparison.Ordinal); press++) await page.PressAsync("ArrowRight", Right);
        string detail = await DetailAsync(page);
        foreach (string part in new[] { "Version 2: TRANSPORT_DEAD", "Cause: lose_transport", "Attached \u2192 Recovering", "binding version", "ownership epoch", "hash before", "gw-a" })
            Assert.Contains(part, detail, StringComparison.Ordinal);
        // The table is in step, and goes on from there.
        Assert.Equal("2", await page.EvaluateAsync<string>("document.querySelector('#rows [aria-selected=true] span').textContent"));
        await page.EvaluateAsync("document.getElementById('table').focus()");
        string before = await DetailAsync(page);
        await page.PressAsync("ArrowDown", Down);
        Assert.NotEqual(before, await DetailAsync(page));
        await page.PressAsync("ArrowUp", Up);
        Assert.Equal(before, await DetailAsync(page));
        Assert.Equal("row", await page.EvaluateAsync<string>("document.getElementById(document.getElementById('table').getAttribute('aria-activedescendant')).getAttribute('role')"));
        await page.PressAsync("End", End);
        await page.PressAsync("ArrowUp", Up);
        await page.PictureAsync("chosen", isWhole: true);
    }

    [BrowserFact]
    public async Task Zooming_and_moving_cut_the_table_to_what_the_timeline_shows()
    {
        Page page = await ShortAsync(1280, 900);
        int all = await page.EvaluateAsync<int>("visible.length");
        await page.EvaluateAsync("document.getElementById('lanes').focus()");
        await page.PressAsync("+", Plus);
        await page.PressAsync("+", Plus);
        int fewer = await page.EvaluateAsync<int>("visible.length");
        Assert.InRange(fewer, 1, all - 1);
        double from = await page.EvaluateAsync<double>("view.from");
        await page.PressAsync("ArrowLeft", Left, shift: true);
        Assert.True(await page.EvaluateAsync<double>("view.from") < from);
        await page.EvaluateAsync("document.getElementById('lanes').scrollIntoView()");
        JsonNode box = (await page.EvaluateAsync("(({ x, y, width, height }) => ({ x, y, width, height }))(document.getElementById('lanes').getBoundingClientRect())"))!;
        (double x, double y) = (box["x"]!.GetValue<double>() + 600, box["y"]!.GetValue<double>() + 60);
        from = await page.EvaluateAsync<double>("view.from");
        await page.MouseAsync("mousePressed", x, y, "left", 1);
        await page.MouseAsync("mouseMoved", x - 150, y, "left");
        await page.MouseAsync("mouseReleased", x - 150, y, "left", 1);
        Assert.True(await page.EvaluateAsync<double>("view.from") > from);
        await page.EvaluateAsync("document.getElementById('whole').click()");
        await page.DrawnAsync();
        Assert.Equal(all, await page.EvaluateAsync<int>("visible.length"));
        await page.EvaluateAsync("find.value = 'transport_dead'; find.dispatchEvent(new Event('input'))");
        Assert.InRange(await page.EvaluateAsync<int>("visible.length"), 1, 3);
    }

    [BrowserFact]
    public async Task The_pointer_shows_what_it_is_on()
    {
        Page page = await ShortAsync(1280, 900);
        await page.EvaluateAsync("document.getElementById('lanes').scrollIntoView()");
        JsonNode point = (await page.EvaluateAsync("""
            (() => {
              const lane = layout.find(one => one.title === 'Events'), box = lanes.getBoundingClientRect();
              return { x: box.x + 1 + xOf(rowOfVersion.get(2).at), y: box.y + 1 + lane.y + lane.height / 2 };
            })()
            """))!;
        await page.MouseAsync("mouseMoved", point["x"]!.GetValue<double>(), point["y"]!.GetValue<double>());
        Assert.False(await page.EvaluateAsync<bool>("tip.hidden"));
        string tip = await page.EvaluateAsync<string>("tip.innerText");
        foreach (string part in new[] { "Version 2: TRANSPORT_DEAD", "cause: lose_transport", "state: Attached \u2192 Recovering" }) Assert.Contains(part, tip, StringComparison.Ordinal);
        await page.PictureAsync("tip");
        await page.MouseAsync("mousePressed", point["x"]!.GetValue<double>(), point["y"]!.GetValue<double>(), "left", 1);
        await page.MouseAsync("mouseReleased", point["x"]!.GetValue<double>(), point["y"]!.GetValue<double>(), "left", 1);
        Assert.Contains("TRANSPORT_DEAD", await DetailAsync(page), StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task Nothing_is_wider_than_a_phone()
    {
        Page page = await ShortAsync(390, 844);
        await page.EvaluateAsync("choose(rowOfVersion.get(3))");
        await page.DrawnAsync();
        Assert.Equal(390, await page.EvaluateAsync<int>("Math.max(innerWidth, document.documentElement.scrollWidth, document.body.scrollWidth)"));
        Assert.Equal(0, await page.EvaluateAsync<int>("[...document.querySelectorAll('#rows .row > span')].filter(cell => cell.offsetParent && cell.getBoundingClientRect().right > 390).length"));
        Assert.Empty(page.Complaints);
        await page.PictureAsync("phone", isWhole: true);
    }

    [BrowserFact]
    public async Task Text_has_contrast_in_both_themes_and_the_button_changes_them()
    {
        Page page = await ShortAsync(1280, 900, isDark: true);
        await page.PictureAsync("dark", isWhole: true);
        Assert.Equal("dark", await page.EvaluateAsync<string>("document.documentElement.dataset.theme"));
        await ContrastAsync(page);
        await page.EvaluateAsync("document.getElementById('theme').click()");
        await page.DrawnAsync();
        Assert.Equal("light", await page.EvaluateAsync<string>("document.documentElement.dataset.theme"));
        await ContrastAsync(page);
    }

    [BrowserFact]
    public async Task Printing_shows_every_event_in_light_colours()
    {
        Page page = await ShortAsync(1280, 900, isDark: true);
        await page.EvaluateAsync("addEventListener('beforeprint', () => { window.printed = [document.documentElement.dataset.theme, body.children.length, visible.length]; })");
        JsonNode printed = await page.SendAsync("Page.printToPDF", new() { ["printBackground"] = true, ["paperWidth"] = 8.27, ["paperHeight"] = 11.69 });
        byte[] pdf = Convert.FromBase64String(printed["data"]!.GetValue<string>());
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 } directory) await File.WriteAllBytesAsync(Path.Combine(directory, "print.pdf"), pdf);
        Assert.True(pdf.Length > 20_000, $"{pdf.Length} bytes");
        JsonArray seen = (await page.EvaluateAsync("window.printed"))!.AsArray();
        Assert.Equal("light", seen[0]!.GetValue<string>());
        Assert.Equal(seen[2]!.GetValue<int>(), seen[1]!.GetValue<int>());
        await page.DrawnAsync();
        Assert.Equal("dark", await page.EvaluateAsync<string>("document.documentElement.dataset.theme"));
    }

    [BrowserFact]
    public async Task A_hostile_file_runs_nothing_and_shows_as_text()
    {
        const string attack = "</script><script>window.taken=1</script><img src=x onerror=window.taken=1>\u202e{{data}}";
        string file = _files.Write("hostile.jvi", History.Story(), new IncidentRecord.Observed(new Evidence.Link("gw-a", LongStory.Wall(5), attack, attack)),
            new IncidentRecord.Observed(new Evidence.Rejections(attack, LongStory.Wall(6), attack, attack, 3, new(LongStory.Wall(6), attack, null, attack), new(LongStory.Wall(6), attack, null, attack))));
        Page page = await _browser.OpenAsync(1280, 900);
        await page.GoAsync(Make(file, "hostile.html"));
        await page.EvaluateAsync("for (const row of rows) choose(row)");
        await page.DrawnAsync();
        Assert.Empty(page.Complaints);
        Assert.Single(page.Requests);
        Assert.Equal("undefined", await page.EvaluateAsync<string>("typeof window.taken"));
        Assert.Equal(0, await page.EvaluateAsync<int>("document.images.length"));
        Assert.Equal(2, await page.EvaluateAsync<int>("document.scripts.length"));
        Assert.Contains("<script>window.taken=1</script>", await page.EvaluateAsync<string>("document.getElementById('refused').parentNode.textContent"), StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task A_clients_file_without_events_and_a_joined_one_are_good_pages()
    {
        string gateway = _files.Write("gw.jvi", LongStory.Short(), LongStory.Around(125, 1)), client = _files.WriteClient("laptop.jvi", LongStory.Client());
        Assert.Equal(0, Tool.Run("merge", gateway, client, "--out", _files["both.jvi"]).Exit);
        Page page = await _browser.OpenAsync(1280, 900);
        await page.GoAsync(Make(client, "client.html"));
        await page.PictureAsync("client", isWhole: true);
        await page.GoAsync(Make(_files.Write("bare.jvi", History.Established()), "bare.html"));
        await page.PictureAsync("bare", isWhole: true);
        await page.GoAsync(Make(_files["both.jvi"], "both.html"));
        await page.PictureAsync("both", isWhole: true);
        Assert.Equal("State|State, client's view laptop|Events|Client's events|Transport|Transport, client's view laptop|Owner|Refused inputs|Links and paths",
            await page.EvaluateAsync<string>("layout.filter(lane => lane.kind !== 'plot').map(lane => (lane.title + ' ' + lane.node).trim()).join('|')"));
        Assert.Empty(page.Complaints);
    }

    private static async Task ContrastAsync(Page page)
    {
        // WCAG 2.2, 1.4.3: text 4.5 to 1; 1.4.11: what one must see to understand 3 to 1.
        string worst = await page.EvaluateAsync<string>("""
            (() => {
              const style = getComputedStyle(document.documentElement), read = name => style.getPropertyValue('--' + name).trim();
              const light = name => [1, 3, 5].map(at => parseInt(read(name).slice(at, at + 2), 16) / 255)
                .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4).reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
              const ratio = (one, other) => { const [low, high] = [light(one), light(other)].sort((a, b) => a - b); return (high + 0.05) / (low + 0.05); };
              const pairs = [];
              for (const back of ['page', 'card', 'chosen']) for (const ink of ['text', 'muted']) pairs.push([ink, back, 4.5]);
              for (const tone of ['good', 'doubt', 'bad']) pairs.push([tone, tone + '-back', 4.5], ['text', tone + '-back', 4.5], ['muted', tone + '-back', 4.5]);
              for (let number = 0; number < 6; number++) pairs.push(['text', 'state' + number, 4.5], ['text', 'hue' + number, 4.5], ['edge' + number, 'card', 3], ['rim' + number, 'card', 3]);
              pairs.push(['text', 'none', 4.5], ['round', 'none', 3], ['loss', 'none', 3], ['accent', 'card', 3], ['accent', 'page', 3]);
              return pairs.filter(([ink, back, least]) => !(ratio(ink, back) >= least)).map(([ink, back]) => `${ink} on ${back}: ${ratio(ink, back).toFixed(2)}`).join('; ');
            })()
            """);
        Assert.Equal("", worst);
    }

    private static Task<string> DetailAsync(Page page) => page.EvaluateAsync<string>("document.getElementById('detail').textContent");

    private async Task<Page> ShortAsync(int width, int height, bool isDark = false)
    {
        string made = Make(_files.Write("short.jvi", LongStory.Short(), LongStory.Around(125, 1)), "short.html");
        Page page = await _browser.OpenAsync(width, height, isDark);
        await page.GoAsync(made);
        return page;
    }

    private string Make(string file, string name)
    {
        (int exit, string said, string error) = Tool.Run("report", file, "--out", _files[name]);
        Assert.Equal((0, "", ""), (exit, said, error));
        return _files[name];
    }
}
