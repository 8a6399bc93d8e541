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

    private readonly (long Version, Hash256 Hash)[] _newest = new (long, Hash256)[Size];

    /// <summary>False if another part holds another event at that version.</summary>
    public bool Agrees(long version, Hash256 hash)
    {
        ref (long Version, Hash256 Hash) known = ref _newest[version & (Size - 1)];
        if (known.Version == version) return known.Hash == hash;
        if (known.Version < version) known = (version, hash);
        return true;
    }
}
