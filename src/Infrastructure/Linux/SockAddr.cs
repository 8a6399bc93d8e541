using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>Endpoints as struct sockaddr_in (16 bytes) and struct sockaddr_in6 (28 bytes). Allocates nothing.</summary>
internal static unsafe class SockAddr
{
    /// <summary>Room for either kind.</summary>
    public const int MaxSize = 28;

    private const uint SizeIPv4 = 16;
    private const uint SizeIPv6 = 28;

    /// <summary>Writes the endpoint at <paramref name="address"/> (<see cref="MaxSize"/> bytes); returns the length used.</summary>
    /// <param name="endpoint">IPv4 becomes sockaddr_in, everything else sockaddr_in6.</param>
    /// <param name="address">Where to write.</param>
    /// <param name="scope">The interface index that a link-local IPv6 address needs; 0 for none.</param>
    public static uint Write(in Endpoint endpoint, byte* address, int scope = 0)
    {
        new Span<byte>(address, MaxSize).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(new(address + 2, 2), endpoint.Port);
        if (endpoint.IsIPv4)
        {
            *(ushort*)address = Libc.AF_INET;
            BinaryPrimitives.WriteUInt32BigEndian(new(address + 4, 4), (uint)endpoint.Address);
            return SizeIPv4;
        }
        *(ushort*)address = Libc.AF_INET6;
        BinaryPrimitives.WriteUInt128BigEndian(new(address + 8, 16), endpoint.Address);
        if (IsLinkLocal(endpoint.Address)) *(int*)(address + 24) = scope;
        return SizeIPv6;
    }

    /// <summary>Reads an endpoint; the default value for another family or too few bytes.</summary>
    public static Endpoint Read(byte* address, uint length) => length < 2 ? default : *(ushort*)address switch
    {
        Libc.AF_INET when length >= 8 => Endpoint.FromIPv4(
            BinaryPrimitives.ReadUInt32BigEndian(new(address + 4, 4)), BinaryPrimitives.ReadUInt16BigEndian(new(address + 2, 2))),
        Libc.AF_INET6 when length >= 24 => new(
            BinaryPrimitives.ReadUInt128BigEndian(new(address + 8, 16)), BinaryPrimitives.ReadUInt16BigEndian(new(address + 2, 2))),
        _ => default,
    };

    /// <summary>True for fe80::/10, which means nothing without an interface.</summary>
    public static bool IsLinkLocal(UInt128 address) => address >> 118 == 0xfe80 >> 6;
}
