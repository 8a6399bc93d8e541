using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>An archive for stores that live in memory.</summary>
public sealed class InMemoryAuditArchive : IAuditArchive
{
    private readonly Lock _gate = new();
    private readonly List<EventEnvelope> _envelopes = [];

    /// <summary>Set to make the archive refuse, with this reason.</summary>
    public string? Failure { get; set; }

    /// <summary>What the archive holds, in the order it came.</summary>
    public ImmutableArray<EventEnvelope> Envelopes
    {
        get
        {
            lock (_gate) return [.. _envelopes];
        }
    }

    public ValueTask<string?> AppendSegmentAsync(ImmutableArray<EventEnvelope> envelopes)
    {
        lock (_gate)
        {
            if (Failure is null) _envelopes.AddRange(envelopes);
            return ValueTask.FromResult(Failure);
        }
    }
}
