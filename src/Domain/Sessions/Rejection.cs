using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// A refused input. It never changes the session's state; it is counted and, rate-limited, logged.
/// </summary>
/// <param name="Reason">The one primary cause.</param>
/// <param name="BindingVersion">The session's current binding version, for the answer; 0 if there is no session.</param>
/// <param name="RetryAfter">How long to wait before the same request can succeed; zero if waiting does not help.</param>
public sealed record Rejection(ReasonCode Reason, ulong BindingVersion, TimeSpan RetryAfter)
{
    public override string ToString() =>
        RetryAfter > TimeSpan.Zero ? $"{Reason.Name()} (retry after {RetryAfter.TotalMilliseconds:0} ms)" : Reason.Name();
}

/// <summary>
/// A stored history that cannot have come from the decider: an event out of order, a broken invariant, unreadable JSON.
/// Whoever meets one stops serving the session (REQ-SAFETY-1).
/// </summary>
/// <param name="Version">The version at which the history breaks; 0 if it could not be read.</param>
/// <param name="Problem">What is wrong, in one line.</param>
public sealed record HistoryError(ulong Version, string Problem)
{
    public override string ToString() => Version == 0 ? Problem : $"version {Version}: {Problem}";
}
