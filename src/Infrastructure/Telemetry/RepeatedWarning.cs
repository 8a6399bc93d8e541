using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>Trouble that is looked at again and again: a line when it begins or changes, and while it lasts one an hour.</summary>
public sealed class RepeatedWarning(string prefix, Action<string> warn)
{
    /// <summary>Between two lines about the same trouble.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    private string? _said;
    private Instant _againAt;

    /// <param name="trouble">What is wrong now, or null.</param>
    public void Look(Instant now, string? trouble)
    {
        bool isDue = trouble is not null && (trouble != _said || now >= _againAt);
        _said = trouble;
        if (!isDue) return;
        _againAt = now + Interval;
        warn(prefix + trouble);
    }
}
