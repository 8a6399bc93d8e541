using System.Diagnostics;

namespace JumpingVpn.Replay.Tests.Browser;

/// <summary>A headless browser of its own, with a fresh profile. It opens files of this machine; its background traffic is off.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private const string Ready = "DevTools listening on ";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _profile;
    private readonly DevTools _tools;

    private Chromium(Process process, string profile, DevTools tools) => (_process, _profile, _tools) = (process, profile, tools);

    /// <summary>Null if it is not installed.</summary>
    public static string? Program { get; } =
        new[] { "chromium", "google-chrome" }
            .SelectMany(static name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(directory => Path.Combine(directory, name)))
            .FirstOrDefault(File.Exists);

    public static async Task<Chromium> StartAsync()
    {
        string program = Program ?? throw new InvalidOperationException("the package chromium is not installed");
        string profile = Directory.CreateTempSubdirectory("replay-chromium-").FullName;
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
            ArgumentList =
            {
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0", $"--user-data-dir={profile}", "about:blank",
            },
        };
        Process process = Process.Start(start) ?? throw new InvalidOperationException("chromium does not start");
        try
        {
            var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += (_, line) =>
            {
                if (line.Data is null) address.TrySetException(new InvalidOperationException("chromium has ended"));
                else if (line.Data.StartsWith(Ready, StringComparison.Ordinal)) address.TrySetResult(new Uri(line.Data[Ready.Length..]));
            };
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
            return new(process, profile, await DevTools.ConnectAsync(await address.Task.WaitAsync(StartLimit)));
        }
        catch
        {
            End(process, profile);
            throw;
        }
    }

    /// <summary>An empty page of the given size in CSS pixels, which counts what the browser says about it.</summary>
    public Task<Page> OpenAsync(int width, int height, bool isDark = false) => Page.OpenAsync(_tools, width, height, isDark);

    public async ValueTask DisposeAsync()
    {
        await _tools.DisposeAsync();
        End(_process, _profile);
    }

    private static void End(Process process, string profile)
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit(10_000);
        process.Dispose();
        for (int attempt = 0; attempt < 20 && Directory.Exists(profile); attempt++)
        {
            try
            {
                Directory.Delete(profile, recursive: true);
            }
            catch (IOException)
            {
                // A child that is just ending still writes.
                Thread.Sleep(100);
            }
        }
    }
}
