namespace JumpingVpn.Domain.Admission;

/// <summary>
/// A keyed mixture of numbers for tables of fixed size: nobody outside can aim at another's entry. Two multiplications, no cryptographic
/// strength: what is at stake is an entry that two share.
/// </summary>
/// <param name="seed">Secret and random.</param>
public readonly struct KeyedMix(UInt128 seed)
{
    private readonly ulong _key = (ulong)seed | 1;
    private readonly ulong _otherKey = (ulong)(seed >> 64) | 1;

    /// <summary>64 bits that depend on every bit of both numbers, and on the seed.</summary>
    public ulong Of(ulong first, ulong second)
    {
        ulong high = Math.BigMul(first ^ _key, second ^ _otherKey, out ulong low);
        high = Math.BigMul(high ^ low ^ _otherKey, _key, out low);
        return high ^ low;
    }
}
