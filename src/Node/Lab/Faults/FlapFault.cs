namespace JumpingVpn.Node.Lab.Faults;

/// <summary>Another fault comes and goes: on for half a period, off for the other half. <see cref="Apply"/> returns when the whole time is over.</summary>
public sealed class FlapFault(LabTopology topology, LabFault inner, TimeSpan half, TimeSpan total) : LabFault(topology)
{
    private int held;

    public override string Name => $"{inner.Name}, {half.TotalMilliseconds:0} ms on, {half.TotalMilliseconds:0} ms off";

    public override void Apply()
    {
        long step = (long)(half.TotalMilliseconds * LabClock.Millisecond);
        long next = LabClock.Now;
        int cycles = (int)(total / (2 * half));
        for (int cycle = 0; cycle < cycles; cycle++)
        {
            inner.Apply();
            LabNative.SleepUntil(next += step);
            // After a move away from this path nothing meets the fault any more; that it held before is enough.
            if (Observe()) held++;
            inner.Lift();
            LabNative.SleepUntil(next += step);
        }
    }

    public override void AssertTookHold() => Require(held > 0, "it was never seen to hold");

    public override void Lift()
    {
    }

    private bool Observe()
    {
        try
        {
            inner.AssertTookHold();
            return true;
        }
        catch (LabException)
        {
            return false;
        }
    }
}
