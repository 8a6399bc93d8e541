using System.Diagnostics;

namespace JumpingVpn.Node.Lab;

/// <summary>The monotonic clock in nanoseconds: one clock for sender, receiver and event, because the whole lab is one machine.</summary>
public static class LabClock
{
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000_000_000;

    /// <summary>Stopwatch is CLOCK_MONOTONIC in nanoseconds on Linux, which <see cref="LabNative.SleepUntil"/> relies on.</summary>
    public static long Now => Stopwatch.GetTimestamp();

    public static double ToMilliseconds(long nanoseconds) => nanoseconds / (double)Millisecond;

    /// <summary>Asks again every <paramref name="intervalMilliseconds"/> until the answer is yes or the time is over.</summary>
    public static bool WaitUntil(Func<bool> condition, TimeSpan limit, int intervalMilliseconds = 10, CancellationToken cancellation = default)
    {
        long deadline = Now + (long)(limit.TotalMilliseconds * Millisecond);
        while (!condition())
        {
            if (Now > deadline) return false;
            if (cancellation.WaitHandle.WaitOne(intervalMilliseconds)) cancellation.ThrowIfCancellationRequested();
        }

        return true;
    }
}
