namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// A hash table that one thread changes while others look up without a lock: the chains' nodes are immutable, and a change
/// publishes a new chain. Two values may share a key; the newest is found. A look-up takes the
/// same time whatever the number of entries (REQ-EXHAUST-4).
/// </summary>
internal sealed class ReadMostlyTable<TKey, TValue>
    where TKey : struct, IEquatable<TKey>
    where TValue : class
{
    private const int InitialBuckets = 64;

    private sealed record Node(TKey Key, TValue Value, Node? Next);

    private Node?[] _buckets = new Node?[InitialBuckets];

    /// <summary>Number of entries.</summary>
    public int Count { get; private set; }

    public TValue? Find(TKey key)
    {
        Node?[] buckets = Volatile.Read(ref _buckets);
        for (Node? node = Volatile.Read(ref buckets[Slot(buckets, key)]); node is not null; node = node.Next)
            if (node.Key.Equals(key)) return node.Value;
        return null;
    }

    public void Add(TKey key, TValue value)
    {
        if (Count >= 2 * _buckets.Length) Grow();
        ref Node? head = ref _buckets[Slot(_buckets, key)];
        Volatile.Write(ref head, new(key, value, head));
        Count++;
    }

    /// <summary>Takes out this value under this key; false if it is not there.</summary>
    public bool Remove(TKey key, TValue value)
    {
        ref Node? head = ref _buckets[Slot(_buckets, key)];
        Node? found = head;
        while (found is not null && !(found.Key.Equals(key) && ReferenceEquals(found.Value, value))) found = found.Next;
        if (found is null) return false;
        Volatile.Write(ref head, Without(head!, found));
        Count--;
        return true;
    }

    private static Node? Without(Node chain, Node gone) =>
        ReferenceEquals(chain, gone) ? chain.Next : chain with { Next = Without(chain.Next!, gone) };

    private void Grow()
    {
        var grown = new Node?[_buckets.Length * 4];
        foreach (Node? chain in _buckets) Copy(chain, grown);
        Volatile.Write(ref _buckets, grown);
    }

    // The oldest first, so that the newest stays in front.
    private static void Copy(Node? chain, Node?[] to)
    {
        if (chain is null) return;
        Copy(chain.Next, to);
        ref Node? head = ref to[Slot(to, chain.Key)];
        head = new(chain.Key, chain.Value, head);
    }

    private static uint Slot(Node?[] buckets, TKey key)
    {
        // Fibonacci hashing: keys such as consecutive addresses spread over all buckets.
        uint hash = (uint)key.GetHashCode() * 2654435769u;
        return (hash >> 7) & (uint)(buckets.Length - 1);
    }
}
