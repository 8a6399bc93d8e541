namespace JumpingVpn.Node.Running;

/// <summary>
/// Gives memory back after a rush, such as thousands of sessions that come from a dead node: what it left on the heap would stay resident
/// for as long as the node has little to do, since a collector that nobody asks for memory does not run. The collection stops every thread
/// for some 25 ms for each 40 MB that live, so it waits until the rush is over and is made only where much has come together.
/// Looked at now and then, by one thread.
/// </summary>
internal sealed class HeapTrim
{
    /// <summary>Growth since the start, or since the last time, that is worth a collection, in bytes: some thousand sessions.</summary>
    public const long WorthIt = 16 << 20;

    /// <summary>Bytes allocated between two looks below which the rush is over.</summary>
    public const long Quiet = 4 << 20;

    private long? _allocated;
    private long _held;

    /// <summary>True if the heap is to be collected now.</summary>
    /// <param name="held">Bytes that the heap holds, in use or not.</param>
    /// <param name="allocated">Bytes allocated since the start of the process.</param>
    public bool IsDue(long held, long allocated)
    {
        // What the node's start has left is not worth a collection.
        if (_allocated is null) _held = held;
        bool isQuiet = allocated - _allocated < Quiet;
        _allocated = allocated;
        if (!isQuiet || held - _held < WorthIt) return false;
        // Whatever it frees: what is held after that is alive, and is not to be collected again and again.
        _held = held;
        return true;
    }

    /// <summary>Collects if it is time to.</summary>
    public void Look()
    {
        if (!IsDue(GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes, GC.GetTotalAllocatedBytes())) return;
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _held = GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes;
    }
}
