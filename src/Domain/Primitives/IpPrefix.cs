using System.Globalization;
using System.Net;

namespace JumpingVpn.Domain.Primitives;

/// <summary>An address with a prefix length, such as 10.77.0.2/32 or fd77::2/128.</summary>
public readonly record struct IpPrefix
{
    private readonly Bits128 address;

    public IpPrefix(UInt128 address, byte length, bool isIPv4) => (this.address, Length, IsIPv4) = (Bits128.From(address), length, isIPv4);

    private IpPrefix(Bits128 address, byte length, bool isIPv4) => (this.address, Length, IsIPv4) = (address, length, isIPv4);

    /// <summary>The IPv6 address, or the IPv4 address in its mapped form; its host bits are kept.</summary>
    public UInt128 Address
    {
        get => address.ToUInt128();
        init => address = Bits128.From(value);
    }

    /// <summary>The prefix's length in the family's own terms, 0 to 32 or 128.</summary>
    public byte Length { get; init; }

    public bool IsIPv4 { get; init; }

    /// <summary>The length of the prefix counted over the IPv4-mapped IPv6 address, 0 to 128.</summary>
    private int MappedLength => IsIPv4 ? Length + 96 : Length;

    /// <summary>Reads `address/length`; a bare address is a host prefix. False for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpPrefix prefix) => TryParse(text.ToString(), out prefix);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out IpPrefix)"/>
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
        prefix = new(Endpoint.From(address, 0).Bits, (byte)length, v4);
        return true;
    }

    /// <summary>True if <paramref name="candidate"/> (IPv4 as its mapped form) lies inside the prefix.</summary>
    public bool Contains(UInt128 candidate) => Contains(Bits128.From(candidate));

    /// <summary>True if the two prefixes share an address.</summary>
    public bool Overlaps(IpPrefix other) =>
        IsIPv4 == other.IsIPv4 && (Length <= other.Length ? Contains(other.address) : other.Contains(address));

    /// <summary>The same prefix with its host bits cleared.</summary>
    public IpPrefix Network => new(new Bits128(address.High & HighMask, address.Low & LowMask), Length, IsIPv4);

    private ulong HighMask => MappedLength switch { 0 => 0, >= 64 => ulong.MaxValue, _ => ulong.MaxValue << (64 - MappedLength) };

    private ulong LowMask => MappedLength switch { <= 64 => 0, _ => ulong.MaxValue << (128 - MappedLength) };

    private bool Contains(Bits128 candidate) => ((candidate.High ^ address.High) & HighMask) == 0 && ((candidate.Low ^ address.Low) & LowMask) == 0;

    public override string ToString() =>
        Endpoint.Of(address).ToIPAddress().ToString() + "/" + Length.ToString(CultureInfo.InvariantCulture);
}

internal static class IPAddressExtensions
{
    public static bool IsIPv4(this IPAddress address) => address.GetAddressBytes().Length == 4;

    /// <summary>The scope of an IPv6 address; 0 for IPv4, which has none.</summary>
    public static long Scope(this IPAddress address) => address.IsIPv4() ? 0 : address.ScopeId;
}
