using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace JumpingVpn.Replay.Tests.Browser;

/// <summary>A tab: opens a file, runs expressions, presses keys, takes pictures. It keeps every complaint and every request.</summary>
internal sealed class Page
{
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(60);

    private readonly DevTools _tools;
    private readonly string _session;

    private Page(DevTools tools, string session) => (_tools, _session) = (tools, session);

    /// <summary>Errors and warnings of the console, uncaught exceptions, what the content's policy has refused.</summary>
    public ConcurrentQueue<string> Complaints { get; } = [];

    /// <summary>Every address that was asked for.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public static async Task<Page> OpenAsync(DevTools tools, int width, int height, bool isDark)
    {
        string target = (await tools.SendAsync("Target.createTarget", new() { ["url"] = "about:blank" }))["targetId"]!.GetValue<string>();
        string session = (await tools.SendAsync("Target.attachToTarget", new() { ["targetId"] = target, ["flatten"] = true }))["sessionId"]!.GetValue<string>();
        var page = new Page(tools, session);
        tools.Listen(session, page.Note);
        foreach (string domain in new[] { "Page", "Runtime", "Log", "Network", "Audits" }) await page.SendAsync(domain + ".enable");
        await page.SendAsync("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = width < 500 });
        await page.SendAsync("Emulation.setEmulatedMedia", new()
        {
            ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" }),
        });
        return page;
    }

    public Task<JsonNode> SendAsync(string method, JsonObject? parameters = null) => _tools.SendAsync(method, parameters, _session);

    /// <summary>Opens a file and waits until its script is done. Gives the time from the request to the second frame that was drawn with it.</summary>
    public async Task<TimeSpan> GoAsync(string file)
    {
        var watch = Stopwatch.StartNew();
        await SendAsync("Page.navigate", new() { ["url"] = new Uri(file).AbsoluteUri });
        while (!await IsReadyAsync())
        {
            if (watch.Elapsed > OpenLimit) throw new TimeoutException($"{file} is not ready: {string.Join("; ", Complaints)}");
            await Task.Delay(10);
        }
        await DrawnAsync();
        return watch.Elapsed;
    }

    /// <summary>Waits until what was changed is drawn.</summary>
    public Task DrawnAsync() => EvaluateAsync("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))");

    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        JsonNode result = await SendAsync("Runtime.evaluate", new() { ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true });
        if (result["exceptionDetails"] is { } thrown) throw new InvalidOperationException($"{expression}: {thrown["exception"]?["description"] ?? thrown}");
        return result["result"]!["value"];
    }

    public async Task<T> EvaluateAsync<T>(string expression) => (await EvaluateAsync(expression) ?? throw new InvalidOperationException($"{expression} gives nothing")).GetValue<T>();

    /// <summary>Presses and releases a key, as its name in `KeyboardEvent.key`.</summary>
    public async Task PressAsync(string key, int code, bool shift = false)
    {
        foreach (string type in new[] { "rawKeyDown", "keyUp" })
            await SendAsync("Input.dispatchKeyEvent", new() { ["type"] = type, ["key"] = key, ["code"] = key, ["windowsVirtualKeyCode"] = code, ["modifiers"] = shift ? 8 : 0 });
        await DrawnAsync();
    }

    public async Task MouseAsync(string type, double x, double y, string button = "none", int clicks = 0)
    {
        await SendAsync("Input.dispatchMouseEvent", new() { ["type"] = type, ["x"] = x, ["y"] = y, ["button"] = button, ["clickCount"] = clicks });
        await DrawnAsync();
    }

    /// <summary>Keeps a picture in the directory that SCREENSHOTS names, if it names one.</summary>
    public async Task PictureAsync(string name, bool isWhole = false)
    {
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is not { Length: > 0 } directory) return;
        JsonNode picture = await SendAsync("Page.captureScreenshot", new() { ["format"] = "png", ["captureBeyondViewport"] = isWhole });
        await File.WriteAllBytesAsync(Path.Combine(directory, name + ".png"), Convert.FromBase64String(picture["data"]!.GetValue<string>()));
    }

    private async Task<bool> IsReadyAsync() =>
        await EvaluateAsync<bool>("location.protocol === 'file:' && document.readyState === 'complete' && !!document.documentElement.dataset.ready");

    private void Note(string method, JsonNode parameters)
    {
        switch (method)
        {
            case "Network.requestWillBeSent":
                Requests.Enqueue(parameters["request"]!["url"]!.GetValue<string>());
                break;
            case "Runtime.exceptionThrown":
                Complaints.Enqueue(parameters["exceptionDetails"]!.ToJsonString());
                break;
            case "Runtime.consoleAPICalled" when parameters["type"]!.GetValue<string>() is "error" or "warning" or "assert":
                Complaints.Enqueue(parameters["args"]!.ToJsonString());
                break;
            case "Log.entryAdded" when parameters["entry"]!["level"]!.GetValue<string>() is "error" or "warning":
                Complaints.Enqueue(parameters["entry"]!["text"]!.GetValue<string>());
                break;
            case "Audits.issueAdded" when parameters["issue"]!["code"]!.GetValue<string>() == "ContentSecurityPolicyIssue":
                Complaints.Enqueue(parameters["issue"]!.ToJsonString());
                break;
            default:
                break;
        }
    }
}
