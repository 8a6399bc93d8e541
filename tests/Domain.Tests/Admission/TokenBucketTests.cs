using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Admission;

public class TokenBucketTests
{
    private static readonly TokenRate Rate = new(3, TimeSpan.FromSeconds(10));

    [Fact]
    public void A_new_bucket_is_full_and_empties_one_by_one()
    {
        TokenBucket bucket = TokenBucket.Full;
        Instant at = Instant.FromMilliseconds(1000);
        for (int left = 3; left > 0; left--)
        {
            Assert.Equal(left, bucket.Available(at, Rate));
            Assert.True(bucket.TryTake(at, Rate, out bucket));
        }

        Assert.Equal(0, bucket.Available(at, Rate));
        Assert.False(bucket.TryTake(at, Rate, out TokenBucket same));
        Assert.Equal(bucket, same);
    }

    [Fact]
    public void An_empty_bucket_says_how_long_to_wait_and_keeps_its_word()
    {
        Instant at = Instant.FromMilliseconds(5);
        TokenBucket bucket = TokenBucket.Full;
        while (bucket.TryTake(at, Rate, out bucket)) { }
        TimeSpan wait = bucket.Wait(at, Rate);
        Assert.Equal(TimeSpan.FromSeconds(10), wait);
        Assert.False(bucket.Has(at + wait - new TimeSpan(1), Rate));
        Assert.True(bucket.Has(at + wait, Rate));
        Assert.Equal(1, bucket.Available(at + wait, Rate));
        Assert.False(bucket.Has(at + wait, Rate, 2));
    }

    [Fact]
    public void A_cost_above_the_burst_is_never_granted()
    {
        Assert.False(TokenBucket.Full.Has(Instant.FromMilliseconds(1_000_000), Rate, 4));
        Assert.Equal(TimeSpan.MaxValue, TokenBucket.Full.Wait(Instant.Zero, Rate, 4));
        Assert.True(TokenBucket.Full.Has(Instant.Zero, Rate, 3));
    }

    [Fact]
    public void A_clock_that_steps_back_grants_nothing_more()
    {
        Instant at = Instant.FromMilliseconds(100_000);
        TokenBucket bucket = TokenBucket.Full;
        while (bucket.TryTake(at, Rate, out bucket)) { }
        Assert.False(bucket.Has(at - TimeSpan.FromSeconds(60), Rate));
    }

    [Fact]
    public void The_ends_of_time_do_not_overflow()
    {
        var rate = new TokenRate(int.MaxValue, TimeSpan.MaxValue);
        Assert.True(TokenBucket.Full.TryTake(new Instant(long.MaxValue - 5), rate, out TokenBucket bucket, int.MaxValue));
        Assert.Equal(Instant.Never, bucket.FullAt);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(30)]
    [InlineData(120)]
    public void REQ_OSCILLATION_3_no_minute_ever_holds_more_than_the_count(int perMinute)
    {
        TokenRate rate = TokenRate.PerMinute(perMinute);
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            TokenBucket bucket = TokenBucket.Full;
            var taken = new Queue<Instant>();
            Instant at = Instant.Zero;
            int most = 0;
            for (int step = 0; step < 20_000; step++)
            {
                at += TimeSpan.FromMilliseconds(random.Next(random.Next(10) == 0 ? 30_000 : 300));
                if (!bucket.TryTake(at, rate, out bucket)) continue;
                taken.Enqueue(at);
                while (at - taken.Peek() >= TimeSpan.FromMinutes(1)) taken.Dequeue();
                most = Math.Max(most, taken.Count);
                Assert.True(taken.Count <= perMinute, $"seed {seed}: {taken.Count} in the minute before {at}");
            }

            Assert.True(most * 5 >= perMinute * 4 || perMinute < 4, $"seed {seed}: never more than {most} of {perMinute}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void It_agrees_with_a_bucket_that_counts_tokens(int seed)
    {
        var random = new Random(seed);
        TokenBucket bucket = TokenBucket.Full;
        // The model: tokens in units of one tick of the refill interval.
        long interval = Rate.Interval.Ticks, level = Rate.Burst * interval, last = 0;
        for (int step = 0; step < 50_000; step++)
        {
            long now = last + random.NextInt64(interval * 2);
            level = Math.Min(Rate.Burst * interval, level + (now - last));
            last = now;
            int cost = random.Next(1, 4);
            bool expected = level >= cost * interval;
            Assert.Equal((int)(level / interval), bucket.Available(new Instant(now), Rate));
            Assert.True(bucket.TryTake(new Instant(now), Rate, out bucket, cost) == expected, $"seed {seed}, step {step}");
            if (expected) level -= cost * interval;
        }
    }
}
