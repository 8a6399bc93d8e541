using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Node.Running;

/// <summary>Has the first jump's code compiled beside the node's real work.</summary>
internal static class Rehearsals
{
    /// <summary>Starts the rehearsal on a thread of low priority.</summary>
    public static void Start(TimeSpan delay, NodeReports log)
    {
        var thread = new Thread(() =>
        {
            Thread.Sleep(delay);
            SchedulingPriority.LowerThisThread();
            try
            {
                if (!Rehearsal.Play()) log.Warning("the rehearsal of a jump did not end as it should; the first jump may be slower");
            }
            catch (Exception fault)
            {
                // The play has memory and keys of its own: what breaks in it touches no session.
                log.Warning($"the rehearsal of a jump failed: {fault.Message}");
            }
        })
        {
            IsBackground = true,
            Name = "rehearsal",
        };
        thread.Start();
    }
}
