using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>A route to make or to remove. What is left out is left to the kernel, and on removal matches anything.</summary>
/// <param name="Destination">Host bits are ignored; /0 for a default route.</param>
/// <param name="InterfaceIndex">The device it leaves by.</param>
public sealed record RouteSpec(IpPrefix Destination, int InterfaceIndex)
{
    /// <summary>The next hop; null if the destination is reached on the link itself, as through a tunnel.</summary>
    public UInt128? Gateway { get; init; }

    /// <summary>The source address for packets that have none yet.</summary>
    public UInt128? PreferredSource { get; init; }

    /// <summary>Lower is better.</summary>
    public uint Metric { get; init; }

    /// <summary>254 is the main table.</summary>
    public uint Table { get; init; } = NetlinkNumbers.RT_TABLE_MAIN;

    /// <summary>Who made it (RTPROT_); 4 is an administrator.</summary>
    public byte Protocol { get; init; } = 4;

    public override string ToString() => $"{Destination.Network} on interface {InterfaceIndex}";
}

/// <summary>A policy rule: packets (not) carrying a firewall mark look into a table.</summary>
/// <param name="IsIPv4">The family that it is for.</param>
/// <param name="Priority">Lower comes first.</param>
/// <param name="Table">Where to look.</param>
/// <param name="Mark">The mark compared.</param>
/// <param name="Invert">True: for packets without the mark.</param>
public sealed record RuleSpec(bool IsIPv4, uint Priority, uint Table, uint Mark, bool Invert);
