using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// The Internet checksum (RFC 1071). Sums are taken over 16-bit words as they lie in memory: the result is right in either byte
/// order as long as it is written back the same way.
/// </summary>
internal static unsafe class InternetChecksum
{
    /// <summary>Adds up memory; the sum stays unfolded.</summary>
    public static ulong Sum(byte* data, int length)
    {
        ulong sum = 0;
        if (Vector256.IsHardwareAccelerated && length >= 64)
        {
            Vector256<ulong> total = default;
            Vector256<ulong> low = Vector256.Create(0xFFFF_FFFFUL);
            for (; length >= 32; length -= 32, data += 32)
            {
                Vector256<ulong> words = Vector256.Load((ulong*)data);
                total += (words & low) + (words >>> 32);
            }
            sum = Vector256.Sum(total);
        }
        for (; length >= 8; length -= 8, data += 8)
        {
            ulong words = *(ulong*)data;
            sum += (words & 0xFFFF_FFFF) + (words >> 32);
        }
        if (length >= 4)
        {
            sum += *(uint*)data;
            data += 4;
            length -= 4;
        }
        if (length >= 2)
        {
            sum += *(ushort*)data;
            data += 2;
            length -= 2;
        }
        if (length != 0) sum += *data;
        return sum;
    }

    /// <summary>Folds a sum to 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)sum;
    }

    /// <summary>The sum of the pseudo header of TCP or UDP (RFC 9293, 3.1; RFC 8200, 8.1).</summary>
    /// <param name="ip">The IP header.</param>
    /// <param name="protocol">6 or 17.</param>
    /// <param name="length">Bytes of the TCP or UDP header and what follows it.</param>
    public static ulong PseudoHeader(byte* ip, byte protocol, int length)
    {
        ulong sum = (ulong)BinaryPrimitives.ReverseEndianness((ushort)protocol);
        // A length above 16 bits is a 32-bit field in IPv6's pseudo header; its halves add up to the same sum.
        sum += BinaryPrimitives.ReverseEndianness((ushort)length) + (ulong)BinaryPrimitives.ReverseEndianness((ushort)(length >> 16));
        return sum + (ip[0] >> 4 == 4 ? Sum(ip + 12, 8) : Sum(ip + 8, 32));
    }

    /// <summary>Fills in an IPv4 header's checksum.</summary>
    public static void WriteIPv4(byte* ip, int headerLength)
    {
        *(ushort*)(ip + 10) = 0;
        *(ushort*)(ip + 10) = (ushort)~Fold(Sum(ip, headerLength));
    }
}
