using System.Numerics;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// What passes a filter: a Bloom filter with one hash function, made anew for each program. Sources or sessions whose bit is set pass; of the
/// others a share does.
/// </summary>
internal sealed class ShieldBits(ShieldKey key)
{
    /// <summary>Least and greatest number of bits, as powers of two.</summary>
    public const int MinBits = 6, MaxBits = 15;

    /// <summary>Bits for each entry, so that about one other in so many shares a bit with one.</summary>
    private const int BitsPerEntry = 64;

    private const int WordBits = 5;
    private readonly uint[] _words = new uint[1 << (MaxBits - WordBits)];

    public ShieldHash Hash { get; } = new(key);

    /// <summary>How many there are, as a power of two.</summary>
    public int Bits { get; private set; } = MinBits;

    public ReadOnlySpan<uint> Words => _words.AsSpan(0, 1 << (Bits - WordBits));

    /// <summary>How many bits serve so many entries.</summary>
    public static int BitsFor(int entries, int most) =>
        Math.Clamp(BitOperations.Log2((uint)Math.Max(1, entries) * BitsPerEntry - 1) + 1, MinBits, most);

    /// <summary>Begins anew, with a new hash.</summary>
    /// <param name="passes">What is not named afterwards.</param>
    public void Clear(int bits, bool passes)
    {
        Bits = bits;
        Hash.Renew();
        _words.AsSpan().Fill(passes ? uint.MaxValue : 0);
    }

    public void Set(ReadOnlySpan<Endpoint> sources, bool passes)
    {
        foreach (Endpoint source in sources) Set(Hash.Of(source), passes);
    }

    /// <summary>Lets sessions pass.</summary>
    public void Set(ReadOnlySpan<SessionId> sessions)
    {
        foreach (SessionId session in sessions) Set(Hash.Of(session), passes: true);
    }

    private void Set(uint hash, bool passes)
    {
        uint index = hash >> (32 - Bits), bit = 1u << (int)(index & 31);
        ref uint word = ref _words[(int)(index >> WordBits)];
        word = passes ? word | bit : word & ~bit;
    }
}
