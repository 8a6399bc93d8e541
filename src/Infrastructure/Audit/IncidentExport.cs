using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>What an incident file is made from.</summary>
/// <param name="Header">Its first line.</param>
/// <param name="Signer">The exporting node's key.</param>
/// <param name="Listing">Keys and policies that the store lists.</param>
/// <param name="Live">The stream as the store holds it; empty where it holds none.</param>
/// <param name="AuditDirectory">The node's archive and journal of heads; null for a client.</param>
/// <param name="Evidence">What the flight recorder holds.</param>
public sealed record IncidentSources(
    IncidentRecord.Header Header, IAuditSigner Signer, AuditListing Listing, ImmutableArray<EventEnvelope> Live, string? AuditDirectory,
    IEnumerable<Evidence> Evidence);

/// <summary>Writes the incident file of one session.</summary>
public static class IncidentExport
{
    /// <summary>Signatures over events are as far apart as this, in versions; each covers all events before it.</summary>
    private const int SignatureSpacing = 64;

    /// <summary>
    /// Gathers all that is known of the session and writes it. Null when it is done; otherwise why there is nothing to write, in one line.
    /// Throws <see cref="IOException"/> where something cannot be read or written.
    /// </summary>
    public static string? Write(IncidentSources sources, Stream output)
    {
        SessionId session = sources.Header.Session;
        List<SegmentLine> archived = sources.AuditDirectory is { } directory && Directory.Exists(directory) ? [.. SegmentReader.About(directory, session)] : [];
        EventEnvelope[] events =
        [
            .. SegmentReader.History(archived.OfType<SegmentLine.Event>().Select(static line => line.Envelope).Where(envelope => envelope.Stream == session)
                .Concat(sources.Live)),
        ];
        if (sources.Header.Role == IncidentRole.Gateway && events.Length == 0) return $"{session}: neither the store nor the archive of this node has it";
        Evidence[] evidence = [.. sources.Evidence.Where(seen => seen.About is null || seen.About == session)];
        if (sources.Header.Role == IncidentRole.Client && !evidence.Any(seen => seen.About == session)) return $"{session}: this client's recorder knows nothing of it";
        ImmutableArray<IncidentRecord.NodeKey> keys = Keys(sources);
        Dictionary<HeadLeaf, SignedHead> signed = Signatures(sources, archived, keys);
        string damaged = archived.OfType<SegmentLine.Damaged>().FirstOrDefault() is { } line ? $"; {line.Segment} is damaged at line {line.Number}" : "";

        var writer = new IncidentFileWriter(output, sources.Header);
        foreach (IncidentRecord.Policy policy in Policies(sources, events)) writer.Add(policy);
        foreach (IncidentRecord.NodeKey key in keys) writer.Add(key);
        WriteEvents(writer, sources, events, signed, damaged);
        foreach (Evidence seen in evidence) writer.Add(new IncidentRecord.Observed(seen));
        writer.Seal(sources.Signer);
        return null;
    }

    private static void WriteEvents(
        IncidentFileWriter writer, IncidentSources sources, EventEnvelope[] events, Dictionary<HeadLeaf, SignedHead> signed, string damaged)
    {
        long version = 0, lastSigned = 0;
        for (int i = 0; i < events.Length; i++)
        {
            EventEnvelope envelope = events[i];
            // Versions that are neither here nor in a snapshot's event: others have archived them.
            bool bridges = envelope.IsSnapshot && envelope.Version > version;
            if (bridges) writer.Add(new IncidentRecord.Gap(version + 1, envelope.Version, Others(sources, events), "not in this node's archive" + damaged));
            writer.Add(new IncidentRecord.Event(envelope));
            version = envelope.Version;
            HeadLeaf leaf = HeadLeaf.Of(envelope);
            bool isLast = i + 1 == events.Length;
            bool wanted = envelope.IsSnapshot || isLast || envelope.Version - lastSigned >= SignatureSpacing;
            SignedHead? head = wanted && signed.TryGetValue(leaf, out SignedHead? found) ? found : null;
            if (head is null && (bridges || isLast))
                head = SignedHead.Sign(sources.Signer, sources.Header.Node, sources.Header.Exported, [leaf], 0);
            if (head is null) continue;
            writer.Add(new IncidentRecord.Signed(head));
            if (!envelope.IsSnapshot) lastSigned = envelope.Version;
        }
    }

    /// <summary>The earliest statement about each head, under a key that is listed: it says how long the event has been there.</summary>
    private static Dictionary<HeadLeaf, SignedHead> Signatures(
        IncidentSources sources, List<SegmentLine> archived, ImmutableArray<IncidentRecord.NodeKey> keys)
    {
        var signed = new Dictionary<HeadLeaf, SignedHead>();
        foreach (SegmentLine.Signed line in archived.OfType<SegmentLine.Signed>())
            for (int i = 0; i < line.Tree.Leaves.Length; i++)
                if (line.Tree.Leaves[i].Stream == sources.Header.Session) Add(line.Tree.At(i));
        if (sources.AuditDirectory is { } directory)
            foreach (SignedHead head in HeadJournal.Of(directory, sources.Header.Session)) Add(head);
        return signed;

        void Add(SignedHead head)
        {
            if (!keys.Contains(new(head.Statement.Node, head.Key))) return;
            if (!signed.TryGetValue(head.Leaf, out SignedHead? other) || head.Statement.Wall.Microseconds < other.Statement.Wall.Microseconds) signed[head.Leaf] = head;
        }
    }

    private static IEnumerable<IncidentRecord.Policy> Policies(IncidentSources sources, EventEnvelope[] events)
    {
        var used = events.Where(static envelope => !envelope.IsSnapshot).Select(static envelope => envelope.Draft.PolicyHash).ToHashSet();
        return sources.Listing.Policies.Where(policy => used.Contains(policy.Hash));
    }

    /// <summary>The keys that the store lists, and the exporter's own.</summary>
    private static ImmutableArray<IncidentRecord.NodeKey> Keys(IncidentSources sources) =>
    [
        .. sources.Listing.Keys.Append(new IncidentRecord.NodeKey(sources.Header.Node, sources.Signer.Key)).Distinct()
            .OrderBy(static key => key.Node, StringComparer.Ordinal).ThenBy(static key => key.Key),
    ];

    /// <summary>The other nodes that the store lists.</summary>
    private static string Others(IncidentSources sources, EventEnvelope[] events) => string.Join(
        ", ", sources.Listing.Keys.Select(static key => key.Node)
            .Concat(events.Select(static envelope => envelope.Draft.Node))
            .Where(node => node != sources.Header.Node).Distinct().Order(StringComparer.Ordinal));
}
