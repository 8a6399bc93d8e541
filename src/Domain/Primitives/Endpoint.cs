using System.Net;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// A UDP address and port. IPv4 is held as its IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), so that one value has one
/// representation.
/// </summary>
public readonly record struct Endpoint : IComparable<Endpoint>
{
    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    private readonly Bits128 address;

    public Endpoint(UInt128 address, ushort port) => (this.address, Port) = (Bits128.From(address), port);

    private Endpoint(Bits128 address, ushort port) => (this.address, Port) = (address, port);

    /// <summary>The IPv6 address, or the IPv4 address in its mapped form.</summary>
    public UInt128 Address
    {
        get => address.ToUInt128();
        init => address = Bits128.From(value);
    }

    /// <summary>The UDP port; 0 where only the address is meant.</summary>
    public ushort Port { get; init; }

    /// <summary>True for an IPv4 (mapped) address.</summary>
    public bool IsIPv4 => address.High == 0 && address.Low >> 32 == MappedPrefix >> 32;

    /// <summary>True for 0.0.0.0 and ::.</summary>
    public bool IsUnspecified => address.High == 0 && address.Low is 0 or MappedPrefix;

    public static Endpoint FromIPv4(uint address, ushort port) => new(new Bits128(0, MappedPrefix | address), port);

    public static Endpoint From(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return new(Bits128.Read(bytes), checked((ushort)port));
    }

    public static Endpoint From(IPEndPoint endPoint) => From(endPoint.Address, endPoint.Port);

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        address.Write(bytes);
        var whole = new IPAddress(bytes);
        return whole.IsIPv4MappedToIPv6 ? whole.MapToIPv4() : whole;
    }

    public IPEndPoint ToIPEndPoint() => new(ToIPAddress(), Port);

    /// <summary>Reads `192.0.2.1:51830` or `[2001:db8::1]:51830`; false for anything else, host names included.</summary>
    public static bool TryParse(string? text, out Endpoint endpoint) => TryParse(text.AsSpan(), out endpoint);

    /// <inheritdoc cref="TryParse(string?, out Endpoint)"/>
    public static bool TryParse(ReadOnlySpan<char> text, out Endpoint endpoint)
    {
        if (TryParseIPv4(text, out endpoint) && endpoint.Port != 0) return true;
        endpoint = default;
        if (!IPEndPoint.TryParse(text, out IPEndPoint? parsed) || parsed.Port == 0) return false;
        endpoint = From(parsed);
        return true;
    }

    /// <summary>Reads four decimal numbers without leading zeros and a port, without allocating; false for anything else, whatever it may be.</summary>
    internal static bool TryParseIPv4(ReadOnlySpan<char> text, out Endpoint endpoint)
    {
        endpoint = default;
        uint address = 0;
        int at = 0;
        for (int part = 0; part < 4; part++)
        {
            if (!TryNumber(text, ref at, part < 3 ? '.' : ':', byte.MaxValue, out uint value)) return false;
            address = (address << 8) | value;
        }
        if (!TryNumber(text, ref at, '\0', ushort.MaxValue, out uint port) || at != text.Length) return false;
        endpoint = FromIPv4(address, (ushort)port);
        return true;
    }

    /// <summary>A number and what ends it; NUL stands for the text's end.</summary>
    private static bool TryNumber(ReadOnlySpan<char> text, ref int at, char end, uint max, out uint value)
    {
        value = 0;
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]) && at - start < 5) value = (value * 10) + (uint)(text[at++] - '0');
        if (at == start || value > max || (text[start] == '0' && at - start > 1)) return false;
        if (end == '\0') return true;
        return at < text.Length && text[at++] == end;
    }

    /// <summary>The address as the Domain holds it.</summary>
    internal Bits128 Bits => address;

    /// <summary>The address alone.</summary>
    internal static Endpoint Of(Bits128 address) => new(address, 0);

    public int CompareTo(Endpoint other) => address != other.address ? address.CompareTo(other.address) : Port.CompareTo(other.Port);

    public override string ToString() => ToIPEndPoint().ToString();
}
