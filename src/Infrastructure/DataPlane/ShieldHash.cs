using System.Buffers.Binary;
using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>By what a filter tells datagrams apart.</summary>
internal enum ShieldKey
{
    /// <summary>Address and port of the sender.</summary>
    Source,

    /// <summary>Of IPv6 the /64 alone, of IPv4 address and port.</summary>
    Network,

    /// <summary>The session that is named where PREPARE, PROBE and END name it, in whatever datagram.</summary>
    Session,
}

/// <summary>
/// A keyed hash of sources or session ids that a packet filter of the kernel computes too: 32-bit multiplications and shifts alone. Multilinear
/// (Lemire and Kaser, Strongly Universal String Hashing is Fast, 2014) with one round of mixing; its high bits are the good ones. The
/// multipliers are drawn anew again and again, so that what falls on one bit with something else does not do so for long.
/// </summary>
internal sealed class ShieldHash(ShieldKey key)
{
    private readonly uint[] _multipliers = new uint[6];

    public ShieldKey Key => key;

    /// <summary>The odd multiplier of the port.</summary>
    public uint Port => _multipliers[4];

    /// <summary>The odd multiplier that follows the shift.</summary>
    public uint Last => _multipliers[5];

    /// <summary>The odd multiplier of a 32-bit word of an IPv6 address or of an id, 0 to 3; an IPv4 address is multiplied as the last word.</summary>
    public uint Word(int number) => _multipliers[number];

    /// <summary>Draws new multipliers.</summary>
    public void Renew()
    {
        Span<byte> random = stackalloc byte[sizeof(uint) * _multipliers.Length];
        RandomNumberGenerator.Fill(random);
        for (int i = 0; i < _multipliers.Length; i++) _multipliers[i] = BinaryPrimitives.ReadUInt32LittleEndian(random[(sizeof(uint) * i)..]) | 1;
    }

    /// <summary>32 bits of a source.</summary>
    public uint Of(Endpoint source)
    {
        if (source.IsIPv4) return Mix((uint)source.Address * Word(3) + source.Port * Port);
        return Mix(key == ShieldKey.Network ? Sum(source.Address >> 64 << 64) : Sum(source.Address) + source.Port * Port);
    }

    /// <summary>32 bits of a session's id.</summary>
    public uint Of(SessionId session)
    {
        Span<byte> bytes = stackalloc byte[SessionId.Size];
        session.Write(bytes);
        return Mix(Sum(BinaryPrimitives.ReadUInt128BigEndian(bytes)));
    }

    private uint Sum(UInt128 value) =>
        (uint)(value >> 96) * Word(0) + (uint)(value >> 64) * Word(1) + (uint)(value >> 32) * Word(2) + (uint)value * Word(3);

    private uint Mix(uint sum) => (sum ^ sum >> 16) * Last;
}
