using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>The first thing in an incident that does not hold.</summary>
/// <param name="Version">The version that it is about; 0 if it is about none.</param>
/// <param name="Problem">What is wrong, in one line.</param>
public sealed record IncidentFault(long Version, string Problem)
{
    /// <summary>Where the recorded event is not what its cause leads to: how the two differ. Null otherwise.</summary>
    public Divergence? Divergence { get; init; }

    public override string ToString() => Version > 0 ? $"version {Version}: {Problem}" : Problem;
}

/// <summary>An event that its own cause does not lead to.</summary>
/// <param name="Command">The stored command, as canonical JSON.</param>
/// <param name="Before">The session before it, as canonical JSON.</param>
/// <param name="Recorded">The stored event.</param>
/// <param name="Recomputed">What the decider makes of the command now: an event, a refusal, or nothing.</param>
public sealed record Divergence(string Command, string Before, string Recorded, string Recomputed);

/// <summary>A key that has signed something in the incident.</summary>
/// <param name="Node">The node that it belongs to by its own word.</param>
/// <param name="Signatures">How many signatures.</param>
/// <param name="IsTrusted">True if the reader has said that this key is to be trusted.</param>
public sealed record UsedKey(string Node, AuditKey Key, long Signatures, bool IsTrusted);

/// <summary>What a check that found no fault has seen.</summary>
/// <param name="Parts">Parts of the file.</param>
/// <param name="Events">Events, each decided again from its cause.</param>
/// <param name="LastVersion">The highest version.</param>
/// <param name="Evidence">Records of evidence: signed, and not judged.</param>
/// <param name="Keys">Who has signed.</param>
/// <param name="Gaps">Versions that signed snapshots bridge.</param>
public sealed record IncidentSummary(
    SessionId Session, int Parts, long Events, long LastVersion, long Snapshots, long Evidence, ImmutableArray<UsedKey> Keys,
    ImmutableArray<IncidentRecord.Gap> Gaps);
