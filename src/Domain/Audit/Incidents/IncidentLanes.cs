using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>A stretch of time in a lane, in the incident's common time.</summary>
/// <param name="FromVersion">The version with which it began.</param>
/// <param name="Until">Its end; of the last one the last moment that the incident knows.</param>
public sealed record LaneSpan<T>(T What, long FromVersion, WallTime From, WallTime Until);

/// <summary>A transport in its lane.</summary>
public sealed record LaneTransport(ulong Id, string Node, string Remote, string Local, uint Path);

/// <summary>An owner in its lane; null after a release.</summary>
public sealed record LaneOwner(Owner? Owner, ulong Epoch);

/// <summary>One path's measurements by one node, in order of time.</summary>
public sealed record PathLane(string Node, string Path, ImmutableArray<Evidence.PathSample> Samples);

/// <summary>The swim lanes of an incident: what held from when until when.</summary>
/// <param name="States">The session's states.</param>
/// <param name="Transports">What was bound; between two of them nothing was.</param>
/// <param name="Owners">Who served.</param>
/// <param name="Clients">By client node: the states as the client knew them.</param>
/// <param name="Paths">Round trips and loss, by node and path.</param>
/// <param name="Start">The first moment that anything is known of.</param>
/// <param name="End">The last one.</param>
public sealed record IncidentLanes(
    ImmutableArray<LaneSpan<SessionState>> States, ImmutableArray<LaneSpan<LaneTransport>> Transports, ImmutableArray<LaneSpan<LaneOwner>> Owners,
    ImmutableSortedDictionary<string, ImmutableArray<LaneSpan<SessionState>>> Clients, ImmutableArray<PathLane> Paths, WallTime Start, WallTime End)
{
    public static IncidentLanes Of(Incident incident)
    {
        long[] moments =
        [
            .. incident.Steps.Where(static step => step.Happened is not null).Select(step => incident.At(step).Microseconds),
            .. incident.Evidence.Select(seen => incident.At(seen).Microseconds),
        ];
        var start = new WallTime(moments.Length > 0 ? moments.Min() : 0);
        var end = new WallTime(moments.Length > 0 ? moments.Max() : 0);
        (long, WallTime, IncidentStep)[] steps = [.. incident.Steps.Select(step => (step.Version, incident.At(step), step))];
        return new(
            Spans(steps, static step => step.After.State, end),
            [
                .. Spans(steps, static step => Transport(step.After), end)
                    .Where(static span => span.What is not null)
                    .Select(static span => new LaneSpan<LaneTransport>(span.What!, span.FromVersion, span.From, span.Until)),
            ],
            Spans(steps, static step => new LaneOwner(Owner(step.After), step.After.OwnershipEpoch), end),
            ClientLanes(incident, end),
            [
                .. incident.Evidence.OfType<Evidence.PathSample>().GroupBy(static sample => (sample.Node, sample.Path))
                    .OrderBy(static lane => lane.Key.Node, StringComparer.Ordinal).ThenBy(static lane => lane.Key.Path, StringComparer.Ordinal)
                    .Select(static lane => new PathLane(lane.Key.Node, lane.Key.Path, [.. lane])),
            ],
            start, end);
    }

    private static LaneTransport? Transport(Session session) => session.Transport.MatchUnsafe<LaneTransport?>(
        Some: static bound => new(bound.Id, bound.Node, bound.Remote.ToString(), bound.Local.ToString(), bound.Path.Value), None: static () => null);

    private static Owner? Owner(Session session) => session.Owner.MatchUnsafe<Owner?>(Some: static owner => owner, None: static () => null);

    private static ImmutableSortedDictionary<string, ImmutableArray<LaneSpan<SessionState>>> ClientLanes(Incident incident, WallTime end) =>
        incident.Evidence.OfType<Evidence.Mirrored>().GroupBy(static seen => seen.Node).ToImmutableSortedDictionary(
            static client => client.Key,
            client => Spans(client.Select(seen => (seen.Version, incident.At(seen), seen)), static seen => seen.To, end),
            StringComparer.Ordinal);

    /// <summary>Neighbours that say the same are one span.</summary>
    private static ImmutableArray<LaneSpan<T>> Spans<TItem, T>(IEnumerable<(long Version, WallTime At, TItem Item)> items, Func<TItem, T> what, WallTime end)
    {
        ImmutableArray<LaneSpan<T>>.Builder spans = ImmutableArray.CreateBuilder<LaneSpan<T>>();
        foreach ((long version, WallTime at, TItem item) in items)
        {
            T value = what(item);
            if (spans.Count > 0)
            {
                if (EqualityComparer<T>.Default.Equals(spans[^1].What, value)) continue;
                spans[^1] = spans[^1] with { Until = at };
            }
            spans.Add(new(value, version, at, end));
        }
        return spans.ToImmutable();
    }
}
