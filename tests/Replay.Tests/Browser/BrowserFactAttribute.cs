namespace JumpingVpn.Replay.Tests.Browser;

/// <summary>A test that opens a page in Chromium. Without it the test is skipped, except where CI=true: there it fails.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Environment.GetEnvironmentVariable("CI") != "true" && Chromium.Program is null) Skip = "the package chromium is not installed";
    }
}
