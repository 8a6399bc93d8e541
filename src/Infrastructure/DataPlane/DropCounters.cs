namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>Counters of one thread: only that thread writes, anyone reads.</summary>
internal sealed class DropCounters
{
    /// <summary>Number of reasons.</summary>
    public static readonly int Count = Enum.GetValues<DropReason>().Length;

    // A cache line on either side keeps two threads' counters apart.
    private const int Padding = 8;
    private readonly long[] _counts = new long[Count + 2 * Padding];

    public void Add(DropReason reason, int count = 1) => _counts[(int)reason + Padding] += count;

    public long Read(DropReason reason) => Volatile.Read(ref _counts[(int)reason + Padding]);
}
