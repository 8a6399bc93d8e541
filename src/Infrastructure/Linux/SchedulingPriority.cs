using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>How much of the processor a thread gets while others want it too.</summary>
public static partial class SchedulingPriority
{
    private const int PrioProcess = 0;

    /// <summary>A weight of about a tenth of an ordinary thread's (setpriority(2), sched(7)).</summary>
    private const int LowNice = 10;

    /// <summary>A weight of about nine times an ordinary thread's.</summary>
    private const int HighNice = -10;

    /// <summary>Lets the calling thread go before the others where that is allowed (CAP_SYS_NICE, or RLIMIT_NICE); elsewhere it stays an ordinary one.</summary>
    public static void RaiseThisThread() => _ = setpriority(PrioProcess, 0, HighNice);

    /// <summary>Makes the calling thread give way to the others; on Linux a thread has a nice value of its own. Failing is harmless.</summary>
    public static void LowerThisThread() => _ = setpriority(PrioProcess, 0, LowNice);

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
