namespace JumpingVpn.Replay.Tests.Browser;

/// <summary>A test that opens a page in Chromium, which `./test` installs. Where that is impossible the test is skipped, and `./test` says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Chromium.Program is null) Skip = "the package chromium is not installed";
    }
}
