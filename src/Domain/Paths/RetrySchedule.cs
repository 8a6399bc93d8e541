namespace JumpingVpn.Domain.Paths;

/// <summary>
/// How long to wait between attempts while nothing answers: from 50 ms, capped at 200 ms for the first 10 s, so that a
/// restarted gateway is met at once; then doubling up to 30 s with jitter, so that many clients do not come in step.
/// </summary>
public static class RetrySchedule
{
    /// <param name="attempt">Attempts made so far, from 0.</param>
    /// <param name="elapsed">Time since the first of them.</param>
    /// <param name="entropy">Random bits that came in with the input.</param>
    public static TimeSpan Delay(int attempt, TimeSpan elapsed, uint entropy)
    {
        attempt = Math.Max(0, attempt);
        if (elapsed < PathConstants.RetryEager)
        {
            // 50, 70, 100, 140, 200: by the square root of two, in whole steps of 10 ms.
            TimeSpan grown = attempt >= 4 ? PathConstants.RetryCap : PathConstants.RetryFirst * (attempt switch { 0 => 1.0, 1 => 1.4, 2 => 2.0, _ => 2.8 });
            return grown;
        }

        // The time since the start doubles with each attempt; so does the delay.
        TimeSpan doubled = PathConstants.RetryCap + ((elapsed - PathConstants.RetryEager) / 2);
        TimeSpan bounded = doubled < PathConstants.RetryMax ? doubled : PathConstants.RetryMax;
        // 75 % to 125 %.
        return (bounded * 3 / 4) + (bounded / 2 * (entropy / (double)uint.MaxValue));
    }
}
