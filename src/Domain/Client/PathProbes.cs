using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Client;

/// <summary>A probe that waits for its answer, whose MAC covers this one.</summary>
/// <param name="Mac">The probe's MAC, big-endian.</param>
/// <param name="Length">Size of its datagram, in bytes.</param>
public readonly record struct SentProbe(ulong Counter, Instant At, UInt128 Mac, int Length);

/// <summary>The probes of one path: what is needed to know an answer. What they show is told to the selection.</summary>
/// <param name="Next">The counter of the next one.</param>
/// <param name="Sent">Those that wait for an answer, oldest first; bounded.</param>
public sealed record PathProbes(ulong Next, ImmutableArray<SentProbe> Sent)
{
    public static readonly PathProbes None = new(1, []);

    public PathProbes Add(SentProbe probe) =>
        new(probe.Counter + 1, (Sent.Length >= Paths.PathConstants.MaxOutstanding ? Sent.RemoveAt(0) : Sent).Add(probe));

    /// <summary>Takes one out; false if none has this counter.</summary>
    public bool TryTake(ulong counter, out SentProbe probe, out PathProbes rest)
    {
        int index = 0;
        while (index < Sent.Length && Sent[index].Counter != counter) index++;
        rest = this;
        probe = default;
        if (index == Sent.Length) return false;
        probe = Sent[index];
        rest = this with { Sent = Sent.RemoveAt(index) };
        return true;
    }

    /// <summary>None of them is waited for any more; counters go on.</summary>
    public PathProbes Forget() => this with { Sent = [] };
}
