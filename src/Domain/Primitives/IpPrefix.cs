using System.Globalization;
using System.Net;

namespace JumpingVpn.Domain.Primitives;

/// <summary>An address with a prefix length, such as 10.77.0.2/32 or fd77::2/128.</summary>
public readonly record struct IpPrefix(UInt128 Address, byte Length, bool IsIPv4)
{
    /// <summary>The length of the prefix counted over the IPv4-mapped IPv6 address, 0 to 128.</summary>
    private int MappedLength => IsIPv4 ? Length + 96 : Length;

    /// <summary>Reads `address/length`; a bare address is a host prefix. False for anything else.</summary>
    public static bool TryParse(string? text, out IpPrefix prefix)
    {
        prefix = default;
        if (string.IsNullOrEmpty(text)) return false;
        int slash = text.IndexOf('/');
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out IPAddress? address) || address.Scope() != 0) return false;
        bool v4 = address.IsIPv4();
        int max = v4 ? 32 : 128;
        int length = max;
        if (slash >= 0 && (!int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > max))
            return false;
        prefix = new(Endpoint.From(address, 0).Address, (byte)length, v4);
        return true;
    }

    /// <summary>True if <paramref name="address"/> (IPv4 as its mapped form) lies inside the prefix.</summary>
    public bool Contains(UInt128 address) => MappedLength == 0 || (address ^ Address) >> (128 - MappedLength) == UInt128.Zero;

    /// <summary>True if the two prefixes share an address.</summary>
    public bool Overlaps(IpPrefix other) =>
        IsIPv4 == other.IsIPv4 && (Length <= other.Length ? Contains(other.Address) : other.Contains(Address));

    /// <summary>The same prefix with its host bits cleared.</summary>
    public IpPrefix Network => this with { Address = MappedLength == 0 ? Address & UInt128.Zero : Address & (UInt128.MaxValue << (128 - MappedLength)) };

    public override string ToString() =>
        new Endpoint(Address, 0).ToIPAddress().ToString() + "/" + Length.ToString(CultureInfo.InvariantCulture);
}

internal static class IPAddressExtensions
{
    public static bool IsIPv4(this IPAddress address) => address.GetAddressBytes().Length == 4;

    /// <summary>The scope of an IPv6 address; 0 for IPv4, which has none.</summary>
    public static long Scope(this IPAddress address) => address.IsIPv4() ? 0 : address.ScopeId;
}
