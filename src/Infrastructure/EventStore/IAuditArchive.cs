using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Where envelopes go before the store deletes them. A store that dies between the two hands them over again, so an archive
/// may hold an envelope twice; readers drop the second by (stream, version, hash).
/// </summary>
public interface IAuditArchive
{
    /// <summary>Null once all of them are durable; otherwise why not, and the caller keeps them.</summary>
    ValueTask<string?> AppendSegmentAsync(ImmutableArray<EventEnvelope> envelopes);
}
