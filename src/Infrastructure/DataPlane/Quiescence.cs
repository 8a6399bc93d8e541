using System.Diagnostics;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Lets the command thread wait until a packet thread has let go of everything it had read from the table before
/// (read-copy-update, McKenney and Slingwine 1998). The packet thread is inside only while it handles a batch; while it
/// waits for packets it is outside, and nobody has to wake it.
/// </summary>
internal sealed class Quiescence
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    // Odd while the packet thread is inside.
    private long _passes;

    /// <summary>Packet thread: what is read from the table from here on stays valid until <see cref="Leave"/>.</summary>
    public void Enter() => Interlocked.Increment(ref _passes);

    /// <summary>Packet thread: holds nothing of the table any more.</summary>
    public void Leave() => Interlocked.Increment(ref _passes);

    /// <summary>Command thread, after it changed the table: returns when the packet thread can only see the change.</summary>
    public void Await()
    {
        Interlocked.MemoryBarrier();
        long seen = Volatile.Read(ref _passes);
        if ((seen & 1) == 0) return;
        long start = Stopwatch.GetTimestamp();
        var spin = new SpinWait();
        while (Volatile.Read(ref _passes) == seen)
        {
            spin.SpinOnce(sleep1Threshold: 200);
            if (Stopwatch.GetElapsedTime(start) > Bound)
                throw new InvalidOperationException("a packet thread did not finish its batch within 5 s");
        }
    }
}
