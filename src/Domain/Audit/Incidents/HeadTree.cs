using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>What a leaf of a signed tree stands for.</summary>
public enum HeadKind : byte
{
    /// <summary>The chain's head: an event, and through its hash all events before it.</summary>
    Event = 0,

    /// <summary>A snapshot, which is no link of the chain and so needs a leaf of its own.</summary>
    Snapshot = 1,
}

/// <summary>What is signed of one stream: that this envelope stands at that version.</summary>
/// <param name="Hash">The envelope's own hash.</param>
public readonly record struct HeadLeaf(HeadKind Kind, SessionId Stream, long Version, Hash256 Hash)
{
    public static HeadLeaf Of(EventEnvelope envelope) =>
        new(envelope.IsSnapshot ? HeadKind.Snapshot : HeadKind.Event, envelope.Stream, envelope.Version, envelope.Hash);
}

/// <summary>
/// The hash tree over the leaves of one statement (RFC 9162, 2.1): one signature covers all streams that moved, and an incident
/// file shows that its own stream is among them without naming another.
/// </summary>
public static class HeadTree
{
    /// <summary>Leaves of one tree at most.</summary>
    public const int MaxLeaves = 1 << 16;

    /// <summary>Hashes on the way from a leaf to the root at most.</summary>
    public const int MaxPath = 16;

    /// <summary>The root over at least one leaf.</summary>
    public static Hash256 Root(ReadOnlySpan<HeadLeaf> leaves) => Subtree(Hashes(leaves));

    /// <summary>The hashes that lead from the leaf at <paramref name="index"/> to the root, nearest first.</summary>
    public static ImmutableArray<Hash256> Path(ReadOnlySpan<HeadLeaf> leaves, int index)
    {
        ImmutableArray<Hash256>.Builder path = ImmutableArray.CreateBuilder<Hash256>();
        Collect(Hashes(leaves), index, path);
        return path.ToImmutable();
    }

    /// <summary>The root that a leaf and its path lead to; null if the path does not fit a tree of that size (RFC 9162, 2.1.3.2).</summary>
    public static Hash256? RootOf(HeadLeaf leaf, int index, int count, ReadOnlySpan<Hash256> path)
    {
        if (index < 0 || count is < 1 or > MaxLeaves || index >= count) return null;
        Hash256 hash = HashOf(leaf);
        int node = index, last = count - 1;
        foreach (Hash256 sibling in path)
        {
            if (last == 0) return null;
            if ((node & 1) == 1 || node == last)
            {
                hash = Join(sibling, hash);
                while ((node & 1) == 0 && node != 0)
                {
                    node >>= 1;
                    last >>= 1;
                }
            }
            else
            {
                hash = Join(hash, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 ? hash : null;
    }

    private static Hash256[] Hashes(ReadOnlySpan<HeadLeaf> leaves)
    {
        if (leaves.Length is 0 or > MaxLeaves) throw new ArgumentOutOfRangeException(nameof(leaves), leaves.Length, "a tree has 1 to 65,536 leaves");
        var hashes = new Hash256[leaves.Length];
        for (int i = 0; i < hashes.Length; i++) hashes[i] = HashOf(leaves[i]);
        return hashes;
    }

    private static Hash256 Subtree(ReadOnlySpan<Hash256> hashes)
    {
        if (hashes.Length == 1) return hashes[0];
        int left = Split(hashes.Length);
        return Join(Subtree(hashes[..left]), Subtree(hashes[left..]));
    }

    private static void Collect(ReadOnlySpan<Hash256> hashes, int index, ImmutableArray<Hash256>.Builder path)
    {
        if (hashes.Length == 1) return;
        int left = Split(hashes.Length);
        if (index < left)
        {
            Collect(hashes[..left], index, path);
            path.Add(Subtree(hashes[left..]));
        }
        else
        {
            Collect(hashes[left..], index - left, path);
            path.Add(Subtree(hashes[..left]));
        }
    }

    /// <summary>The largest power of two below <paramref name="count"/>.</summary>
    private static int Split(int count) => 1 << System.Numerics.BitOperations.Log2((uint)(count - 1));

    private static Hash256 HashOf(HeadLeaf leaf)
    {
        Span<byte> input = stackalloc byte[2 + SessionId.Size + sizeof(long) + Hash256.Size];
        input[0] = 0;
        input[1] = (byte)leaf.Kind;
        leaf.Stream.Write(input[2..]);
        BinaryPrimitives.WriteInt64BigEndian(input[(2 + SessionId.Size)..], leaf.Version);
        leaf.Hash.Write(input[(2 + SessionId.Size + sizeof(long))..]);
        return Digest(input);
    }

    private static Hash256 Join(Hash256 left, Hash256 right)
    {
        Span<byte> input = stackalloc byte[1 + (2 * Hash256.Size)];
        input[0] = 1;
        left.Write(input[1..]);
        right.Write(input[(1 + Hash256.Size)..]);
        return Digest(input);
    }

    private static Hash256 Digest(ReadOnlySpan<byte> input)
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        SHA256.HashData(input, digest);
        return Hash256.Read(digest);
    }
}
