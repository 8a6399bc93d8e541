using System.Diagnostics;
using System.Runtime.CompilerServices;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Sodium;
using Xunit.Abstractions;

namespace JumpingVpn.Infrastructure.Tests.Crypto;

/// <summary>
/// REQ-KEYS-3, measured: where the first difference is does not show in the time. Pairs of short runs that differ only in that, in random
/// order, and a sign test over the pairs; what shows must show in the same direction again and again. A comparison that stops early is
/// found out by the same measurement, so that it can fail.
/// </summary>
public sealed class TimingTests(ITestOutputHelper output)
{
    private const int Pairs = 600;
    private const int Repetitions = 4;
    private const int ProofSize = 32;

    /// <summary>Standard deviations of the sign test; by chance one in 10^9.</summary>
    private const double Significant = 6;

    private readonly byte[] expected = [.. Enumerable.Range(1, ProofSize).Select(i => (byte)(7 * i))];
    private readonly byte[] key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private readonly byte[] request = [.. Enumerable.Range(0, 220).Select(i => (byte)i)];

    private delegate bool Comparison(ReadOnlySpan<byte> given);

    [Fact]
    public void REQ_KEYS_3_the_comparison_takes_as_long_for_the_first_byte_as_for_the_last() =>
        Assert.False(Leaks("ConstantTime.Equal", given => ConstantTime.Equal(expected, given), 4000));

    [Fact]
    public void REQ_KEYS_3_so_does_the_whole_check_of_a_proof()
    {
        Blake2b.Mac(key, request, expected);
        Assert.False(Leaks("Blake2b.Verify", given => Blake2b.Verify(key, request, given), 200));
    }

    [Fact]
    public void A_comparison_that_stops_at_the_first_difference_is_found_out() =>
        Assert.True(Leaks("early out", given => StopsEarly(expected, given), 4000));

    [Fact]
    public void So_is_a_check_of_a_proof_that_compares_like_that()
    {
        Blake2b.Mac(key, request, expected);
        byte[] computed = new byte[ProofSize];
        Assert.True(Leaks("early out after BLAKE2b", given =>
        {
            Blake2b.Mac(key, request, computed);
            return StopsEarly(computed, given);
        }, 200));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool StopsEarly(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        for (int i = 0; i < left.Length; i++)
            if (left[i] != right[i]) return false;
        return true;
    }

    /// <summary>True if each repetition says the same: the last byte's difference takes longer, or shorter, than the first byte's.</summary>
    private bool Leaks(string name, Comparison compare, int times)
    {
        // The same memory for both: only the place of the wrong byte differs.
        byte[] given = [.. expected];
        for (int i = 0; i < 60; i++) Time(compare, given, i % ProofSize, times);
        Thread.Sleep(200);
        double[] signs = new double[Repetitions];
        for (int i = 0; i < Repetitions; i++)
        {
            signs[i] = Sign(compare, given, times, new Random(i));
            if (Math.Abs(signs[i]) < Significant || Math.Sign(signs[i]) != Math.Sign(signs[0])) break;
        }
        output.WriteLine($"{name}: {string.Join(", ", signs.Select(sign => sign.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)))} standard deviations");
        return Array.TrueForAll(signs, sign => Math.Abs(sign) >= Significant);
    }

    /// <summary>In how many pairs the last byte's difference took longer, in standard deviations from half of them.</summary>
    private static double Sign(Comparison compare, byte[] given, int times, Random random)
    {
        int longer = 0, different = 0;
        for (int i = 0; i < Pairs; i++)
        {
            bool isFirstFirst = random.Next(2) == 0;
            long one = Time(compare, given, isFirstFirst ? 0 : ProofSize - 1, times), other = Time(compare, given, isFirstFirst ? ProofSize - 1 : 0, times);
            long first = isFirstFirst ? one : other, last = isFirstFirst ? other : one;
            if (first == last) continue;
            different++;
            if (last > first) longer++;
        }
        return different == 0 ? 0 : (longer - (different / 2.0)) / Math.Sqrt(different / 4.0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Time(Comparison compare, byte[] given, int wrong, int times)
    {
        given[wrong] ^= 0x55;
        bool any = false;
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < times; i++) any |= compare(given);
        long took = Stopwatch.GetTimestamp() - began;
        given[wrong] ^= 0x55;
        Assert.False(any);
        return took;
    }
}
