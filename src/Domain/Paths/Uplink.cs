using System.Collections.Immutable;

namespace JumpingVpn.Domain.Paths;

/// <summary>A network interface that the client may send through.</summary>
/// <param name="Name">The device's name, such as wan1.</param>
/// <param name="InterfaceIndex">The kernel's number for it.</param>
/// <param name="Addresses">Its global addresses, IPv4 in mapped form, in ascending order.</param>
public sealed record Uplink(string Name, int InterfaceIndex, ImmutableArray<UInt128> Addresses)
{
    public bool HasIPv4 => Addresses.Any(address => address >> 32 == 0xFFFF);

    public bool HasIPv6 => Addresses.Any(address => address >> 32 != 0xFFFF);

    public bool Equals(Uplink? other) =>
        other is not null && Name == other.Name && InterfaceIndex == other.InterfaceIndex && Addresses.AsSpan().SequenceEqual(other.Addresses.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Name, InterfaceIndex, Addresses.Length);
}
