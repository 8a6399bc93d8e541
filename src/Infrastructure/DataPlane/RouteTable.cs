using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Which session an inner address belongs to, longest prefix first: one hash table for each prefix length in use, so that a
/// look-up costs one probe a length (a gateway's clients have host prefixes: one probe). Changed by the command thread,
/// read by the packet threads without a lock.
/// </summary>
internal sealed class RouteTable
{
    private sealed record Level4(int Length, uint Mask, ReadMostlyTable<uint, SessionEntry> Table);

    private sealed record Level6(int Length, UInt128 Mask, ReadMostlyTable<UInt128, SessionEntry> Table);

    private Level4[] _levels4 = [];
    private Level6[] _levels6 = [];

    /// <summary>The session of an IPv4 address in host order; null if none has it.</summary>
    public SessionEntry? Find(uint address)
    {
        foreach (Level4 level in Volatile.Read(ref _levels4))
            if (level.Table.Find(address & level.Mask) is { } session) return session;
        return null;
    }

    /// <summary>The session of an IPv6 address; null if none has it.</summary>
    public SessionEntry? Find(UInt128 address)
    {
        foreach (Level6 level in Volatile.Read(ref _levels6))
            if (level.Table.Find(address & level.Mask) is { } session) return session;
        return null;
    }

    public void Add(IpPrefix prefix, SessionEntry session)
    {
        if (prefix.IsIPv4)
        {
            Level4 level = Array.Find(_levels4, l => l.Length == prefix.Length) ?? AddLevel4(prefix.Length);
            level.Table.Add((uint)prefix.Address & level.Mask, session);
            return;
        }
        Level6 level6 = Array.Find(_levels6, l => l.Length == prefix.Length) ?? AddLevel6(prefix.Length);
        level6.Table.Add(prefix.Address & level6.Mask, session);
    }

    public void Remove(IpPrefix prefix, SessionEntry session)
    {
        if (prefix.IsIPv4)
        {
            if (Array.Find(_levels4, l => l.Length == prefix.Length) is not { } level) return;
            level.Table.Remove((uint)prefix.Address & level.Mask, session);
            if (level.Table.Count == 0) Volatile.Write(ref _levels4, Array.FindAll(_levels4, l => l != level));
            return;
        }
        if (Array.Find(_levels6, l => l.Length == prefix.Length) is not { } level6) return;
        level6.Table.Remove(prefix.Address & level6.Mask, session);
        if (level6.Table.Count == 0) Volatile.Write(ref _levels6, Array.FindAll(_levels6, l => l != level6));
    }

    private Level4 AddLevel4(int length)
    {
        var level = new Level4(length, length == 0 ? 0 : uint.MaxValue << (32 - length), new());
        Volatile.Write(ref _levels4, [.. _levels4.Append(level).OrderByDescending(l => l.Length)]);
        return level;
    }

    private Level6 AddLevel6(int length)
    {
        var level = new Level6(length, length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length), new());
        Volatile.Write(ref _levels6, [.. _levels6.Append(level).OrderByDescending(l => l.Length)]);
        return level;
    }
}
