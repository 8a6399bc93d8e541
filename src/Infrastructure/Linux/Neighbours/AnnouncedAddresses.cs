using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>
/// Which inner prefixes are here, session by session. A prefix belongs to the session that was announced last: a session that
/// supersedes another takes its addresses over before the other is withdrawn. For one thread at a time.
/// </summary>
internal sealed class AnnouncedAddresses
{
    private readonly Dictionary<SessionId, (IReadOnlyList<IpPrefix> Prefixes, long Number)> _sessions = [];
    private readonly Dictionary<IpPrefix, SessionId> _owners = [];

    // Prefixes by their length, so that an address is looked for once for each length in use.
    private readonly SortedDictionary<(bool IsIPv4, byte Length), int> _lengths = [];
    private long _lastNumber;

    public bool IsEmpty => _sessions.Count == 0;

    public IReadOnlyCollection<SessionId> Sessions => _sessions.Keys;

    /// <summary>Adds a session; false if it is there already.</summary>
    public bool Add(SessionId session, IReadOnlyList<IpPrefix> prefixes)
    {
        if (!_sessions.TryAdd(session, (prefixes, ++_lastNumber))) return false;
        foreach (IpPrefix prefix in prefixes)
        {
            IpPrefix network = prefix.Network;
            if (!_owners.ContainsKey(network)) Count(network, 1);
            _owners[network] = session;
        }
        return true;
    }

    public void Remove(SessionId session)
    {
        if (!_sessions.Remove(session, out (IReadOnlyList<IpPrefix> Prefixes, long Number) removed)) return;
        foreach (IpPrefix prefix in removed.Prefixes)
        {
            IpPrefix network = prefix.Network;
            if (!_owners.TryGetValue(network, out SessionId owner) || owner != session) continue;
            _owners.Remove(network);
            Count(network, -1);
        }
    }

    /// <summary>The session's prefixes and the number of its announcement; null once it has been removed.</summary>
    public (IReadOnlyList<IpPrefix> Prefixes, long Number)? Find(SessionId session) => _sessions.TryGetValue(session, out var found) ? found : null;

    /// <summary>True if the address lies in a prefix that is here.</summary>
    public bool Contains(UInt128 address, bool isIPv4)
    {
        foreach ((bool IsIPv4, byte Length) kind in _lengths.Keys)
        {
            if (kind.IsIPv4 == isIPv4 && _owners.ContainsKey(new IpPrefix(address, kind.Length, isIPv4).Network)) return true;
        }
        return false;
    }

    private void Count(IpPrefix prefix, int change)
    {
        (bool, byte) kind = (prefix.IsIPv4, prefix.Length);
        int count = _lengths.GetValueOrDefault(kind) + change;
        if (count == 0) _lengths.Remove(kind);
        else _lengths[kind] = count;
    }
}
