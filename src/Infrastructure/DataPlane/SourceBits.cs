using System.Numerics;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Which sources pass a filter: a Bloom filter with one hash function, made anew for each program. Sources whose bit is set pass; of the
/// others a share does.
/// </summary>
/// <param name="byNetwork">As of <see cref="SourceHash"/>.</param>
internal sealed class SourceBits(bool byNetwork)
{
    /// <summary>Least and greatest number of bits, as powers of two.</summary>
    public const int MinBits = 6, MaxBits = 15;

    /// <summary>Bits for each source, so that about one other in so many shares a bit with one.</summary>
    private const int BitsPerSource = 64;

    private const int WordBits = 5;
    private readonly uint[] _words = new uint[1 << (MaxBits - WordBits)];

    public SourceHash Hash { get; } = new(byNetwork);

    /// <summary>How many there are, as a power of two.</summary>
    public int Bits { get; private set; } = MinBits;

    public ReadOnlySpan<uint> Words => _words.AsSpan(0, 1 << (Bits - WordBits));

    /// <summary>How many bits serve so many sources.</summary>
    public static int BitsFor(int sources, int most) =>
        Math.Clamp(BitOperations.Log2((uint)Math.Max(1, sources) * BitsPerSource - 1) + 1, MinBits, most);

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
        foreach (Endpoint source in sources)
        {
            uint index = Hash.Of(source) >> (32 - Bits), bit = 1u << (int)(index & 31);
            ref uint word = ref _words[(int)(index >> WordBits)];
            word = passes ? word | bit : word & ~bit;
        }
    }
}
