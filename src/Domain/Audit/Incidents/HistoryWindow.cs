using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// Compares the events of several parts: where two nodes hold one version, they must hold one event. Because each event's hash covers all
/// before it, it is enough to remember the newest versions of the parts before.
/// </summary>
internal sealed class HistoryWindow
{
    /// <summary>Versions that are remembered.</summary>
    private const int Size = 1 << 16;

    private readonly Dictionary<long, Hash256> _known = [];
    private readonly Queue<long> _order = [];

    /// <summary>False if another part holds another event at that version.</summary>
    public bool Agrees(long version, Hash256 hash)
    {
        if (_known.TryGetValue(version, out Hash256 other)) return other == hash;
        if (_order.Count == Size) _known.Remove(_order.Dequeue());
        _known.Add(version, hash);
        _order.Enqueue(version);
        return true;
    }
}
