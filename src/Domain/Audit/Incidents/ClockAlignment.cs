using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// How far each node's wall clock is shifted so that the timeline obeys what is certain: versions happen in their order, and a client
/// learns of a version only after it happened. What lies between two certain moments is as long as the node's own clock says.
/// </summary>
/// <param name="Shifts">Microseconds to add to a node's wall time.</param>
public sealed record ClockAlignment(ImmutableSortedDictionary<string, long> Shifts)
{
    /// <summary>A node's wall time in the common time.</summary>
    public WallTime Align(string node, WallTime wall) => Shifts.TryGetValue(node, out long shift) ? new(unchecked(wall.Microseconds + shift)) : wall;

    /// <summary>
    /// The first event's node is the reference. Another gateway is moved later by just as much as its events would otherwise precede
    /// their predecessors; a client is moved so that the version that it learned of fastest was learned at once.
    /// </summary>
    internal static ClockAlignment Of(IReadOnlyList<EventEnvelope> envelopes, IReadOnlyList<Evidence> evidence)
    {
        ImmutableSortedDictionary<string, long> shifts = ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal);
        var walls = new SortedDictionary<long, long>();
        long latest = long.MinValue;
        string? previous = null;
        foreach (EventEnvelope envelope in envelopes)
        {
            if (envelope.IsSnapshot) continue;
            string node = envelope.Draft.Node;
            long shift = shifts.GetValueOrDefault(node);
            long wall = unchecked(envelope.Draft.Wall.Microseconds + shift);
            // A step back within one node is that node's clock being set; only where the node changes is it two clocks.
            if (wall < latest && previous is not null && previous != node)
            {
                shift += latest - wall;
                wall = latest;
            }
            shifts = shifts.SetItem(node, shift);
            walls[envelope.Version] = wall;
            latest = wall;
            previous = node;
        }
        foreach (IGrouping<string, Evidence.Mirrored> client in evidence.OfType<Evidence.Mirrored>().GroupBy(static seen => seen.Node))
        {
            if (shifts.ContainsKey(client.Key)) continue;
            long? least = null;
            foreach (Evidence.Mirrored seen in client)
                if (walls.TryGetValue(seen.Version, out long wall))
                    least = Math.Min(least ?? long.MaxValue, unchecked(seen.Wall.Microseconds - wall));
            if (least is { } early) shifts = shifts.SetItem(client.Key, -early);
        }
        return new(shifts);
    }
}
