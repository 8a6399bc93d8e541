using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Simulation.Tests.Kernel;

/// <summary>
/// What happened, one line each, for people; and a checksum of all of it, by which two runs of one seed are compared. Lines are kept
/// only where somebody will read them, and then only the last ones.
/// </summary>
internal sealed class Trace(Agenda agenda, bool isKept)
{
    private const int MaxLines = 40_000;
    private readonly Queue<string> _lines = new();

    /// <summary>Changes with every entry.</summary>
    public ulong Checksum { get; private set; } = 14695981039346656037;

    public bool IsKept => isKept;

    public IEnumerable<string> Lines => _lines;

    /// <summary>Enters a number into the checksum.</summary>
    public void Mark(ulong number)
    {
        Checksum = (Checksum ^ number ^ (ulong)agenda.Now.Ticks) * 1099511628211;
        Checksum ^= Checksum >> 29;
    }

    /// <summary>Enters bytes into the checksum.</summary>
    public void Mark(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0;
        foreach (byte b in bytes) hash = (hash ^ b) * 1099511628211;
        Mark(hash);
    }

    /// <summary>A line by <paramref name="who"/>; <paramref name="what"/> is asked only if lines are kept.</summary>
    public void Line(string who, Func<string> what)
    {
        if (!isKept) return;
        if (_lines.Count == MaxLines) _lines.Dequeue();
        _lines.Enqueue($"{(agenda.Now - Instant.FromMilliseconds(1_000_000)).TotalMilliseconds,11:0.000} {who,-10} {what()}");
    }
}
