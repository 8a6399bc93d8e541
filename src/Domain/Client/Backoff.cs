namespace JumpingVpn.Domain.Client;

/// <summary>Pauses between repetitions.</summary>
internal static class Backoff
{
    /// <summary><paramref name="first"/>, doubled so many times, but never more than <paramref name="max"/>.</summary>
    public static TimeSpan Double(TimeSpan first, int times, TimeSpan max)
    {
        TimeSpan pause = first;
        for (int i = 0; i < times && pause < max; i++) pause += pause;
        return pause < max ? pause : max;
    }

    /// <summary>The pause after a CONFIRM has been sent <paramref name="tries"/> times.</summary>
    public static TimeSpan Confirm(int tries) => tries <= ClientLimits.QuickConfirms
        ? ClientLimits.ConfirmRetry
        : Double(TimeSpan.FromMilliseconds(50), tries - ClientLimits.QuickConfirms - 1, ClientLimits.ConfirmRetryMax);
}
