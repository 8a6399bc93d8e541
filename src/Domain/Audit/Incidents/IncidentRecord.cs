using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>Who wrote an incident file.</summary>
public enum IncidentRole
{
    /// <summary>A gateway node: events and evidence.</summary>
    Gateway,

    /// <summary>A client: evidence, the mirrored transitions among it.</summary>
    Client,
}

/// <summary>Where its content came from.</summary>
public enum IncidentOrigin
{
    /// <summary>From a running node, with the live chain's head signed at that moment.</summary>
    Node,

    /// <summary>From a node's files while no node ran.</summary>
    Files,
}

/// <summary>
/// A line of an incident file. A part of a file is a header, then policies, keys, events in order of their versions, signatures,
/// evidence, gaps, and the seal. STORAGE FORMAT: see <see cref="IncidentJson"/> and docs/AUDIT.md.
/// </summary>
public abstract record IncidentRecord
{
    private IncidentRecord()
    {
    }

    /// <summary>The first line.</summary>
    /// <param name="Program">The version of the program that wrote it.</param>
    /// <param name="Session">The session that all of it is about.</param>
    /// <param name="Node">The exporting node.</param>
    /// <param name="Exported">When, by that node's wall clock.</param>
    public sealed record Header(string Program, SessionId Session, IncidentRole Role, IncidentOrigin Origin, string Node, WallTime Exported) : IncidentRecord
    {
        /// <summary>The layout of the lines. Readers refuse a higher one.</summary>
        public const int Format = 1;
    }

    /// <summary>A policy under which events of the file were decided.</summary>
    /// <param name="Hash">SHA-256 of <paramref name="Text"/>.</param>
    public sealed record Policy(Hash256 Hash, CanonicalJson Text) : IncidentRecord;

    /// <summary>The audit key of a node as the exporter's store lists it. Whether it is to be trusted is for the reader to know.</summary>
    public sealed record NodeKey(string Node, AuditKey Key) : IncidentRecord;

    /// <summary>An event or snapshot, as it was stored.</summary>
    public sealed record Event(EventEnvelope Envelope) : IncidentRecord;

    /// <summary>A node's signature over the chain's head at one version, or over a snapshot.</summary>
    public sealed record Signed(SignedHead Head) : IncidentRecord;

    /// <summary>Something that a node has seen.</summary>
    public sealed record Observed(Evidence Evidence) : IncidentRecord;

    /// <summary>Events that the exporter does not have.</summary>
    /// <param name="From">The first missing version.</param>
    /// <param name="To">The last missing version.</param>
    /// <param name="HeldBy">The nodes whose archives should have them; empty if they are known to be gone.</param>
    /// <param name="Note">Why, in words.</param>
    public sealed record Gap(long From, long To, string HeldBy, string Note) : IncidentRecord;

    /// <summary>The last line of a part: the exporter's signature over all that stands before it.</summary>
    /// <param name="Lines">How many lines stand before it, in its part.</param>
    /// <param name="Digest">The container's chain hash before the seal (docs/AUDIT.md).</param>
    public sealed record Seal(long Lines, Hash256 Digest, AuditKey Key, AuditSignature Signature) : IncidentRecord
    {
        private static ReadOnlySpan<byte> Label => "jumping-vpn incident seal 1\0"u8;

        /// <summary>What is signed.</summary>
        public static byte[] ToSigned(long lines, Hash256 digest) => [.. Label, .. CanonicalJson.From(JsonValue.Object(
            ("digest", JsonValue.Of(digest.ToString())), ("lines", JsonValue.OfInt64(lines)))).ToUtf8()];
    }
}
