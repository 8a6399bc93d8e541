using System.Buffers.Binary;
using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// A keyed hash of source addresses that a packet filter of the kernel computes too: 32-bit multiplications and shifts alone. Multilinear
/// (Lemire and Kaser, Strongly Universal String Hashing is Fast, 2014) with one round of mixing; its high bits are the good ones. The
/// multipliers are drawn anew again and again, so that two sources that fall on one bit do not do so for long.
/// </summary>
/// <param name="byNetwork">Of IPv6 only the /64 counts, and no port.</param>
internal sealed class SourceHash(bool byNetwork)
{
    private readonly uint[] _multipliers = new uint[6];

    /// <summary>Of IPv6 only the /64 counts, and no port.</summary>
    public bool ByNetwork => byNetwork;

    /// <summary>The odd multiplier of the port.</summary>
    public uint Port => _multipliers[4];

    /// <summary>The odd multiplier that follows the shift.</summary>
    public uint Last => _multipliers[5];

    /// <summary>The odd multiplier of a 32-bit word of an IPv6 address, 0 to 3; an IPv4 address is multiplied as the last word.</summary>
    public uint Word(int number) => _multipliers[number];

    /// <summary>Draws new multipliers.</summary>
    public void Renew()
    {
        Span<byte> random = stackalloc byte[sizeof(uint) * _multipliers.Length];
        RandomNumberGenerator.Fill(random);
        for (int i = 0; i < _multipliers.Length; i++) _multipliers[i] = BinaryPrimitives.ReadUInt32LittleEndian(random[(sizeof(uint) * i)..]) | 1;
    }

    /// <summary>32 bits.</summary>
    public uint Of(Endpoint source)
    {
        UInt128 address = source.Address;
        uint sum;
        if (source.IsIPv4) sum = (uint)address * Word(3) + source.Port * Port;
        else
        {
            sum = (uint)(address >> 96) * Word(0) + (uint)(address >> 64) * Word(1);
            if (!byNetwork) sum += (uint)(address >> 32) * Word(2) + (uint)address * Word(3) + source.Port * Port;
        }

        return (sum ^ sum >> 16) * Last;
    }
}
