namespace JumpingVpn.Node.Lab.Probes;

/// <summary>A thread that sends or receives probes: real-time priority, and on sending an absolute pace of one per period.</summary>
internal static class ProbeThread
{
    private const int StackBytes = 256 * 1024;

    public static Thread Start(string name, Action body)
    {
        var thread = new Thread(
            () =>
            {
                LabNative.RaisePriority();
                body();
            },
            StackBytes)
        { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    /// <summary>
    /// Calls <paramref name="send"/> with 0, 1, 2, ... at <paramref name="start"/> + n * period, until it says no. A late call is
    /// made at once and does not shift the later ones.
    /// </summary>
    public static void Pace(long start, long period, Func<int, bool> send)
    {
        for (int sequence = 0; ; sequence++)
        {
            LabNative.SleepUntil(start + sequence * period);
            if (!send(sequence)) return;
        }
    }
}
