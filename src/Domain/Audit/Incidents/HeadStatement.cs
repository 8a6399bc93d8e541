using System.Collections.Immutable;
using System.Security.Cryptography;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// What a node signs about its streams: a tree over the heads that moved since its last statement, or over a batch that it has archived.
/// </summary>
/// <param name="Node">The node's name.</param>
/// <param name="Wall">When it was signed, by the node's wall clock.</param>
/// <param name="Count">Leaves of the tree.</param>
/// <param name="Root">The tree's root.</param>
public sealed record HeadStatement(string Node, WallTime Wall, int Count, Hash256 Root)
{
    private static ReadOnlySpan<byte> Label => "jumping-vpn heads 1\0"u8;

    /// <summary>What is signed: a label, then the canonical JSON of the members.</summary>
    public byte[] ToSigned() => [.. Label, .. CanonicalJson.From(JsonValue.Object(Members())).ToUtf8()];

    internal static HeadStatement Read(JsonFields fields) => new(
        fields.Text("node"), new(fields.Int64("wall")), fields.Int32("count"), fields.Parsed<Hash256>("root", Hash256.TryParse));

    internal IEnumerable<(string Name, JsonValue Value)> Members() =>
    [
        ("count", JsonValue.Of(Count)), ("node", JsonValue.Of(Node)), ("root", JsonValue.Of(Root.ToString())), ("wall", JsonValue.OfInt64(Wall.Microseconds)),
    ];
}

/// <summary>A statement with its signature and the way from one leaf to its root.</summary>
/// <param name="Index">The leaf's place in the tree, from 0.</param>
/// <param name="Path">See <see cref="HeadTree.Path"/>.</param>
public sealed record SignedHead(HeadLeaf Leaf, int Index, ImmutableArray<Hash256> Path, HeadStatement Statement, AuditKey Key, AuditSignature Signature)
{
    /// <summary>Signs a tree over <paramref name="leaves"/>, and shows the one at <paramref name="index"/>.</summary>
    public static SignedHead Sign(IAuditSigner signer, string node, WallTime wall, ReadOnlySpan<HeadLeaf> leaves, int index)
    {
        var statement = new HeadStatement(node, wall, leaves.Length, HeadTree.Root(leaves));
        return new(leaves[index], index, HeadTree.Path(leaves, index), statement, signer.Key, signer.Sign(statement.ToSigned()));
    }

    /// <summary>What is wrong with it by itself, or null: the leaf leads to the root, and the key has signed that.</summary>
    public string? Fault(IAuditVerifier verifier) =>
        HeadTree.RootOf(Leaf, Index, Statement.Count, Path.AsSpan()) != Statement.Root ? "the event is not in the tree that was signed"
        : !verifier.Verify(Key, Statement.ToSigned(), Signature) ? "the signature does not match"
        : null;
}
