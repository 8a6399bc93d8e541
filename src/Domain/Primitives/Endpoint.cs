using System.Buffers.Binary;
using System.Net;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// A UDP address and port. IPv4 is held as its IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), so that one value has one
/// representation.
/// </summary>
public readonly record struct Endpoint(UInt128 Address, ushort Port) : IComparable<Endpoint>
{
    private static readonly UInt128 MappedPrefix = new(0, 0x0000_FFFF_0000_0000);

    /// <summary>True for an IPv4 (mapped) address.</summary>
    public bool IsIPv4 => Address >> 32 == MappedPrefix >> 32;

    /// <summary>True for 0.0.0.0 and ::.</summary>
    public bool IsUnspecified => Address == UInt128.Zero || Address == MappedPrefix;

    public static Endpoint FromIPv4(uint address, ushort port) => new(MappedPrefix | address, port);

    public static Endpoint From(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return new(BinaryPrimitives.ReadUInt128BigEndian(bytes), checked((ushort)port));
    }

    public static Endpoint From(IPEndPoint endPoint) => From(endPoint.Address, endPoint.Port);

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Address);
        var address = new IPAddress(bytes);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    public IPEndPoint ToIPEndPoint() => new(ToIPAddress(), Port);

    /// <summary>Reads `192.0.2.1:51830` or `[2001:db8::1]:51830`; false for anything else, host names included.</summary>
    public static bool TryParse(string? text, out Endpoint endpoint)
    {
        endpoint = default;
        if (!IPEndPoint.TryParse(text ?? "", out IPEndPoint? parsed) || parsed.Port == 0) return false;
        endpoint = From(parsed);
        return true;
    }

    public int CompareTo(Endpoint other) => Address != other.Address ? Address.CompareTo(other.Address) : Port.CompareTo(other.Port);

    public override string ToString() => ToIPEndPoint().ToString();
}
