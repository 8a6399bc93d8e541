using System.Diagnostics;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Kernel;

/// <summary>What a run came to.</summary>
internal sealed record FuzzReport(string Target, long Inputs, long Accepted, TimeSpan Slowest, long MostAllocated, TimeSpan Time)
{
    public override string ToString() =>
        $"{Target,-24} {Inputs,10:n0} inputs, {(Inputs == 0 ? 0 : 100.0 * Accepted / Inputs),5:0.0} % accepted, slowest {Slowest.TotalMilliseconds,6:0.0} ms, most allocated {MostAllocated,9:n0} B, {Inputs / Math.Max(0.001, Time.TotalSeconds),9:n0}/s";
}

/// <summary>Draws and takes inputs, one number after the other, and watches over each: exceptions, time, allocations, and what a target itself checks.</summary>
internal static class FuzzRun
{
    /// <summary>A measurement that is over its bound is taken so often in all; the least counts, because others use this machine too.</summary>
    private const int Measurements = 4;

    /// <summary>From <paramref name="first"/> on for <paramref name="time"/>, and at least <paramref name="least"/> numbers.</summary>
    public static FuzzReport Execute(FuzzTarget target, ulong first, TimeSpan time, int least)
    {
        using var watchdog = new Watchdog();
        long started = Stopwatch.GetTimestamp(), inputs = 0, accepted = 0, most = 0;
        TimeSpan slowest = TimeSpan.Zero;
        for (ulong i = 0; i < (ulong)least || Stopwatch.GetElapsedTime(started) < time; i++)
        {
            (bool isTaken, bool isAccepted, TimeSpan took, long allocated) = Once(target, first + i, watchdog);
            if (!isTaken) continue;
            inputs++;
            accepted += isAccepted ? 1 : 0;
            if (took > slowest) slowest = took;
            most = Math.Max(most, allocated);
        }
        return new(target.Name, inputs, accepted, slowest, most, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>One number.</summary>
    public static (bool IsTaken, bool IsAccepted, TimeSpan Took, long Allocated) Once(FuzzTarget target, ulong number, Watchdog watchdog)
    {
        if (Draw(target, number) is not { } input) return (false, false, default, default);
        watchdog.Begin(target.Name, number);
        bool isAccepted = false;
        TimeSpan took = TimeSpan.MaxValue;
        long allocated = long.MaxValue, allowed = target.MostAllocated(input.Bytes.Length);
        for (int i = 0; i < Measurements && (took > target.MostTime || allocated > allowed); i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread(), begin = Stopwatch.GetTimestamp();
            try
            {
                isAccepted = target.Take(input);
            }
            catch (Exception broken)
            {
                watchdog.End();
                throw FuzzFailure.Of(target, number, input, broken is FuzzFailure ? broken.Message : broken.ToString(), broken);
            }
            took = TimeSpan.FromTicks(Math.Min(took.Ticks, Stopwatch.GetElapsedTime(begin).Ticks));
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        watchdog.End();
        if (took > target.MostTime) throw FuzzFailure.Of(target, number, input, $"took {took.TotalMilliseconds:0} ms where {target.MostTime.TotalMilliseconds:0} are allowed");
        if (allocated > allowed) throw FuzzFailure.Of(target, number, input, $"allocated {allocated:n0} bytes where {allowed:n0} are allowed");
        return (true, isAccepted, took, allocated);
    }

    /// <summary>The input of that number. Two steps, so that neighbouring numbers have nothing in common.</summary>
    public static FuzzInput? Draw(FuzzTarget target, ulong number) => target.Draw(new SimRandom(new SimRandom(number).Next()));
}
