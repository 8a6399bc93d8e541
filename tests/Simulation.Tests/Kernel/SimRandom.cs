using System.Buffers.Binary;

namespace JumpingVpn.Simulation.Tests.Kernel;

/// <summary>All chance of a simulated world (SplitMix64, Steele et al. 2014): the same seed gives the same numbers on every host.</summary>
internal sealed class SimRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>Both ends included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    public bool Chance(int percent) => Below(100) < percent;

    /// <summary>A time between the two, in whole microseconds.</summary>
    public TimeSpan Time(TimeSpan low, TimeSpan high)
    {
        long span = (high - low).Ticks / TimeSpan.TicksPerMicrosecond;
        return span <= 0 ? low : low + new TimeSpan((long)(Next() % (ulong)(span + 1)) * TimeSpan.TicksPerMicrosecond);
    }

    public TimeSpan Milliseconds(int low, int high) => Time(TimeSpan.FromMilliseconds(low), TimeSpan.FromMilliseconds(high));

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    public void Fill(Span<byte> bytes)
    {
        Span<byte> word = stackalloc byte[8];
        for (int i = 0; i < bytes.Length; i += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Next());
            word[..Math.Min(8, bytes.Length - i)].CopyTo(bytes[i..]);
        }
    }

    /// <summary>A generator of its own, so that one part of the world does not change another's numbers.</summary>
    public SimRandom Fork() => new(Next());
}
