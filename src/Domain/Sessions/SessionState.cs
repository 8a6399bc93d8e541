namespace JumpingVpn.Domain.Sessions;

/// <summary>Where a session stands. The names are shown by `status` and stored; the numbers are on the wire.</summary>
public enum SessionState : byte
{
    /// <summary>Not established yet: nothing is stored.</summary>
    Birth = 0,

    /// <summary>A transport is bound and its quality is good.</summary>
    Attached = 1,

    /// <summary>A transport is bound, its quality is below the policy's floor.</summary>
    Volatile = 2,

    /// <summary>A transport is bound, but bounds are exceeded: no voluntary switching, longer holds.</summary>
    Degraded = 3,

    /// <summary>No transport is bound.</summary>
    Recovering = 4,

    /// <summary>Over, for good.</summary>
    Terminated = 5,
}

/// <summary>What holds for all states.</summary>
public static class SessionStates
{
    /// <summary>True in the states that have a transport.</summary>
    public static bool IsBound(this SessionState state) => state is SessionState.Attached or SessionState.Volatile or SessionState.Degraded;
}
