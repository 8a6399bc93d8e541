using System.Collections.Immutable;
using JumpingVpn.Domain.Audit.Incidents;

namespace JumpingVpn.Replay.Reports;

/// <summary>A point of a plot, in the incident's common time.</summary>
internal readonly record struct SamplePoint(long Micros, long? RttMicros, int LossPpm, int State, bool IsBound);

/// <summary>One path's plot, thinned to what a page can hold.</summary>
/// <param name="Worst">How many samples one point stands for at most: it shows the worst of them.</param>
internal sealed record SampleLane(string Node, string Path, ImmutableArray<SamplePoint> Points, int Worst)
{
    private static readonly string[] States = ["Unknown", "Live", "Suspect", "Dead"];

    public static SampleLane Of(Incident incident, PathLane lane, int limit)
    {
        int stretch = (lane.Samples.Length + limit - 1) / limit;
        ImmutableArray<SamplePoint>.Builder points = ImmutableArray.CreateBuilder<SamplePoint>(lane.Samples.Length / Math.Max(1, stretch) + 1);
        foreach (Evidence.PathSample[] chunk in lane.Samples.Chunk(Math.Max(1, stretch)))
            points.Add(new(
                incident.At(chunk[0]).Microseconds, chunk.Max(static sample => sample.RttMicros), chunk.Max(static sample => sample.LossPpm),
                chunk.Max(static sample => Math.Max(0, Array.IndexOf(States, sample.State))), chunk.Any(static sample => sample.IsBound)));
        return new(lane.Node, lane.Path, points.DrainToImmutable(), stretch);
    }
}
