using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static JumpingVpn.Domain.Audit.JsonValue;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// A statement with all of its leaves: a line of a node's journal of heads, and the line behind each batch in an archive's segment. STORAGE
/// FORMAT. An incident file holds single leaves of it (<see cref="SignedHead"/>).
/// </summary>
public sealed record SignedTree(ImmutableArray<HeadLeaf> Leaves, HeadStatement Statement, AuditKey Key, AuditSignature Signature)
{
    private const string Kind = "heads";

    /// <summary>Signs what moved: at least one leaf.</summary>
    public static SignedTree Sign(IAuditSigner signer, string node, WallTime wall, ImmutableArray<HeadLeaf> leaves)
    {
        var statement = new HeadStatement(node, wall, leaves.Length, HeadTree.Root(leaves.AsSpan()));
        return new(leaves, statement, signer.Key, signer.Sign(statement.ToSigned()));
    }

    /// <summary>One leaf with its way to the root.</summary>
    public SignedHead At(int index) => new(Leaves[index], index, HeadTree.Path(Leaves.AsSpan(), index), Statement, Key, Signature);

    /// <summary>The line, without its end.</summary>
    public string ToText() => CanonicalJson.From(Object(
        ("key", Of(Key.ToString())), ("leaves", Array(Leaves.Select(Text))), ("record", Of(Kind)), ("signature", Of(Signature.ToString())),
        ("statement", Object(Statement.Members())))).Text;

    /// <summary>Left, in one line, for what is no such line. It does not judge the signature.</summary>
    public static Either<string, SignedTree> Parse(string text) => JsonFields.Read(text).Bind<SignedTree>(fields =>
    {
        if (fields.Text("record") != Kind) return "the line is no statement about heads";
        ImmutableArray<HeadLeaf> leaves = fields.ListOf<HeadLeaf>("leaves", HeadTree.MaxLeaves, TryLeaf);
        var tree = new SignedTree(leaves, fields.Nested("statement", HeadStatement.Read), fields.Parsed<AuditKey>("key", AuditKey.TryParse),
            fields.Parsed<AuditSignature>("signature", AuditSignature.TryParse));
        if (fields.Fault is { } fault) return fault;
        return leaves.IsEmpty || tree.ToText() != text ? "the line is not in its canonical form" : tree;
    });

    private static JsonValue Text(HeadLeaf leaf) =>
        Of(string.Create(CultureInfo.InvariantCulture, $"{IncidentJson.Lower(leaf.Kind)} {leaf.Stream} {leaf.Version} {leaf.Hash}"));

    private static bool TryLeaf(ReadOnlySpan<char> text, out HeadLeaf leaf)
    {
        leaf = default;
        string[] words = text.ToString().Split(' ');
        if (words.Length != 4 || words[0] is not ("event" or "snapshot") || !SessionId.TryParse(words[1], out SessionId stream)
            || !long.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out long version) || !Hash256.TryParse(words[3], out Hash256 hash))
            return false;
        leaf = new(words[0] == "event" ? HeadKind.Event : HeadKind.Snapshot, stream, version, hash);
        return true;
    }
}
