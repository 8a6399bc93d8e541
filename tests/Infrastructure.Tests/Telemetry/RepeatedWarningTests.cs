using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Telemetry;

namespace JumpingVpn.Infrastructure.Tests.Telemetry;

public sealed class RepeatedWarningTests
{
    private readonly List<string> _lines = [];

    [Fact]
    public void Lasting_trouble_is_said_once_an_hour_and_new_trouble_at_once()
    {
        var warning = new RepeatedWarning("no way: ", _lines.Add);
        Instant now = Instant.Zero;
        for (int minute = 0; minute < 120; minute++) warning.Look(now += TimeSpan.FromMinutes(1), "full");
        Assert.Equal(["no way: full", "no way: full"], _lines);
        warning.Look(now, "gone");
        warning.Look(now, null);
        warning.Look(now, "gone");
        Assert.Equal(["no way: gone", "no way: gone"], _lines[2..]);
    }
}
