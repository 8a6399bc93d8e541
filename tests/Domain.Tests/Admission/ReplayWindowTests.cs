using JumpingVpn.Domain.Admission;

namespace JumpingVpn.Domain.Tests.Admission;

public class ReplayWindowTests
{
    private const ulong W = AdmissionConstants.MinWindow;
    private const ulong Max = AdmissionConstants.MaxCounter;

    private ReplayWindow window;
    private readonly ulong[] words = new ulong[ReplayWindow.Words];

    /// <summary>Each line is a story of its own, on a new window: +n is accepted, -n refused, in this order.</summary>
    [Theory]
    [InlineData(1, "+0 -0 +1 -1 -0 +9 +8 +7 -7 +6 -8 -9")]
    [InlineData(2, "+5 +0 -5 -0")]
    [InlineData(3, "+8127 +0 -0")]
    [InlineData(4, "+8128 -0 +1 -1")]
    [InlineData(5, "+8191 -63 +64")]
    [InlineData(6, "+8192 -64 +65 +66 -65")]
    [InlineData(7, "+63 +64 -63 -64 +65 +62")]
    [InlineData(8, "+1000000 -0 -991872 +991873 +999999 -999999")]
    [InlineData(9, "+1 +8129 -1 +2 -2 +8130 -2 +3")]
    [InlineData(10, "+0 +8192 +16384 +24576 -16384 +16449 -16448")]
    [InlineData(11, "+100 +228 +356 -228 +229 -356 -100 +8400 -228 +280")]
    public void Numbered_cases(int number, string steps)
    {
        foreach (string step in steps.Split(' '))
        {
            bool expected = step[0] == '+';
            ulong counter = ulong.Parse(step.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(window.IsFresh(words, counter) == expected, $"case {number}: check {step}");
            Assert.True(window.TryMark(words, counter) == expected, $"case {number}: mark {step}");
        }
    }

    [Fact]
    public void The_window_is_exactly_as_wide_as_promised()
    {
        Assert.True(window.TryMark(words, 50_000));
        Assert.True(window.IsFresh(words, 50_000 - W + 1));
        Assert.False(window.IsFresh(words, 50_000 - W));
    }

    [Fact]
    public void Every_counter_of_a_full_window_is_accepted_once_from_the_top_down()
    {
        Assert.True(window.TryMark(words, 20_000));
        for (ulong behind = 1; behind < W; behind++) Assert.True(window.TryMark(words, 20_000 - behind));
        for (ulong behind = 0; behind <= W; behind++) Assert.False(window.TryMark(words, 20_000 - behind));
        Assert.Equal(W, window.Marked);
    }

    [Fact]
    public void A_jump_by_a_whole_turn_of_the_ring_forgets_the_old_marks()
    {
        for (ulong counter = 0; counter < W; counter++) Assert.True(window.TryMark(words, counter));
        ulong far = 10 * 64 * (ulong)ReplayWindow.Words;
        Assert.True(window.TryMark(words, far));
        for (ulong counter = far - W + 1; counter < far; counter++) Assert.True(window.TryMark(words, counter));
    }

    [Fact]
    public void Counters_end_before_64_bits_do()
    {
        Assert.False(window.TryMark(words, ulong.MaxValue));
        Assert.False(window.TryMark(words, Max));
        Assert.True(window.TryMark(words, Max - 1));
        Assert.False(window.TryMark(words, Max - 1));
        Assert.True(window.TryMark(words, Max - W));
        Assert.False(window.TryMark(words, Max - W - 1));
    }

    [Fact]
    public void A_reset_window_is_new()
    {
        Assert.True(window.TryMark(words, 77));
        window.Reset(words);
        Assert.Equal(0UL, window.Next);
        Assert.True(window.TryMark(words, 77));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void REQ_REPLAY_2_it_agrees_with_a_model_that_remembers_everything(int seed)
    {
        var random = new Random(seed);
        var seen = new HashSet<ulong>();
        ulong highest = 0;
        bool any = false;
        for (int step = 0; step < 200_000; step++)
        {
            ulong counter = random.Next(20) switch
            {
                0 => highest + (ulong)random.Next(1, 30_000),
                1 => highest - Math.Min(highest, (ulong)random.Next(8000, 8300)),
                2 => highest - Math.Min(highest, (ulong)random.Next(64 * 128)),
                < 8 => highest - Math.Min(highest, (ulong)random.Next(200)),
                _ => highest + (ulong)random.Next(1, 3),
            };
            bool expected = (!any || counter > highest || highest - counter < W) && !seen.Contains(counter);
            Assert.True(window.TryMark(words, counter) == expected, $"seed {seed}, step {step}, counter {counter}, highest {highest}");
            if (!expected) continue;
            seen.Add(counter);
            any = true;
            highest = Math.Max(highest, counter);
        }
    }

    [Fact]
    public void Checking_and_marking_allocate_nothing()
    {
        window.TryMark(words, 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong counter = 2; counter < 100_000; counter++)
            if (window.IsFresh(words, counter)) window.TryMark(words, counter);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void REQ_REPLAY_1_a_nonce_is_fresh_above_the_committed_one()
    {
        Assert.Equal(NonceVerdict.Replayed, NonceWindow.Judge(10, [], 4, 10, out _));
        Assert.Equal(NonceVerdict.Replayed, NonceWindow.Judge(10, [12], 4, 9, out _));
        Assert.Equal(NonceVerdict.Fresh, NonceWindow.Judge(10, [12], 4, 11, out ulong none));
        Assert.Equal(0UL, none);
        Assert.Equal(NonceVerdict.Pending, NonceWindow.Judge(10, [11, 12], 4, 12, out _));
    }

    [Fact]
    public void REQ_FLOOD_1_pending_requests_are_bounded_and_the_lowest_gives_way()
    {
        Assert.Equal(NonceVerdict.Fresh, NonceWindow.Judge(10, [14, 12, 13, 15], 4, 20, out ulong displaced));
        Assert.Equal(12UL, displaced);
        Assert.Equal(NonceVerdict.Superseded, NonceWindow.Judge(10, [14, 12, 13, 15], 4, 11, out displaced));
        Assert.Equal(0UL, displaced);
    }
}
