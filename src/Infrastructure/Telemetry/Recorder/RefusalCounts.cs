using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Infrastructure.Telemetry.Recorder;

/// <summary>
/// Refused inputs by reason, source and session, with the first and the last in full. Bounded; not safe for several threads by itself. A
/// flood costs a look-up for each refusal and no text at all.
/// </summary>
internal sealed class RefusalCounts
{
    /// <summary>Entries at most; what is beyond them is not taken.</summary>
    public const int MaxEntries = 1024;

    private readonly Dictionary<Key, Entry> _entries = [];

    /// <summary>False if there is no room for another reason, source or session.</summary>
    public bool Count(ReasonCode reason, Endpoint source, SessionId? session, WallTime wall, string detail)
    {
        var seen = new Seen(source, wall, detail);
        var key = new Key(reason, Network(source), session);
        if (_entries.TryGetValue(key, out Entry? entry))
        {
            entry.Count++;
            entry.Last = seen;
            return true;
        }
        if (_entries.Count >= MaxEntries) return false;
        _entries.Add(key, new(seen));
        return true;
    }

    /// <summary>Gives what was counted, and begins anew.</summary>
    public List<Evidence> Take(string node, WallTime wall)
    {
        List<Evidence> all = new(_entries.Count);
        foreach ((Key key, Entry entry) in _entries)
            all.Add(new Evidence.Rejections(
                node, wall, key.Reason.Name(), key.Network.IsUnspecified ? "-" : Text(key.Network), entry.Count, Whole(entry.First, key.Session), Whole(entry.Last, key.Session)));
        _entries.Clear();
        return all;
    }

    private static RefusedInput Whole(Seen seen, SessionId? session) =>
        new(seen.Wall, seen.Source.IsUnspecified ? "-" : seen.Source.ToString(), session, seen.Detail);

    /// <summary>The address without its port; of IPv6 the /64, which is one host's to choose from. Refusals come at the rate of a flood: no allocation.</summary>
    private static Endpoint Network(Endpoint source) =>
        source.IsIPv4 ? source with { Port = 0 } : new(source.Address & (UInt128.MaxValue << 64), 0);

    private static string Text(Endpoint network)
    {
        string address = network.ToIPAddress().ToString();
        return network.IsIPv4 ? address : address + "/64";
    }

    private readonly record struct Key(ReasonCode Reason, Endpoint Network, SessionId? Session);

    private readonly record struct Seen(Endpoint Source, WallTime Wall, string Detail);

    private sealed class Entry(Seen first)
    {
        public Seen First { get; } = first;

        public Seen Last { get; set; } = first;

        public long Count { get; set; } = 1;
    }
}
