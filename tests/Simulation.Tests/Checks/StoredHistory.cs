using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Simulation.Tests.Checks;

/// <summary>
/// At the end of a run every session that the store holds is exported as a node would do it, and the file is verified as an auditor would:
/// chain, signatures, invariants, and every event decided again from its cause (REQ-AUDIT-2).
/// </summary>
internal static class StoredHistory
{
    private const string Node = "gw";

    private static readonly AuditSigner Signer = new(new byte[32]);
    private static readonly TrustedKeys Trusted = new([(Signer.Key, Node)]);

    /// <summary>What does not hold in the first session for which anything does not; null if all do.</summary>
    /// <param name="sessions">Sessions that were verified.</param>
    /// <param name="events">Events that were decided again.</param>
    public static string? Fault(InMemoryStoreState store, SessionPolicy policy, out int sessions, out long events)
    {
        (sessions, events) = (0, 0);
        var listing = new AuditListing([], [new(SessionJson.HashOf(policy), SessionJson.Of(policy))]);
        foreach (StoredStream stream in store.List())
        {
            if (store.Load(stream.Head.Stream) is not LoadResult.Found found) return $"session {stream.Head.Stream} cannot be loaded";
            using var file = new MemoryStream();
            var header = new IncidentRecord.Header("0.1.0", stream.Head.Stream, IncidentRole.Gateway, IncidentOrigin.Node, Node, default);
            if (IncidentExport.Write(new(header, Signer, listing, found.History.Envelopes, null, []), file) is { } problem) return $"session {stream.Head.Stream}: {problem}";
            file.Position = 0;
            using var reader = new IncidentFileReader("the export", file);
            var check = new IncidentCheck(SodiumAuditVerifier.Instance, Trusted);
            while (reader.Read() && check.Take(reader.Line, reader.Digest))
            {
            }
            if (check.Finish() is not { } summary || reader.Fault is not null) return $"session {stream.Head.Stream}: {reader.Fault ?? check.Fault?.ToString()}";
            if (summary.LastVersion != stream.Head.Version) return $"session {stream.Head.Stream}: version {stream.Head.Version} is stored, {summary.LastVersion} was exported";
            sessions++;
            events += summary.Events;
        }
        return null;
    }
}
