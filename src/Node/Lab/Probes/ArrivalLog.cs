namespace JumpingVpn.Node.Lab.Probes;

/// <summary>
/// What one receiver saw: when something arrived, and which sequence numbers. One thread writes; others may read the counters
/// at any time, and the rest once it has ended. Allocates nothing after its construction.
/// </summary>
public sealed class ArrivalLog(int capacity)
{
    private readonly long[] times = new long[capacity];
    private readonly bool[] seen = new bool[capacity];
    private int count;
    private int highest = -1;
    private long lastArrival;

    /// <summary>Arrivals so far, duplicates not counted.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>When the last new one arrived, in <see cref="LabClock"/>'s nanoseconds; 0 before the first.</summary>
    public long LastArrival => Volatile.Read(ref lastArrival);

    public int Duplicates { get; private set; }

    /// <summary>Arrivals with a number below one that had arrived before.</summary>
    public int Reordered { get; private set; }

    /// <summary>Sequence numbers that nobody sent, or more than the log holds.</summary>
    public int Foreign { get; private set; }

    public void Record(long sequence, long now)
    {
        if ((ulong)sequence >= (ulong)seen.Length)
        {
            Foreign++;
            return;
        }

        int index = (int)sequence;
        if (seen[index])
        {
            Duplicates++;
            return;
        }

        seen[index] = true;
        if (index < highest) Reordered++;
        highest = Math.Max(highest, index);
        times[count] = now;
        Volatile.Write(ref lastArrival, now);
        Volatile.Write(ref count, count + 1);
    }

    public bool HasSeen(int sequence) => seen[sequence];

    /// <summary>
    /// The longest time without an arrival between two moments. Both moments close a gap, so silence up to the end counts.
    /// </summary>
    public long LongestGap(long from, long until)
    {
        long longest = 0;
        long previous = from;
        int arrivals = Count;
        for (int index = 0; index < arrivals; index++)
        {
            long time = times[index];
            if (time < from) continue;
            if (time > until) break;
            longest = Math.Max(longest, time - previous);
            previous = time;
        }

        return Math.Max(longest, until - previous);
    }
}
