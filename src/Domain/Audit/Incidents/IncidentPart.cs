using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// What one node has exported of one session, in memory: for showing, not for checking (<see cref="IncidentCheck"/> streams). Every list is in
/// the file's order; events are in order of their versions, a snapshot behind the event that it replaced.
/// </summary>
public sealed record IncidentPart(IncidentRecord.Header Header)
{
    public ImmutableArray<IncidentRecord.Policy> Policies { get; init; } = [];

    public ImmutableArray<IncidentRecord.NodeKey> Keys { get; init; } = [];

    public ImmutableArray<EventEnvelope> Events { get; init; } = [];

    public ImmutableArray<SignedHead> Signatures { get; init; } = [];

    public ImmutableArray<Evidence> Evidence { get; init; } = [];

    public ImmutableArray<IncidentRecord.Gap> Gaps { get; init; } = [];

    /// <summary>The exporter's signature over all of it.</summary>
    public required IncidentRecord.Seal Seal { get; init; }
}

/// <summary>Gathers the records of a file, one after the other, into its parts. For one thread.</summary>
public sealed class IncidentGathering
{
    private readonly ImmutableArray<IncidentPart>.Builder parts = ImmutableArray.CreateBuilder<IncidentPart>();
    private readonly ImmutableArray<IncidentRecord.Policy>.Builder policies = ImmutableArray.CreateBuilder<IncidentRecord.Policy>();
    private readonly ImmutableArray<IncidentRecord.NodeKey>.Builder keys = ImmutableArray.CreateBuilder<IncidentRecord.NodeKey>();
    private readonly ImmutableArray<EventEnvelope>.Builder events = ImmutableArray.CreateBuilder<EventEnvelope>();
    private readonly ImmutableArray<SignedHead>.Builder signatures = ImmutableArray.CreateBuilder<SignedHead>();
    private readonly ImmutableArray<Evidence>.Builder evidence = ImmutableArray.CreateBuilder<Evidence>();
    private readonly ImmutableArray<IncidentRecord.Gap>.Builder gaps = ImmutableArray.CreateBuilder<IncidentRecord.Gap>();
    private IncidentRecord.Header? header;

    /// <summary>Takes the next record; null, or what is wrong with its place.</summary>
    public string? Add(IncidentRecord record)
    {
        if (record is IncidentRecord.Header first)
        {
            if (header is not null) return "a header stands inside of a part";
            header = first;
            return null;
        }
        if (header is null) return "the first line is no header";
        switch (record)
        {
            case IncidentRecord.Policy policy:
                policies.Add(policy);
                break;
            case IncidentRecord.NodeKey key:
                keys.Add(key);
                break;
            case IncidentRecord.Event happened:
                events.Add(happened.Envelope);
                break;
            case IncidentRecord.Signed signed:
                signatures.Add(signed.Head);
                break;
            case IncidentRecord.Observed observed:
                evidence.Add(observed.Evidence);
                break;
            case IncidentRecord.Gap gap:
                gaps.Add(gap);
                break;
            case IncidentRecord.Seal seal:
                parts.Add(new(header)
                {
                    Policies = Drain(policies), Keys = Drain(keys), Events = Drain(events), Signatures = Drain(signatures), Evidence = Drain(evidence),
                    Gaps = Drain(gaps), Seal = seal,
                });
                header = null;
                break;
            default:
                throw new InvalidOperationException("a record that is none of the known ones");
        }
        return null;
    }

    /// <summary>The incident; Left if there is none, if its last part is not sealed, or if the parts are about different sessions.</summary>
    public Either<string, Incident> Finish() =>
        header is not null ? "the last part has no seal" : Incident.Of(parts.ToImmutable());

    private static ImmutableArray<T> Drain<T>(ImmutableArray<T>.Builder builder)
    {
        ImmutableArray<T> all = builder.ToImmutable();
        builder.Clear();
        return all;
    }
}
